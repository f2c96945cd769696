//! The stages after the flow table: identify, judge, write down.

use std::sync::Arc;

use offport_fingerprint::{
    Answer, Breach, Broken, DataPort, Exchange, Heard, Identifier, Piece, Proof, Protocol, Speaker, Stage,
    looks_encrypted,
};
use offport_flow::{End, Flow, FlowIndex, Followed, Observer, Payload, Settlement, Shunted, Watch};
use offport_policy::{Policy, Reason, Seen, Severity, Verdict};
use offport_wire::{FlowKey, Transport};

use crate::counters::Counters;
use crate::data_ports::DataPorts;
use crate::describe;
use crate::events::Events;
use crate::moves::Moves;
use crate::outcome::{Outcome, Outcomes};
use crate::output::Output;
use crate::record::{Action, EndReason, Event, EventPhase, FlowRecord, Head};
use crate::shunting::Shunting;
use crate::watches::{Begun, Watches};

/// What a flow to a named data port is.
const NAMED: Seen = Seen::Identified(Protocol::FtpData, Proof::Banner);

/// What the stages keep from packet to packet.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) identifier: Identifier,
    pub(crate) outcomes: Outcomes,
    pub(crate) events: Events,
    pub(crate) watches: Watches,
    pub(crate) data_ports: Arc<DataPorts>,
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
            Answer::Identified(protocol, proof) => self.seen(flow, protocol, proof),
            Answer::NotRecognised => Seen::NotRecognised,
            Answer::NeedMore => return None,
        };
        Some(self.settle(flow, seen))
    }

    fn conclude(&mut self, flow: &Flow<'_>) -> Settlement {
        let bounded = flow.client.first.bounded || flow.server.first.bounded;
        let exchange = describe::exchange(flow);
        let seen = match self.state.identifier.identify(&exchange, Stage::Last) {
            Answer::Identified(protocol, proof) => self.seen(flow, protocol, proof),
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
        let named = outcome.as_mut().is_some_and(|outcome| self.name_late(flow, outcome));
        let risen = outcome.as_mut().is_some_and(|outcome| self.judge_again(flow, outcome));
        let (action, reason) = (Action::Interim, EndReason::ActiveTimeout);
        let record = describe::record(flow, outcome.as_ref(), action, reason, self.state.worker);
        let again =
            outcome.filter(|_| named || risen).map(|outcome| self.settle_again(flow, outcome, record));
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
        if let Some(outcome) = outcome.as_mut() {
            self.name_late(flow, outcome);
        }
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

    fn follow(&mut self, flow: &Flow<'_>, Watch(handle): Watch, payload: Payload<'_>) -> Followed {
        let speaker =
            if payload.direction == flow.client_direction { Speaker::Client } else { Speaker::Server };
        let both_seen = flow.client.packets > 0 && flow.server.packets > 0;
        let Payload { offset, bytes, len, acked, .. } = payload;
        let acked = both_seen.then_some(acked.into());
        let piece = Piece { speaker, offset: offset.into(), bytes, len, acked };
        let watches = &mut self.state.watches;
        let Some(heard) = watches.hear(handle, piece) else { return Followed::Done(None) };
        if let Some(named) = watches.data_port(handle) {
            self.named(flow, named);
        }
        match heard {
            Heard::GoOn => Followed::GoOn,
            Heard::Enough => Followed::Done(None),
            Heard::Lost => {
                self.state.counters.watch_lost += 1;
                Followed::Done(None)
            }
            Heard::Broken(broken) => Followed::Done(self.found_out(flow, speaker, bytes, broken)),
        }
    }

    fn watched(&mut self, Watch(handle): Watch, flow: FlowIndex) -> Option<(FlowIndex, Watch)> {
        self.state.watches.belongs_to(handle, flow).map(|(flow, handle)| (flow, Watch(handle)))
    }

    fn next_to_make_room(&self, Watch(handle): Watch) -> [Option<FlowIndex>; 2] {
        self.state.watches.next_to_make_room(handle)
    }

    fn unwatch(&mut self, Watch(handle): Watch) {
        self.state.watches.release(handle);
        self.state.counters.watching = self.state.watches.in_use() as u64;
    }

    fn shunt(&mut self, flow: &Flow<'_>) -> bool {
        let (Some(shunting), Some(outcome)) = (&self.state.shunting, self.state.outcomes.get(flow.label))
        else {
            return false;
        };
        shunting.suits(outcome.judgement.verdict, flow.flagged, flow.client.bytes + flow.server.bytes)
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
        let (mut seen, swap_roles) = match self.was_named(flow, seen) {
            Some(swap_roles) => (NAMED, swap_roles),
            None => (seen, self.guessed_wrong(flow, seen)),
        };
        self.state.counters.data_flows += u64::from(seen == NAMED);
        self.state.counters.mptcp_subflows += u64::from(flow.subflow);
        let flow = &if swap_roles { flow.swapped() } else { *flow };
        let mut facts = describe::facts(flow, seen);
        let mut judgement = self.policy.judge(&facts);
        let mut watch = None;
        if let Seen::Identified(protocol, proof) = seen
            && !proof.is_weak()
        {
            match self.watch(flow, protocol, judgement.verdict) {
                Ok(watched) => watch = watched,
                Err(breach) => {
                    seen = Seen::Broken(protocol, breach);
                    facts = describe::facts(flow, seen);
                    judgement = self.policy.judge(&facts);
                }
            }
        }
        if seen == Seen::NotRecognised && looks_encrypted(&describe::exchange(flow)) {
            judgement.reasons.insert(Reason::LooksEncrypted);
        }
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
        Settlement { label, flagged, swap_roles, watch }
    }

    /// Begins to watch a flow that is what its port is reserved for, if there are rules for that; another one, if more than
    /// a breach can come of it.
    fn watch(
        &mut self,
        flow: &Flow<'_>,
        protocol: Protocol,
        verdict: Verdict,
    ) -> Result<Option<Watch>, Breach> {
        let State { watches, counters, .. } = &mut *self.state;
        if flow.begins_anywhere() {
            return Ok(None);
        }
        let exchange = describe::exchange(flow);
        let begun = match verdict {
            Verdict::Expected => watches.begin(protocol, &exchange),
            _ => watches.listen(protocol, &exchange),
        };
        match begun {
            Begun::Nothing => Ok(None),
            Begun::Watched(handle) | Begun::Instead(handle) => {
                counters.watch_limit += u64::from(begun == Begun::Instead(handle));
                counters.watched += u64::from(verdict == Verdict::Expected);
                counters.watching = watches.in_use() as u64;
                if let Some(named) = watches.data_port(handle) {
                    self.named(flow, named);
                }
                Ok(Some(Watch(handle)))
            }
            Begun::Broken(breach) => Err(breach),
        }
    }

    /// A control connection has named a data port. Whatever address was named, it is heeded as a port of who named it: behind a
    /// NAT the address is another, and a client that names a third host's (RFC 2577, section 3) gets nothing by that.
    fn named(&mut self, flow: &Flow<'_>, DataPort { speaker, address, port }: DataPort) {
        let State { data_ports, counters, .. } = &mut *self.state;
        let [(client, _), (server, _)] = describe::ends(flow);
        let own = if speaker == Speaker::Client { client } else { server };
        let is_own = address.is_none_or(|address| address == own);
        counters.data_ports[usize::from(!is_own)] += 1;
        counters.data_ports_limit += u64::from(data_ports.insert((flow.key.domain(), own, port), flow.last));
    }

    /// Whether a control connection of FTP has named the port that a flow goes to, and if so, whether the guess who is the
    /// client was wrong. A name takes no reservation off a port, and none from TLS, which protects data connections too (RFC
    /// 4217, section 9).
    fn was_named(&self, flow: &Flow<'_>, seen: Seen) -> Option<bool> {
        // A connection is for one file or list, one way (RFC 959, section 3.4.1).
        let both_speak = flow.client.payload > 0 && flow.server.payload > 0;
        if flow.transport() != Transport::TCP
            || both_speak
            || matches!(seen, Seen::Identified(Protocol::Tls, _))
        {
            return None;
        }
        let data_ports = &self.state.data_ports;
        let unreserved = |port| self.policy.expected(Transport::TCP, port).is_empty();
        let is_named = |(address, port)| {
            unreserved(port) && data_ports.contains((flow.key.domain(), address, port), flow.start)
        };
        let [client, server] = describe::ends(flow);
        match is_named(server) {
            true => Some(false),
            false => (!flow.role_certain && unreserved(server.1) && is_named(client)).then_some(true),
        }
    }

    /// The worker that reads the control connection may be behind the one that reads the transfer: what was not recognised is
    /// asked about once more before a record of it is written. Whether it has a name by now.
    fn name_late(&mut self, flow: &Flow<'_>, outcome: &mut Outcome) -> bool {
        let nameless = matches!(outcome.seen, Seen::NotRecognised | Seen::TooLittle);
        if !nameless || flow.flagged || self.was_named(flow, outcome.seen) != Some(false) {
            return false;
        }
        outcome.seen = NAMED;
        outcome.judgement = self.policy.judge(&describe::facts(flow, NAMED));
        self.state.counters.data_flows += 1;
        self.state.counters.rejudged(outcome, flow.transport());
        true
    }

    /// A flow that was settled has broken a rule of what it began as, by these bytes: it is settled anew.
    fn found_out(
        &mut self,
        flow: &Flow<'_>,
        speaker: Speaker,
        bytes: &[u8],
        broken: Broken,
    ) -> Option<Settlement> {
        let before = *self.state.outcomes.get(flow.label)?;
        let (protocol, _) = before.protocol()?;
        let seen = Seen::Broken(protocol, broken.breach);
        let facts = describe::facts(flow, seen);
        let judgement = self.policy.judge(&facts);
        let mut outcome = Outcome { seen, judgement, ..before };
        self.state.counters.rejudged(&outcome, flow.transport());
        // What was said first is not kept; the message that breaks the rule is the evidence.
        let bytes = bytes.get(broken.at..).unwrap_or(bytes);
        let mut shown = *flow;
        match speaker {
            Speaker::Client => shown.client.first.bytes = bytes,
            Speaker::Server => shown.server.first.bytes = bytes,
        }
        self.out.found_out(&shown, &facts, &judgement);
        let worker = self.state.worker;
        let flagged = self.flag(&shown, &mut outcome, |outcome| {
            describe::record(flow, Some(outcome), Action::Interim, EndReason::ActiveTimeout, worker)
        });
        Some(self.relabel(flow, outcome, flagged))
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
        let mut again = self.policy.judge(&describe::facts(flow, outcome.seen));
        // What was said first is not kept.
        if outcome.judgement.reasons.contains(Reason::LooksEncrypted) {
            again.reasons.insert(Reason::LooksEncrypted);
        }
        let risen = again.verdict == verdict && again.severity > outcome.judgement.severity;
        if risen {
            outcome.judgement = again;
        }
        risen
    }

    /// A settled flow whose severity has risen.
    fn settle_again(&mut self, flow: &Flow<'_>, mut outcome: Outcome, record: FlowRecord) -> Settlement {
        let flagged = self.flag(flow, &mut outcome, |_| record);
        self.relabel(flow, outcome, flagged)
    }

    fn relabel(&mut self, flow: &Flow<'_>, outcome: Outcome, flagged: bool) -> Settlement {
        let State { outcomes, counters, .. } = &mut *self.state;
        let label = outcomes.keep(outcome);
        // Without a new label the old one stays.
        match label {
            Some(_) => outcomes.release(flow.label),
            None => counters.outcomes_limit += 1,
        }
        Settlement { label, flagged, swap_roles: false, watch: None }
    }

    /// Whether a reserved port has seen a fair amount of payload that could, with more of it, only turn out to be what
    /// the port is not reserved for: one datagram of raw data on port 53 that starts like RTP.
    fn belongs_elsewhere(&self, flow: &Flow<'_>, exchange: &Exchange<'_>) -> bool {
        /// No message of the protocols on reserved ports is told apart with less.
        const FAIR: usize = 16;
        let expected = self.policy.expected(flow.transport(), exchange.server_port);
        let kept = exchange.client.bytes.len().max(exchange.server.bytes.len());
        !expected.is_empty()
            && !flow.begins_anywhere()
            && kept >= FAIR
            && !self.state.identifier.candidates(exchange).iter().any(|protocol| expected.contains(protocol))
    }

    /// An identified flow. A guess is none where it could still be what the port is reserved for: "+OK" alone on
    /// POP3's port is no answer of Redis.
    fn seen(&self, flow: &Flow<'_>, protocol: Protocol, proof: Proof) -> Seen {
        let exchange = describe::exchange(flow);
        let expected = self.policy.expected(flow.transport(), exchange.server_port);
        let own =
            || self.state.identifier.candidates(&exchange).iter().any(|protocol| expected.contains(protocol));
        if proof.is_weak() && !expected.is_empty() && !expected.contains(protocol) && own() {
            return Seen::TooLittle;
        }
        Seen::Identified(protocol, proof)
    }

    /// Whether a proven protocol shows that the guess who is the client was wrong: the port that is reserved for it is
    /// the client's. So a lone NTP answer from port 123 to port 80 is no NTP on port 80.
    fn guessed_wrong(&self, flow: &Flow<'_>, seen: Seen) -> bool {
        let Seen::Identified(protocol, proof) = seen else { return false };
        if flow.role_certain || proof.is_weak() {
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
        client: Head::of(&flow.client.first),
        server: Head::of(&flow.server.first),
        repeats: 0,
    }
}
