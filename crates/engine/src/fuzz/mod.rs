//! Hostile frames through whole workers, for fuzzing and for the tests that share its entry points.

mod encode;

use std::sync::{Arc, OnceLock};

use offport_flow::ServicePorts;
use offport_policy::Policy;
use offport_wire::{Frame, LinkType, Timestamp};

pub use encode::{ip_packet, split};

use crate::{Config, Event, EventPhase, FlowRecord, HandOver, Output, Worker};

/// Keeps everything that leaves a worker.
#[derive(Debug, Default)]
pub struct Sink {
    /// In the order of writing.
    pub records: Vec<FlowRecord>,
    /// In the order of raising.
    pub events: Vec<Event>,
    /// Datagrams handed over.
    pub handed_over: u64,
}

impl Output for Sink {
    fn record(&mut self, record: &FlowRecord) {
        self.records.push(*record);
    }

    fn event(&mut self, event: &Event) {
        self.events.push(*event);
    }

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        self.handed_over += 1;
        self.handed_over.is_multiple_of(2)
    }
}

/// A frame that owns its bytes.
#[derive(Clone, Debug)]
pub struct Owned {
    /// From the IP header on.
    pub bytes: Vec<u8>,
    /// Length on the wire.
    pub wire_len: u32,
    /// When it was received.
    pub time: Timestamp,
}

impl Owned {
    /// The frame.
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            bytes: &self.bytes,
            link: LinkType::RawIp,
            wire_len: self.wire_len,
            time: self.time,
            interface: 0,
        }
    }
}

/// Small tables: limits are reached.
pub fn small_config() -> Config {
    let mut config = Config { flow: offport_flow::fuzz::small_config(), ..Config::default() };
    config.fragments.datagrams = 4;
    config.suppress_entries = 2;
    config.events_per_second = 3;
    config.max_outcomes = 8;
    config
}

/// Puts `data` through a worker, frame by frame and in batches, and checks what must always hold.
///
/// # Panics
/// When something does not hold: that is what it is for.
pub fn segments(data: &[u8]) {
    let frames = frames(data);
    let one_by_one = run(&frames, 1);
    let in_batches = run(&frames, 45);
    assert_eq!(one_by_one.records, in_batches.records, "batches do not matter");
    assert_eq!(one_by_one.events.len(), in_batches.events.len());
}

/// A worker with the default policy, which is made once only: that takes some time.
pub fn worker(config: Config, worker_id: u16) -> Worker {
    static SHARED: OnceLock<(Arc<Policy>, ServicePorts)> = OnceLock::new();
    let (policy, ports) = SHARED.get_or_init(|| {
        let policy = Arc::new(Policy::default());
        let ports = crate::worker::service_ports(&policy);
        (policy, ports)
    });
    Worker::with_ports(config, Arc::clone(policy), ports.clone(), worker_id, 5)
}

fn run(frames: &[Owned], batch: usize) -> Sink {
    let mut worker = worker(small_config(), 0);
    let mut sink = Sink::default();
    let mut now = Timestamp::ZERO;
    for batch in frames.chunks(batch) {
        let borrowed: Vec<_> = batch.iter().map(Owned::frame).collect();
        worker.batch(&borrowed, &mut sink);
        check(&mut worker);
        now = batch.iter().map(|frame| frame.time).max().unwrap_or(now).max(now);
    }
    worker.finish(now, &mut sink);
    check(&mut worker);
    let counters = worker.counters();
    assert_eq!(counters.received, frames.len() as u64);
    assert_eq!(counters.flow.active, 0);
    assert_eq!(counters.events_waiting, 0);
    let settled: u64 = counters.verdicts.iter().flatten().sum();
    let ends = sink.records.iter().filter(|record| record.action == crate::Action::End);
    let with_payload = ends
        .clone()
        .filter(|record| record.transport.has_ports() && record.client.payload + record.server.payload > 0);
    assert_eq!(with_payload.count() as u64, settled, "every flow with payload has one verdict");
    assert_eq!(ends.count() as u64, counters.flow.created, "every flow has one end");
    let raised = |phase| sink.events.iter().filter(|event| event.phase == phase).count() as u64;
    assert_eq!(raised(EventPhase::Flagged), counters.events_flagged);
    assert_eq!(raised(EventPhase::Ended), counters.events_ended);
    let repeats: u64 = sink.events.iter().map(|event| u64::from(event.repeats)).sum();
    assert_eq!(repeats, counters.events_suppressed, "what is held back is told");
    sink
}

fn check(worker: &mut Worker) {
    let counters = worker.counters();
    assert!(counters.is_balanced(), "{counters:?}");
    assert!(counters.events_are_balanced(), "{counters:?}");
    let cap = small_config().flow;
    assert!(counters.flow.active <= u64::from(cap.max_flows + cap.max_flows_v6));
}

/// The packets of [`offport_flow::fuzz::packets`] as frames, some of them in fragments, some of them damaged.
fn frames(data: &[u8]) -> Vec<Owned> {
    let mut frames = Vec::new();
    let mut count = 0usize;
    offport_flow::fuzz::packets(data, |packet| {
        count += 1;
        let time = packet.time;
        let (mut bytes, wire_len) = ip_packet(packet);
        let odd = data[count * 8 - 1];
        if odd & 0x80 != 0 {
            // Damage somewhere.
            let at = usize::from(data[count * 8 - 3]) % bytes.len();
            bytes[at] ^= odd;
        }
        if odd & 0x43 == 0x40 && bytes[0] >> 4 == 4 && wire_len as usize == bytes.len() {
            let size = 8 * (1 + usize::from(odd >> 2 & 7) * 16);
            let mut parts = split(&bytes, size, count as u16);
            if odd & 4 != 0 {
                parts.reverse();
            }
            if odd & 8 != 0 {
                parts.pop();
            }
            frames.extend(parts.into_iter().map(|bytes| Owned { wire_len: bytes.len() as u32, bytes, time }));
        } else {
            frames.push(Owned { bytes, wire_len, time });
        }
    });
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flow that ends in the past opens a window that is over at once, before the next frame of the same time.
    #[test]
    fn a_window_that_is_over_at_once_is_closed_at_once() {
        segments(
            b"\x0a\x0a\x0a\x00\x04\x00\xd9\x0a\x0a\x0a\x0a\x0a\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x0a\x0a\x0a\
          \x0a\x0a\x0a\x0a\x0a\x0a\x0a\x00\x00\xea\xe1\xc3\xf4\xe4\xc0\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x02\x28\
          \x04\xfa\x02\x28\x09\x04\xfa\x16",
        );
    }

    #[test]
    fn four_thousand_pseudo_random_sequences() {
        let mut state = 0x1234_5678_9abc_def1u64;
        let mut data = [0; 480];
        for round in 0..4_000u32 {
            for byte in &mut data {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
            if round % 2 == 0 {
                for step in data.chunks_exact_mut(8) {
                    step[0] &= 0x87;
                    step[6] %= 210;
                    step[7] &= 0x7f;
                }
            }
            segments(&data);
        }
    }
}
