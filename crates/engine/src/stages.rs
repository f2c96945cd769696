//! The stages after the flow table: identify, judge, write down.

use offport_fingerprint::{Answer, Exchange, Identifier, Proof, Stage, candidates, identify};
use offport_flow::{End, Flow, Observer, Settlement, Shunted};
use offport_policy::{Policy, Seen, Severity, Verdict};
use offport_wire::FlowKey;

use crate::counters::Counters;
use crate::describe;
use crate::events::Events;
use crate::moves::Moves;
use crate::outcome::{Outcome, Outcomes};
use crate::output::Output;
use crate::record::{Action, EndReason, Event, EventPhase, FlowRecord, Head};
use crate::shunting::Shunting;

/// What the stages keep from packet to packet.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) identifier: Identifier,
    pub(crate) outcomes: Outcomes,
    pub(crate) events: Events,
    pub(crate) counters: Counters,
    pub(crate) event_floor: Severity,
    pub(crate) shunting: Option<Shunting>,
    pub(crate) worker: u16,
    /// `None` where there is one worker.
    pub(crate) moves: Option<Moves>,
}

/// The stages for the time of one call.
pub(crate) struct Stages<'a, O> {
    pub(crate) state: &'a mut State,
    pub(crate) policy: &'a Policy,
    pub(crate) out: &'a mut O,
}

impl<O: Output> Observer for Stages<'_, O> {
    fn examine(&mut self, flow: &Flow<'_>) -> Option<Settlement> {
        let seen = match self.state.identifier.identify(&describe::exchange(flow), Stage::Open) {
            Answer::Identified(protocol, proof) => Seen::Identified(protocol, proof),
            Answer::NotRecognised => Seen::NotRecognised,
            Answer::NeedMore => return None,
        };
        Some(self.settle(flow, seen))
    }

    fn conclude(&mut self, flow: &Flow<'_>) -> Settlement {
        let bounded = flow.client.first.bounded || flow.server.first.bounded;
        let exchange = describe::exchange(flow);
        let seen = match identify(&exchange, Stage::Last) {
            Answer::Identified(protocol, proof) => Seen::Identified(protocol, proof),
            // Nothing was kept: the table was full, or all there was may be padding.
            Answer::NotRecognised
                if flow.client.first.bytes.is_empty() && flow.server.first.bytes.is_empty() =>
            {
                Seen::TooLittle
            }
            Answer::NotRecognised => Seen::NotRecognised,
            Answer::NeedMore if bounded || self.belongs_elsewhere(flow, &exchange) => Seen::NotRecognised,
            Answer::NeedMore => Seen::TooLittle,
        };
        self.settle(flow, seen)
    }

    fn interim(&mut self, flow: &Flow<'_>) -> Option<Settlement> {
        let mut outcome = self.state.outcomes.get(flow.label).copied();
        let risen = outcome.as_mut().is_some_and(|outcome| self.judge_again(flow, outcome));
        let (action, reason) = (Action::Interim, EndReason::ActiveTimeout);
        let record = describe::record(flow, outcome.as_ref(), action, reason, self.state.worker);
        let again = outcome.filter(|_| risen).map(|outcome| self.settle_again(flow, outcome, record));
        self.write(&record);
        again
    }

    fn ended(&mut self, flow: &Flow<'_>, end: End) {
        if let Some(moves) = self.state.moves.as_mut().filter(|moves| !moves.is_idle())
            && let Some(slots) = self.out.slots()
        {
            moves.ended(&flow.key, slots);
        }
        let mut outcome = self.state.outcomes.get(flow.label).copied();
        let risen = outcome.as_mut().is_some_and(|outcome| self.judge_again(flow, outcome));
        let reason = describe::reason(end);
        let record = describe::record(flow, outcome.as_ref(), Action::End, reason, self.state.worker);
        if let Some(outcome) = outcome.as_mut().filter(|_| risen) {
            self.flag(flow, outcome, |_| record);
        }
        let State { outcomes, counters, .. } = &mut *self.state;
        outcomes.release(flow.label);
        if let Some(Outcome { judgement, .. }) = outcome {
            let bytes = &mut counters.verdict_bytes[judgement.verdict.index()][judgement.direction.index()];
            bytes[0] += record.client.bytes;
            bytes[1] += record.server.bytes;
        }
        self.write(&record);
        if outcome.is_some_and(|outcome| outcome.announced) {
            let event = event(EventPhase::Ended, record, flow);
            self.state.events.ended(&event, &mut self.state.counters, self.out);
        }
    }

    fn shunt(&mut self, flow: &Flow<'_>) -> bool {
        let (Some(shunting), Some(outcome)) = (&self.state.shunting, self.state.outcomes.get(flow.label))
        else {
            return false;
        };
        shunting.suits(outcome.judgement.verdict, flow.client.bytes + flow.server.bytes)
            && self.out.shunt(&flow.key)
    }

    fn shunted(&mut self, key: &FlowKey) -> Shunted {
        self.out.shunted(key)
    }

    fn release(&mut self, key: &FlowKey) -> Shunted {
        self.out.release(key)
    }
}

impl<O: Output> Stages<'_, O> {
    fn settle(&mut self, flow: &Flow<'_>, seen: Seen) -> Settlement {
        let swap_roles = self.guessed_wrong(flow, seen);
        let flow = &if swap_roles { flow.swapped() } else { *flow };
        let facts = describe::facts(flow, seen);
        let judgement = self.policy.judge(&facts);
        self.out.settled(flow, &facts, &judgement);
        let mut outcome = Outcome { seen, judgement, decided_after: flow.payload_packets, announced: false };
        self.state.counters.settled(&outcome, flow.transport());
        let worker = self.state.worker;
        let flagged = self.flag(flow, &mut outcome, |outcome| {
            describe::record(flow, Some(outcome), Action::Interim, EndReason::ActiveTimeout, worker)
        });
        let State { outcomes, counters, .. } = &mut *self.state;
        let label = outcomes.keep(outcome);
        counters.outcomes_limit += u64::from(label.is_none());
        Settlement { label, flagged, swap_roles }
    }

    /// Flags a flow that was not flagged before, if its severity calls for that. Whether it is flagged now.
    /// Most flows are not, so the record is made only then.
    fn flag(
        &mut self,
        flow: &Flow<'_>,
        outcome: &mut Outcome,
        record: impl FnOnce(&Outcome) -> FlowRecord,
    ) -> bool {
        let State { events, counters, event_floor, .. } = &mut *self.state;
        let severity = outcome.judgement.severity;
        if flow.flagged || severity < *event_floor || severity == Severity::None {
            return flow.flagged;
        }
        let record = record(outcome);
        outcome.announced = events.flagged(event(EventPhase::Flagged, record, flow), counters, self.out);
        true
    }

    /// A flow has sent more since its verdict, which may be worse by now: severity rises with the bytes, and never
    /// falls; the verdict itself stays. Whether it has risen.
    fn judge_again(&self, flow: &Flow<'_>, outcome: &mut Outcome) -> bool {
        let verdict = outcome.judgement.verdict;
        if !verdict.is_alarm() && verdict != Verdict::Unknown {
            return false;
        }
        let again = self.policy.judge(&describe::facts(flow, outcome.seen));
        let risen = again.verdict == verdict && again.severity > outcome.judgement.severity;
        if risen {
            outcome.judgement = again;
        }
        risen
    }

    /// A settled flow whose severity has risen.
    fn settle_again(&mut self, flow: &Flow<'_>, mut outcome: Outcome, record: FlowRecord) -> Settlement {
        let flagged = self.flag(flow, &mut outcome, |_| record);
        let State { outcomes, counters, .. } = &mut *self.state;
        let label = outcomes.keep(outcome);
        // Without a new label the old one stays.
        match label {
            Some(_) => outcomes.release(flow.label),
            None => counters.outcomes_limit += 1,
        }
        Settlement { label, flagged, swap_roles: false }
    }

    /// Whether a reserved port has seen a fair amount of payload that could, with more of it, only turn out to be what
    /// the port is not reserved for: one datagram of raw data on port 53 that starts like RTP.
    fn belongs_elsewhere(&self, flow: &Flow<'_>, exchange: &Exchange<'_>) -> bool {
        /// No message of the protocols on reserved ports is told apart with less.
        const FAIR: usize = 16;
        let expected = self.policy.expected(flow.transport(), exchange.server_port);
        let kept = exchange.client.bytes.len().max(exchange.server.bytes.len());
        !expected.is_empty()
            && !flow.midstream
            && kept >= FAIR
            && !candidates(exchange).iter().any(|protocol| expected.contains(protocol))
    }

    /// Whether a proven protocol shows that the guess who is the client was wrong: the port that is reserved for it is
    /// the client's. So a lone NTP answer from port 123 to port 80 is no NTP on port 80.
    fn guessed_wrong(&self, flow: &Flow<'_>, seen: Seen) -> bool {
        let Seen::Identified(protocol, proof) = seen else { return false };
        if flow.role_certain || proof == Proof::Heuristic {
            return false;
        }
        let [(_, client), (_, server)] = describe::ends(flow);
        let reserved = |port| self.policy.expected(flow.transport(), port).contains(protocol);
        reserved(client) && !reserved(server)
    }

    fn write(&mut self, record: &FlowRecord) {
        self.state.counters.records += 1;
        self.out.record(record);
    }
}

fn event(phase: EventPhase, record: FlowRecord, flow: &Flow<'_>) -> Event {
    Event {
        phase,
        record,
        client: Head::new(flow.client.first.bytes),
        server: Head::new(flow.server.first.bytes),
        repeats: 0,
    }
}
