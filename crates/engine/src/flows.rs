//! The flow table and what follows it, and which flows are this worker's.

use std::sync::Arc;

use offport_fingerprint::Identifier;
use offport_flow::{Hint, Moment, Outcome, Tracker};
use offport_policy::Policy;
use offport_wire::{Packet, Timestamp};

use crate::config::Config;
use crate::counters::Counters;
use crate::data_ports::DataPorts;
use crate::early_errors::EarlyErrors;
use crate::events::Events;
use crate::moves::{Moves, SlotState};
use crate::outcome::Outcomes;
use crate::output::{HandOver, Output};
use crate::stages::{Stages, State};
use crate::watches::Watches;
use crate::worker::service_ports;

#[derive(Debug)]
pub(crate) struct Flows {
    pub(crate) tracker: Tracker,
    pub(crate) state: State,
    policy: Arc<Policy>,
    early: EarlyErrors,
}

/// The stages over the parts of a [`Flows`].
macro_rules! stages {
    ($flows:expr, $out:expr) => {
        Stages { state: &mut $flows.state, policy: &$flows.policy, out: $out }
    };
}

impl Flows {
    pub(crate) fn new(config: Config, policy: Arc<Policy>, worker: u16, seed: u64) -> Self {
        Self {
            tracker: Tracker::new(&config.flow, seed),
            state: State {
                outcomes: Outcomes::new(config.max_outcomes, seed),
                events: Events::new(&config, seed),
                identifier: Identifier::new(config.signatures),
                watches: Watches::new(config.flow.max_watched),
                data_ports: config.data_ports.unwrap_or_else(|| Arc::new(DataPorts::new(seed))),
                counters: Counters::default(),
                event_floor: config.event_floor,
                shunting: config.shunting,
                worker,
                moves: config.steering.map(|steering| Moves::new(steering, worker, seed)),
            },
            policy,
            early: EarlyErrors::new(),
        }
    }

    /// What is due by a frame's time.
    #[inline]
    pub(crate) fn pass_time(&mut self, now: Timestamp, out: &mut impl Output) -> Moment {
        self.retry_early_errors(now, out);
        self.close_windows(now, out);
        self.tracker.pass_time(now, &mut stages!(self, out))
    }

    /// Whether [`pass_time`](Self::pass_time) has nothing to do if no time passes.
    #[inline]
    pub(crate) fn is_done_by(&self, now: Timestamp) -> bool {
        !self.tracker.is_behind() && !self.early.is_due(now) && !self.state.events.is_due(now)
    }

    /// A packet that came by the steering table, or that the former worker of its slot does not know (`is_new`): through all
    /// the stages. Its time has come.
    #[inline]
    pub(crate) fn track(
        &mut self,
        packet: &Packet<'_>,
        hint: Option<Hint>,
        frames: u32,
        is_new: bool,
        out: &mut impl Output,
    ) {
        if self.state.moves.as_ref().is_some_and(|moves| !moves.is_idle()) && !packet.icmp_error {
            self.track_while_slots_move(packet, frames, is_new, out);
        } else {
            self.track_own(packet, hint, frames, out);
        }
    }

    /// A packet that did not: it goes to the worker that knows of its flow.
    pub(crate) fn track_or_hand_over(&mut self, packet: &Packet<'_>, frames: u32, out: &mut impl Output) {
        let slot = self.state.moves.as_ref().map(|moves| moves.slot(&packet.key).0);
        match slot.zip(out.slots()).map(|(slot, slots)| slots.get(slot).owner()) {
            Some(owner) if owner != self.state.worker => self.hand_over(owner, packet, frames, false, out),
            _ => self.track(packet, None, frames, false, out),
        }
    }

    pub(crate) fn tick(&mut self, now: Timestamp, out: &mut impl Output) {
        self.add_late(out);
        self.tracker.advance(now, &mut stages!(self, out));
        self.retry_early_errors(now, out);
        self.close_windows(now, out);
        let State { moves, counters, .. } = &mut self.state;
        if let (Some(moves), Some(slots)) = (moves, out.slots()) {
            moves.tick(now, counters.received, &self.tracker, slots);
        }
    }

    pub(crate) fn finish(&mut self, now: Timestamp, out: &mut impl Output) {
        self.add_late(out);
        self.retry_early_errors(Timestamp::MAX, out);
        self.tracker.finish(now, &mut stages!(self, out));
        let State { events, counters, .. } = &mut self.state;
        events.finish(now, counters, out);
    }

    pub(crate) fn set_policy(&mut self, policy: Arc<Policy>) {
        self.tracker.set_service_ports(service_ports(&policy));
        self.policy = policy;
    }

    /// What the flow table has counted.
    pub(crate) fn tracked(&mut self) -> offport_flow::Counters {
        let mut counters = *self.tracker.counters();
        counters.icmp_unmatched -= self.early.not_final();
        counters
    }

    /// A packet of a flow that is this worker's.
    fn track_own(
        &mut self,
        packet: &Packet<'_>,
        hint: Option<Hint>,
        frames: u32,
        out: &mut impl Output,
    ) -> Outcome {
        let outcome = self.tracker.packet(packet, hint, &mut stages!(self, out));
        let counters = &mut self.state.counters;
        let counter = match outcome {
            Outcome::Refused => &mut counters.table_full,
            Outcome::Tracked | Outcome::IcmpMatched | Outcome::IcmpUnmatched => &mut counters.processed,
        };
        *counter += u64::from(frames);
        if outcome == Outcome::IcmpUnmatched {
            self.early.keep(packet);
        }
        outcome
    }

    /// The flow of a packet may be another worker's, if it is none that is known here: see [`Moves`].
    #[cold]
    fn track_while_slots_move(
        &mut self,
        packet: &Packet<'_>,
        frames: u32,
        is_new: bool,
        out: &mut impl Output,
    ) {
        let Some((slot, state)) = self.state.moves.as_ref().map(|moves| moves.slot(&packet.key)) else {
            return;
        };
        let me = self.state.worker;
        let elsewhere = match (state, out.slots().map(|slots| slots.get(slot))) {
            (SlotState::Moving { .. }, Some(is)) => Some((is.worker, true)),
            (SlotState::Gone { .. }, Some(is)) if !is_new => Some((is.owner(), false)),
            _ => None,
        };
        if let Some((to, is_new)) = elsewhere.filter(|&(to, _)| to != me)
            && !self.tracker.knows(packet, &mut stages!(self, out))
        {
            return self.hand_over(to, packet, frames, is_new, out);
        }
        let outcome = self.track_own(packet, None, frames, out);
        if state == SlotState::Learning
            && outcome == Outcome::Tracked
            && let (Some(moves), Some(slots)) = (&mut self.state.moves, out.slots())
        {
            moves.started(&packet.key, slots);
        }
    }

    fn hand_over(&mut self, to: u16, packet: &Packet<'_>, frames: u32, is_new: bool, out: &mut impl Output) {
        let counters = &mut self.state.counters;
        let handed = out.hand_over(to, HandOver { packet: *packet, frames, is_new });
        let counter = if handed { &mut counters.handed_over } else { &mut counters.hand_over_failed };
        *counter += u64::from(frames);
    }

    #[inline]
    fn close_windows(&mut self, now: Timestamp, out: &mut impl Output) {
        let State { events, counters, .. } = &mut self.state;
        events.pass_time(now, counters, out);
    }

    #[inline]
    fn retry_early_errors(&mut self, now: Timestamp, out: &mut impl Output) {
        while let Some(packet) = self.early.due(now) {
            self.tracker.packet(&packet, None, &mut stages!(self, out));
        }
    }

    /// What the kernel counted of flows after they were released.
    fn add_late(&mut self, out: &mut impl Output) {
        while let Some((key, shunted)) = out.late() {
            self.tracker.add_late(&key, &shunted, &mut stages!(self, out));
        }
    }
}
