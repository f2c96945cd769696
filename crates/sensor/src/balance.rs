//! Takes slots from a worker that is overloaded and gives them to the one that has the least to do.
//!
//! Flows stay where they are, so that relief comes as flows end and start; what one flow alone costs, no slot can move.
//! For a moment the XDP program counts packets by slot, so that what is given away is about what is too much.

use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use offport_capture::xdp::Slots;
use offport_wire::steer::SLOTS;

/// Over so long a time a worker's load is measured.
const PERIOD: Duration = Duration::from_secs(1);
/// So long packets are counted by slot.
const WEIGH: Duration = Duration::from_millis(250);
/// So long after a move the next one: the load must have had time to follow.
const REST: Duration = Duration::from_secs(10);
/// The recipient must have at least so much less to do.
const MARGIN: f64 = 0.2;
/// Slots that move at a time at most, of a worker: an eighth of all.
const MOST: usize = SLOTS as usize / 8;

/// See the module.
pub(crate) struct Balance {
    slots: Slots,
    above: f64,
    /// Flows that can be pinned.
    flows: u64,
    state: State,
    /// Where busy times were read last.
    since: Instant,
    busy_nanos: Vec<u64>,
    moving: Vec<Move>,
}

enum State {
    Watching { until: Option<Instant> },
    Weighing { donor: u16, recipient: u16, loads: (f64, f64), since: Instant },
}

/// What a worker has to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Since it started.
    pub busy_nanos: u64,
    /// In its table.
    pub flows: u64,
}

#[derive(Clone, Copy)]
struct Move {
    slot: u32,
    to: u16,
}

impl Balance {
    /// `above`: the share of its time that a worker is busy from which on it is overloaded. `flows`: how many can be
    /// pinned.
    pub(crate) fn new(slots: Slots, above: f64, flows: u32, workers: usize, now: Instant) -> Self {
        Self {
            slots,
            above,
            flows: flows.into(),
            state: State::Watching { until: None },
            since: now,
            busy_nanos: vec![0; workers],
            moving: Vec::new(),
        }
    }

    /// To be called some times a second.
    pub(crate) fn tick(&mut self, now: Instant, workers: &[Load]) {
        match self.state {
            State::Watching { until } => {
                let passed = now.saturating_duration_since(self.since);
                if passed < PERIOD {
                    return;
                }
                self.since = now;
                let loads = self.loads(passed, workers);
                self.see_to_moving();
                if until.is_some_and(|until| now < until)
                    || self.moving.iter().any(|given| self.learns(given))
                {
                    return;
                }
                let Some((donor, recipient)) = pair(&loads, self.above) else { return };
                self.slots.weigh(true);
                let loads = (loads[usize::from(donor)], loads[usize::from(recipient)]);
                self.state = State::Weighing { donor, recipient, loads, since: now };
            }
            State::Weighing { donor, recipient, loads, since } => {
                if now.saturating_duration_since(since) < WEIGH {
                    return;
                }
                self.slots.weigh(false);
                let weights: Vec<_> = (1..SLOTS)
                    .filter(|&slot| {
                        let is = self.slots.get(slot);
                        is.worker == donor && is.former.is_none()
                    })
                    .map(|slot| (slot, self.slots.weight(slot)))
                    .collect();
                // So many that their flows can be pinned, and then some.
                let active = workers.get(usize::from(donor)).map_or(0, |load| load.flows);
                let each = (2 * active).div_ceil(weights.len().max(1) as u64).max(1);
                let most = usize::try_from(self.flows / each).unwrap_or(MOST).min(MOST);
                let chosen = choose(weights, most, loads);
                let given: Vec<_> =
                    chosen.into_iter().filter(|&slot| self.slots.give(slot, recipient)).collect();
                self.moving.extend(given.iter().map(|&slot| Move { slot, to: recipient }));
                counter!("offport_steering_moves_total", "result" => "begun").increment(given.len() as u64);
                self.state = State::Watching { until: Some(now + REST) };
                if given.is_empty() {
                    counter!("offport_steering_moves_total", "result" => "none").increment(1);
                    tracing::warn!(
                        "worker {donor} is busy for {:.0} % of its time, worker {recipient} for {:.0} %, and no slot can be \
                         given away: {}",
                        loads.0 * 100.0,
                        loads.1 * 100.0,
                        if most == 0 {
                            "their flows are more than capture.rebalance_flows allows to pin"
                        } else {
                            "each is too much by itself, as of one large flow"
                        },
                    );
                } else {
                    tracing::info!(
                        "worker {donor} is busy for {:.0} % of its time, worker {recipient} for {:.0} %: new flows of {} \
                         slots go to worker {recipient}",
                        loads.0 * 100.0,
                        loads.1 * 100.0,
                        given.len(),
                    );
                }
            }
        }
    }

    /// Gauges.
    pub(crate) fn publish(&self) {
        let mut slots = vec![0_u32; self.busy_nanos.len()];
        for slot in 0..SLOTS {
            if let Some(count) = slots.get_mut(usize::from(self.slots.get(slot).worker)) {
                *count += 1;
            }
        }
        for (worker, count) in slots.into_iter().enumerate() {
            gauge!("offport_steering_slots", "worker" => worker.to_string()).set(f64::from(count));
        }
        gauge!("offport_steering_slots_moving").set(self.moving.len() as f64);
        let pinned = if self.moving.is_empty() { 0 } else { self.slots.pinned() };
        gauge!("offport_steering_pinned").set(pinned as f64);
    }

    /// The share of the time that each worker was busy.
    fn loads(&mut self, passed: Duration, workers: &[Load]) -> Vec<f64> {
        let before = self.busy_nanos.iter_mut();
        before
            .zip(workers)
            .map(|(before, load)| {
                let before = std::mem::replace(before, load.busy_nanos);
                load.busy_nanos.saturating_sub(before) as f64 / passed.as_nanos() as f64
            })
            .collect()
    }

    /// Counts moves that have come to an end.
    fn see_to_moving(&mut self) {
        let (mut finished, mut given_up) = (0, 0);
        let slots = &self.slots;
        self.moving.retain(|given| {
            let is = slots.get(given.slot);
            if is.former.is_none() && is.worker == given.to {
                finished += 1;
            } else if is.former.is_none() {
                given_up += 1;
            }
            is.former.is_some()
        });
        for (result, count) in [("finished", finished), ("given_up", given_up)] {
            counter!("offport_steering_moves_total", "result" => result).increment(count);
        }
        if given_up > 0 {
            tracing::warn!(
                "{given_up} slots stay with their worker: there is no room to pin their flows; raise capture.rebalance_flows"
            );
        }
    }

    fn learns(&self, given: &Move) -> bool {
        self.slots.get(given.slot).learning
    }
}

/// The busiest worker, if it is overloaded, and the least busy one, if that helps.
fn pair(loads: &[f64], above: f64) -> Option<(u16, u16)> {
    let by_load = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1);
    let (donor, most) = loads.iter().enumerate().max_by(by_load)?;
    let (recipient, least) = loads.iter().enumerate().min_by(by_load)?;
    let helps = *most >= above && most - least >= MARGIN.min(above);
    (helps && donor != recipient).then_some((donor as u16, recipient as u16))
}

/// At most `most` slots of (slot, packets) that together are about half of what the donor has more to do than the recipient.
fn choose(mut weights: Vec<(u32, u64)>, most: usize, (donor, recipient): (f64, f64)) -> Vec<u32> {
    let total: u64 = weights.iter().map(|(_, weight)| weight).sum();
    // One that is more than this by itself would only make the other worker the overloaded one.
    let mut left = total as f64 * (donor - recipient) / (2.0 * donor.max(f64::MIN_POSITIVE));
    weights.sort_by_key(|&(_, weight)| std::cmp::Reverse(weight));
    let mut chosen = Vec::new();
    for (slot, weight) in weights {
        if chosen.len() == most {
            break;
        }
        if weight as f64 <= left {
            left -= weight as f64;
            chosen.push(slot);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_gives_to_the_least_busy() {
        assert_eq!(pair(&[0.5, 0.95, 0.1], 0.8), Some((1, 2)));
        assert_eq!(pair(&[0.5, 0.79, 0.1], 0.8), None, "nobody is overloaded");
        assert_eq!(pair(&[0.9, 0.95, 0.85], 0.8), None, "all are");
        assert_eq!(pair(&[1.0], 0.8), None);
        assert_eq!(pair(&[], 0.8), None);
        assert_eq!(pair(&[0.03, 0.0], 0.02), Some((0, 1)), "as tests ask for it");
    }

    #[test]
    fn about_half_of_the_difference_is_given() {
        let even = || (1..=100).map(|slot| (slot, 10)).collect::<Vec<_>>();
        assert_eq!(choose(even(), MOST, (0.9, 0.3)).len(), 33);
        assert_eq!(choose(even(), MOST, (0.9, 0.9)).len(), 0);
        assert_eq!(choose((1..=400).map(|slot| (slot, 10)).collect(), 7, (1.0, 0.0)).len(), 7);
    }

    #[test]
    fn what_one_slot_is_too_much_of_stays() {
        let mut weights: Vec<_> = (1..=10).map(|slot| (slot, 10)).collect();
        weights[4].1 = 10_000;
        let chosen = choose(weights, MOST, (1.0, 0.0));
        assert_eq!(chosen.len(), 9);
        assert!(!chosen.contains(&5));
    }
}
