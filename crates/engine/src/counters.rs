//! What a worker counts: plain numbers, published by whoever owns the worker.

use offport_fingerprint::{Breach, Proof, Protocol};
use offport_policy::{NetworkDirection, Verdict};
use offport_wire::{Drop, Transport};

/// Upper bounds of the buckets of [`Counters::decided_after`], in payload packets; the last bucket has none.
pub const DECIDED_AFTER_BOUNDS: [u8; 8] = [1, 2, 3, 4, 5, 8, 16, 24];

/// Transports that verdicts are counted by, in the order of [`Counters::verdicts`].
pub const VERDICT_TRANSPORTS: [Transport; 3] = [Transport::TCP, Transport::UDP, Transport::SCTP];

const PROTOCOLS: usize = Protocol::COUNT;
const VERDICTS: usize = Verdict::ALL.len();
const BREACHES: usize = Breach::ALL.len();

/// Everything since the worker started; gauges say so.
///
/// At any moment between calls, in frames:
/// `received + taken_over = processed + Σ dropped + table_full + abandoned + held + handed_over + hand_over_failed`
/// ([`Counters::is_balanced`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Frames.
    pub received: u64,
    /// Bytes of these frames on the wire, link headers included.
    pub received_bytes: u64,
    /// Frames, part of reassembled datagrams, that another worker handed to this one.
    pub taken_over: u64,
    /// Frames that were counted to a flow, or are ICMP errors about none.
    pub processed: u64,
    /// Frames without effect, by [`Drop::index`].
    pub dropped: [u64; Drop::ALL.len()],
    /// Frames whose new flow was refused: the table is full.
    pub table_full: u64,
    /// Frames that were lost with a worker that was given up. See [`Counters::abandon`].
    pub abandoned: u64,
    /// Fragments waiting for others (gauge).
    pub held: u64,
    /// Fragments received.
    pub fragments: u64,
    /// Datagrams that were put together from fragments.
    pub reassembled: u64,
    /// Frames, part of reassembled datagrams, that went to another worker.
    pub handed_over: u64,
    /// Such frames for which there was no room.
    pub hand_over_failed: u64,
    /// Flows that were settled, by [`Verdict::index`] and position in [`VERDICT_TRANSPORTS`].
    pub verdicts: [[u64; VERDICT_TRANSPORTS.len()]; VERDICTS],
    /// IP bytes of ended flows by [`Verdict::index`], [`NetworkDirection::index`], and sender: client, server.
    pub verdict_bytes: [[[u64; 2]; NetworkDirection::ALL.len()]; VERDICTS],
    /// Settled flows by what they speak: [`Protocol::index`]; not identified last.
    pub observed: [u64; PROTOCOLS + 1],
    /// Settled flows by what their server port is reserved for, each of its protocols: [`Protocol::index`];
    /// nothing last.
    pub expected: [u64; PROTOCOLS + 1],
    /// Identified flows by the strength of the proof, in the order of [`Proof::ALL`].
    pub proofs: [u64; Proof::ALL.len()],
    /// Flows with a verdict other than undecided, by the payload packets that it took: [`DECIDED_AFTER_BOUNDS`]; more last. Not cumulative.
    pub decided_after: [u64; DECIDED_AFTER_BOUNDS.len() + 1],
    /// Payload packets that all of these took.
    pub decided_after_sum: u64,
    /// Flows that began as they should and were then found out, or whose data port was named late: settled a second time, and
    /// counted in `verdicts` twice.
    pub rejudged: u64,
    /// Flows that broke a rule of what they began as, by [`Breach::index`].
    pub breaches: [u64; BREACHES],
    /// Flows that were watched beyond their verdict.
    pub watched: u64,
    /// Flows that are watched (gauge).
    pub watching: u64,
    /// Flows that were not watched any further because data was missing.
    pub watch_lost: u64,
    /// Flows that were not watched any further because too many were.
    pub watch_limit: u64,
    /// Data ports that FTP's control connections have named: by the speaker's own address, and by another, which is
    /// heeded as a port of the speaker all the same.
    pub data_ports: [u64; 2],
    /// Data ports that were forgotten before their time because too many were named.
    pub data_ports_limit: u64,
    /// Flows that were named by their data port.
    pub data_flows: u64,
    /// Settled flows that are subflows of Multipath TCP connections (RFC 8684, section 3.2).
    pub mptcp_subflows: u64,
    /// Settled flows whose verdict is missing in records: too many different ones at a time.
    pub outcomes_limit: u64,
    /// Flows that were flagged. Each is among `events_flagged`, `events_suppressed`, `events_limited`, or waits in
    /// `events_waiting`.
    pub flagged: u64,
    /// Events of flagged flows that were raised.
    pub events_flagged: u64,
    /// Events of ended flows that were raised.
    pub events_ended: u64,
    /// Flagged flows that another event stands for, in its `repeats`.
    pub events_suppressed: u64,
    /// Flagged flows without an event because of the rate limit.
    pub events_limited: u64,
    /// Ends of flagged flows without an event because of the rate limit.
    pub ends_limited: u64,
    /// Flagged flows that suppression holds back until the end of their window (gauge).
    pub events_waiting: u64,
    /// Suppression windows that were cut short because the table was full.
    pub suppress_limit: u64,
    /// Packets that were worth keeping, but came in fragments or from another worker, without a frame.
    pub keep_missed: u64,
    /// Packets that were worth keeping, and were not offered because the worker was behind.
    pub keep_spared: u64,
    /// Records written.
    pub records: u64,
    /// The flow table's own.
    pub flow: offport_flow::Counters,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            received: 0,
            received_bytes: 0,
            taken_over: 0,
            processed: 0,
            dropped: [0; Drop::ALL.len()],
            table_full: 0,
            abandoned: 0,
            held: 0,
            fragments: 0,
            reassembled: 0,
            handed_over: 0,
            hand_over_failed: 0,
            verdicts: [[0; VERDICT_TRANSPORTS.len()]; VERDICTS],
            verdict_bytes: [[[0; 2]; NetworkDirection::ALL.len()]; VERDICTS],
            observed: [0; PROTOCOLS + 1],
            expected: [0; PROTOCOLS + 1],
            proofs: [0; Proof::ALL.len()],
            decided_after: [0; DECIDED_AFTER_BOUNDS.len() + 1],
            decided_after_sum: 0,
            rejudged: 0,
            breaches: [0; BREACHES],
            watched: 0,
            watching: 0,
            watch_lost: 0,
            watch_limit: 0,
            data_ports: [0; 2],
            data_ports_limit: 0,
            data_flows: 0,
            mptcp_subflows: 0,
            outcomes_limit: 0,
            flagged: 0,
            events_flagged: 0,
            events_ended: 0,
            events_suppressed: 0,
            events_limited: 0,
            ends_limited: 0,
            events_waiting: 0,
            suppress_limit: 0,
            keep_missed: 0,
            keep_spared: 0,
            records: 0,
            flow: offport_flow::Counters::default(),
        }
    }
}

impl Counters {
    /// Frames without effect, all reasons.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Whether every frame is accounted for.
    pub fn is_balanced(&self) -> bool {
        let left = self.handed_over + self.hand_over_failed;
        self.received + self.taken_over
            == self.processed + self.dropped_total() + self.table_full + self.abandoned + self.held + left
    }

    /// The worker is given up, after a panic or for another clock, and `frames` were handed to it: what it did not get to is counted as lost, and what it
    /// held is no more.
    pub fn abandon(&mut self, frames: u64) {
        self.received = self.received.max(frames);
        self.held = 0;
        let left = self.handed_over + self.hand_over_failed;
        let known = self.processed + self.dropped_total() + self.table_full + self.abandoned + left;
        self.abandoned += (self.received + self.taken_over).saturating_sub(known);
        self.events_limited += std::mem::take(&mut self.events_waiting);
        self.watching = 0;
        let flow = &mut self.flow;
        flow.ended_lost += std::mem::take(&mut flow.active);
        for gauge in
            [&mut flow.undecided, &mut flow.heads, &mut flow.extras, &mut flow.paths, &mut flow.shunted]
        {
            *gauge = 0;
        }
    }

    /// Whether every flagged flow is accounted for.
    pub fn events_are_balanced(&self) -> bool {
        self.flagged
            == self.events_flagged + self.events_suppressed + self.events_limited + self.events_waiting
    }

    /// A flow was settled a second time.
    pub(crate) fn rejudged(&mut self, outcome: &crate::outcome::Outcome, transport: Transport) {
        self.rejudged += 1;
        self.verdict(outcome, transport);
    }

    fn verdict(&mut self, outcome: &crate::outcome::Outcome, transport: Transport) {
        if let Some(breach) = outcome.breach() {
            self.breaches[breach.index()] += 1;
        }
        if let Some(at) = VERDICT_TRANSPORTS.iter().position(|&other| other == transport) {
            self.verdicts[outcome.judgement.verdict.index()][at] += 1;
        }
    }

    pub(crate) fn settled(&mut self, outcome: &crate::outcome::Outcome, transport: Transport) {
        self.verdict(outcome, transport);
        let judgement = &outcome.judgement;
        match outcome.protocol() {
            Some((protocol, proof)) => {
                self.observed[protocol.index()] += 1;
                self.proofs[proof as usize] += 1;
            }
            None => self.observed[PROTOCOLS] += 1,
        }
        if judgement.expected.is_empty() {
            self.expected[PROTOCOLS] += 1;
        }
        for protocol in judgement.expected.iter() {
            self.expected[protocol.index()] += 1;
        }
        // Who was given up has not been decided.
        if judgement.verdict == Verdict::Undecided {
            return;
        }
        let bucket = DECIDED_AFTER_BOUNDS.iter().position(|&bound| outcome.decided_after <= bound);
        self.decided_after[bucket.unwrap_or(DECIDED_AFTER_BOUNDS.len())] += 1;
        self.decided_after_sum += u64::from(outcome.decided_after);
    }
}
