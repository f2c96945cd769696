//! What a worker puts out, on its way to the control thread and to the other workers.
//!
//! Bounded single-producer rings of plain values. A full ring drops the result and counts it, never the packet rate;
//! only at the end, when the flow table empties itself into the ring, the worker waits for the reader, for a bounded time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use offport_capture::xdp::{self, Shunt, ShuntCount};
use offport_engine::{Event, FlowRecord, HandOver, Opening, Output, Session, Shunted, Slots};
use offport_evidence::packets::Keeper;
use offport_flow::Flow;
use offport_policy::{Facts, Judgement};
use offport_wire::steer::{Slot, Step};
use offport_wire::{FlowKey, Frame, Packet, Timestamp};
use rtrb::{Consumer, Producer, PushError, RingBuffer};

/// Records that may wait for the control thread (some 400 B each).
const RECORDS: usize = 16 * 1024;
/// Of these, so many are for flows that are flagged.
const FLAGGED_RECORDS: usize = RECORDS / 4;
/// Events that may wait for the control thread (some 1.5 KB each).
const EVENTS: usize = 8 * 1024;
/// First payloads to be described that may wait for the control thread (some 1.1 KB each).
const OPENINGS: usize = 4 * 1024;
/// Reassembled datagrams, and packets of slots that move, that may wait for another worker.
const HAND_OVERS: usize = 256;

/// What the control thread still takes at the end, which has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Takes {
    All,
    /// What is of flagged flows.
    Flagged,
    Nothing,
}

impl Takes {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::All => "all is written",
            Self::Flagged => "only records of flagged flows are written",
            Self::Nothing => "nothing more is written",
        }
    }
}

/// What was lost because its ring was full, or at the end because there was no time for it.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Flow records.
    pub records: AtomicU64,
    /// Events.
    pub events: AtomicU64,
    /// First payloads to be described.
    pub openings: AtomicU64,
    /// [`Takes`].
    takes: AtomicU8,
}

impl Lost {
    /// Who waits for room, waits no more for what is not taken any more.
    pub(crate) fn take_only(&self, what: Takes) {
        self.takes.store(what as u8, Ordering::Relaxed);
    }

    fn is_taken(&self, flagged: bool) -> bool {
        match self.takes.load(Ordering::Relaxed) {
            0 => true,
            1 => flagged,
            _ => false,
        }
    }
}

/// A [`HandOver`] with as much of its payload as the receiver makes use of.
pub(crate) struct OwnedHandOver {
    /// Its `payload` is empty: the bytes are beside it.
    packet: Packet<'static>,
    frames: u32,
    is_new: bool,
    kept: u16,
    payload: [u8; HandOver::PAYLOAD],
}

impl OwnedHandOver {
    fn new(datagram: &HandOver<'_>) -> Self {
        let bytes = datagram.packet.payload;
        let kept = bytes.len().min(HandOver::PAYLOAD);
        let mut payload = [0; HandOver::PAYLOAD];
        payload[..kept].copy_from_slice(&bytes[..kept]);
        Self {
            packet: datagram.packet.without_payload(),
            frames: datagram.frames,
            is_new: datagram.is_new,
            kept: kept as u16,
            payload,
        }
    }

    /// For `Worker::receive`.
    pub(crate) fn as_hand_over(&self) -> HandOver<'_> {
        let packet = Packet { payload: &self.payload[..usize::from(self.kept)], ..self.packet };
        HandOver { packet, frames: self.frames, is_new: self.is_new }
    }
}

/// The worker's ends.
pub(crate) struct Outlet {
    records: Producer<FlowRecord>,
    events: Producer<Event>,
    /// `None`: nobody describes flows.
    openings: Option<Producer<Opening>>,
    /// By worker; `None` is this one.
    peers: Vec<Option<Producer<OwnedHandOver>>>,
    incoming: Vec<Consumer<OwnedHandOver>>,
    lost: Arc<Lost>,
    patient: bool,
    shunt: Option<Shunt>,
    /// `None`: no packets are kept.
    keeper: Option<Keeper>,
    table: Option<Table>,
}

/// The control thread's ends.
pub(crate) struct Inlet {
    pub records: Consumer<FlowRecord>,
    pub events: Consumer<Event>,
    /// Of flows whose records and events come later.
    pub openings: Option<Consumer<Opening>>,
    pub lost: Arc<Lost>,
}

/// The rings of `workers` workers, each connected to the control thread and to all others; `described`: flows are
/// described to it.
pub(crate) fn rings(workers: usize, described: bool) -> Vec<(Outlet, Inlet)> {
    let mut peers: Vec<Vec<Option<Producer<OwnedHandOver>>>> = (0..workers).map(|_| Vec::new()).collect();
    let mut incoming: Vec<Vec<Consumer<OwnedHandOver>>> = (0..workers).map(|_| Vec::new()).collect();
    for (from, peers) in peers.iter_mut().enumerate() {
        for (to, incoming) in incoming.iter_mut().enumerate() {
            if from == to {
                peers.push(None);
                continue;
            }
            let (producer, consumer) = RingBuffer::new(HAND_OVERS);
            peers.push(Some(producer));
            incoming.push(consumer);
        }
    }
    peers
        .into_iter()
        .zip(incoming)
        .map(|(peers, incoming)| {
            let (records, records_out) = RingBuffer::new(RECORDS);
            let (events, events_out) = RingBuffer::new(EVENTS);
            let (openings, openings_out) = described.then(|| RingBuffer::new(OPENINGS)).unzip();
            let lost = Arc::new(Lost::default());
            let outlet = Outlet {
                records,
                events,
                openings,
                peers,
                incoming,
                lost: Arc::clone(&lost),
                patient: false,
                shunt: None,
                keeper: None,
                table: None,
            };
            (outlet, Inlet { records: records_out, events: events_out, openings: openings_out, lost })
        })
        .collect()
}

impl Outlet {
    /// Flows can be shunted by this.
    pub(crate) fn set_shunt(&mut self, shunt: Option<Shunt>) {
        self.shunt = shunt;
    }

    /// Packets are kept by this.
    pub(crate) fn set_keeper(&mut self, keeper: Option<Keeper>) {
        self.keeper = keeper;
    }

    /// Whether packets are kept.
    pub(crate) fn keeps_packets(&self) -> bool {
        self.keeper.is_some()
    }

    /// Packets are steered by this.
    pub(crate) fn set_slots(&mut self, slots: Option<xdp::Slots>) {
        self.table = slots.map(Table);
    }

    /// The time is `now`.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        if let Some(shunt) = &mut self.shunt {
            shunt.pass_time(now);
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.pass_time(now);
        }
    }

    /// The program is detached and all packets are processed. From now on a full ring makes the worker wait: no packet
    /// is held up any more.
    pub(crate) fn no_more_packets(&mut self) {
        self.patient = true;
        if let Some(shunt) = &mut self.shunt {
            shunt.no_more_packets();
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.flush();
        }
    }

    /// The next datagram that another worker reassembled for this one.
    pub(crate) fn next_incoming(&mut self) -> Option<OwnedHandOver> {
        self.incoming.iter_mut().find_map(|ring| ring.pop().ok())
    }

    /// This worker hands nothing over any more: the others know, and what it had to hand over from now on is counted as lost.
    pub(crate) fn hand_over_no_more(&mut self) {
        self.peers.clear();
    }

    /// Whether another worker may still hand something over, or has.
    pub(crate) fn may_get_more(&self) -> bool {
        // In this order: what was handed over before the end was told is seen.
        self.incoming.iter().any(|ring| !ring.is_abandoned() || !ring.is_empty())
    }
}

impl Output for Outlet {
    fn record(&mut self, record: &FlowRecord) {
        let flagged = record.judgement.is_some_and(|judgement| judgement.verdict.is_alarm());
        if flagged || self.patient || self.records.slots() > FLAGGED_RECORDS {
            let wait = self.patient.then_some((&*self.lost, flagged));
            push(&mut self.records, *record, wait, &self.lost.records);
        } else {
            count(&self.lost.records);
        }
    }

    fn event(&mut self, event: &Event) {
        push(&mut self.events, *event, self.patient.then_some((&*self.lost, true)), &self.lost.events);
    }

    fn hand_over(&mut self, worker: u16, datagram: HandOver<'_>) -> bool {
        match self.peers.get_mut(usize::from(worker)) {
            // A worker that is over takes nothing.
            Some(Some(ring)) if !ring.is_full() && !ring.is_abandoned() => {
                ring.push(OwnedHandOver::new(&datagram)).is_ok()
            }
            _ => false,
        }
    }

    fn slots(&self) -> Option<&dyn Slots> {
        self.table.as_ref().map(|table| table as &dyn Slots)
    }

    fn settled(&mut self, flow: &Flow<'_>, facts: &Facts, judgement: &Judgement) {
        let Some(ring) = &mut self.openings else { return };
        if let Some(opening) = Opening::of(flow, facts.seen) {
            let wait = self.patient.then_some((&*self.lost, judgement.verdict.is_alarm()));
            push(ring, opening, wait, &self.lost.openings);
        }
    }

    fn keep(&mut self, frame: &Frame<'_>, session: &Session) {
        if let Some(keeper) = &mut self.keeper {
            keeper.keep(frame, session);
        }
    }

    fn shunt(&mut self, key: &FlowKey) -> bool {
        self.shunt.as_mut().is_some_and(|shunt| shunt.add(key))
    }

    fn shunted(&mut self, key: &FlowKey) -> Shunted {
        self.shunt.as_ref().map_or_else(Shunted::default, |shunt| counted(shunt.take(key)))
    }

    fn release(&mut self, key: &FlowKey) -> Shunted {
        self.shunt.as_mut().map_or_else(Shunted::default, |shunt| counted(shunt.release(key)))
    }

    fn late(&mut self) -> Option<(FlowKey, Shunted)> {
        self.shunt.as_mut()?.late().map(|(key, count)| (key, counted(count)))
    }
}

/// The table that packets are steered by, in the engine's terms.
struct Table(xdp::Slots);

impl Slots for Table {
    fn get(&self, slot: u32) -> Slot {
        self.0.get(slot)
    }

    fn pin(&self, hash: u64) -> bool {
        self.0.pin(hash)
    }

    fn unpin(&self, hash: u64) {
        self.0.unpin(hash);
    }

    fn pins_refused(&self) -> u64 {
        self.0.pins_refused()
    }

    fn settle(&self, slot: u32, step: Step) {
        self.0.settle(slot, step);
    }
}

/// From capture's terms to the engine's.
fn counted(count: ShuntCount) -> Shunted {
    let ShuntCount { packets, bytes, payload, last } = count;
    Shunted { packets, bytes, payload, last }
}

/// `wait`: for room, as long as what is of a flow that is `flagged` is taken.
fn push<T>(ring: &mut Producer<T>, value: T, wait: Option<(&Lost, bool)>, lost: &AtomicU64) {
    let mut value = value;
    while wait.is_none_or(|(taken, flagged)| taken.is_taken(flagged)) {
        match ring.push(value) {
            Ok(()) => return,
            Err(PushError::Full(back)) if wait.is_some() && !ring.is_abandoned() => {
                value = back;
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(PushError::Full(_)) => break,
        }
    }
    count(lost);
}

/// Single writer: no read-modify-write.
fn count(lost: &AtomicU64) {
    lost.store(lost.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

#[cfg(test)]
pub(crate) mod tests {
    use offport_engine::{Action, Config, Worker};
    use offport_policy::{Policy, Verdict};
    use offport_wire::{Frame, LinkType, Parsed, parse};

    use super::*;

    /// An Ethernet frame with a DNS query from `port`.
    fn query(port: u16) -> Vec<u8> {
        let dns = b"\x1a\x2b\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x1c\0\x01";
        let udp = (8 + dns.len()) as u16;
        [
            &[2; 12][..],
            &[8, 0, 0x45, 0],
            &(20 + udp).to_be_bytes(),
            &[0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
            &port.to_be_bytes(),
            &[0, 53],
            &udp.to_be_bytes(),
            &[0, 0],
            dns,
        ]
        .concat()
    }

    fn frame(bytes: &[u8], nanos: u64) -> Frame<'_> {
        let (time, wire_len) = (Timestamp::from_nanos(nanos), bytes.len() as u32);
        Frame { bytes, link: LinkType::Ethernet, wire_len, time, interface: 0 }
    }

    /// One that came in four fragments.
    fn datagram() -> OwnedHandOver {
        let bytes = query(10_000);
        match parse(&frame(&bytes, 1)) {
            Ok(Parsed::Packet(packet)) => OwnedHandOver::new(&HandOver { packet, frames: 4, is_new: false }),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn run(outlet: &mut Outlet, flows: u16) {
        let mut worker = Worker::new(Config::default(), Arc::new(Policy::default()), 0, 1);
        for port in 1..=flows {
            let bytes = query(10_000 + port);
            worker.batch(&[frame(&bytes, port.into())], outlet);
        }
        worker.finish(Timestamp::from_nanos(1 << 40), outlet);
    }

    #[test]
    fn a_flow_is_described_before_its_record_comes() {
        let (mut outlet, mut inlet) = rings(1, true).remove(0);
        run(&mut outlet, 3);
        let openings = inlet.openings.as_mut().unwrap();
        for _ in 0..3 {
            let record = inlet.records.pop().unwrap();
            assert_eq!((record.action, record.flow()), (Action::End, openings.pop().ok().map(|o| o.flow)));
        }
        assert!(openings.pop().is_err());
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_goes_on() {
        let (mut outlet, mut inlet) = rings(1, true).remove(0);
        run(&mut outlet, OPENINGS as u16 + 5);
        assert_eq!(inlet.lost.openings.load(Ordering::Relaxed), 5);
        let records = std::iter::from_fn(|| inlet.records.pop().ok()).count();
        assert_eq!((records, inlet.lost.records.load(Ordering::Relaxed)), (OPENINGS + 5, 0));
    }

    #[test]
    fn the_last_room_for_records_is_for_flagged_flows() {
        let (mut outlet, mut inlet) = rings(1, true).remove(0);
        let flows = RECORDS as u16 + 5;
        run(&mut outlet, flows);
        let mut records: Vec<_> = std::iter::from_fn(|| inlet.records.pop().ok()).collect();
        assert_eq!(records.len(), RECORDS - FLAGGED_RECORDS);
        assert_eq!(inlet.lost.records.load(Ordering::Relaxed), (FLAGGED_RECORDS + 5) as u64);

        let other = records.pop().unwrap();
        let judgement = other.judgement.map(|it| Judgement { verdict: Verdict::Unrecognised, ..it });
        let flagged = FlowRecord { judgement, ..other };
        (0..RECORDS).for_each(|_| outlet.record(&other));
        (0..FLAGGED_RECORDS + 1).for_each(|_| outlet.record(&flagged));
        let records: Vec<_> = std::iter::from_fn(|| inlet.records.pop().ok()).collect();
        assert_eq!(records.len(), RECORDS);
        assert_eq!(records.iter().filter(|record| record.judgement == judgement).count(), FLAGGED_RECORDS);
        assert_eq!(inlet.lost.records.load(Ordering::Relaxed), (2 * FLAGGED_RECORDS + 6) as u64);
    }

    #[test]
    fn a_worker_stays_until_the_others_hand_nothing_over() {
        let mut ends = rings(2, false);
        let (mut second, _) = ends.remove(1);
        let (mut first, _) = ends.remove(0);
        let datagram = datagram();

        second.hand_over_no_more();
        assert!(!first.may_get_more(), "the other one has told it");
        assert!(second.may_get_more());
        assert!(first.hand_over(1, datagram.as_hand_over()), "it stays meanwhile");
        first.hand_over_no_more();
        assert!(second.may_get_more(), "something is on the way still");
        assert_eq!(second.next_incoming().map(|it| it.as_hand_over().frames), Some(4));
        assert!(!second.may_get_more());
        assert!(
            !first.hand_over(1, datagram.as_hand_over()) && !second.hand_over(0, datagram.as_hand_over())
        );
    }

    #[test]
    fn to_a_worker_that_is_over_nothing_is_handed() {
        let mut ends = rings(2, false);
        drop(ends.remove(1));
        let (mut first, _) = ends.remove(0);
        assert!(!first.may_get_more());
        assert!(!first.hand_over(1, datagram().as_hand_over()));
    }

    #[test]
    fn at_the_end_who_waits_for_room_goes_on_when_it_is_not_taken_any_more() {
        let (mut outlet, mut inlet) = rings(1, true).remove(0);
        run(&mut outlet, 1);
        let other = inlet.records.pop().unwrap();
        let judgement = other.judgement.map(|it| Judgement { verdict: Verdict::Unrecognised, ..it });
        let flagged = FlowRecord { judgement, ..other };
        let lost = |inlet: &Inlet| inlet.lost.records.load(Ordering::Relaxed);
        outlet.no_more_packets();
        (0..RECORDS).for_each(|_| outlet.record(&other));
        // Nobody makes room.
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| outlet.record(&other));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished() && lost(&inlet) == 0);
            inlet.lost.take_only(Takes::Flagged);
        });
        assert_eq!(lost(&inlet), 1);
        inlet.records.pop().unwrap();
        outlet.record(&other);
        assert_eq!(lost(&inlet), 2, "its place is for a flagged one");
        outlet.record(&flagged);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| outlet.record(&flagged));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished() && lost(&inlet) == 2);
            inlet.lost.take_only(Takes::Nothing);
        });
        assert_eq!(lost(&inlet), 3);
        let records: Vec<_> = std::iter::from_fn(|| inlet.records.pop().ok()).collect();
        assert_eq!(
            (records.len(), records.iter().filter(|it| it.judgement == judgement).count()),
            (RECORDS, 1)
        );
    }

    #[test]
    fn where_nobody_describes_flows_nothing_is_copied() {
        let (mut outlet, inlet) = rings(1, false).remove(0);
        run(&mut outlet, 3);
        assert!(inlet.openings.is_none());
        assert_eq!(inlet.lost.openings.load(Ordering::Relaxed), 0);
    }
}
