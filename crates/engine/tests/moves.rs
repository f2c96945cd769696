//! Slots move from one worker to another, and flows do not: workers under a kernel that is a model of bpf/steer.h.

mod support;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use offport_engine::fuzz::{Owned, split, worker};
use offport_engine::{Action, EndReason, Event, FlowRecord, HandOver, Output, Slots, Steering, Worker};
use offport_wire::steer::{Slot, Step, hash, slot};
use offport_wire::{Packet, Timestamp, TransportHeader, parse};
use proptest::prelude::*;
use support::{ACK, FIN, SYN, config, frame, tcp};

const WORKERS: u16 = 3;
const SEED: u64 = 11;
const RING: usize = 16;
const GRACE: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_secs(3);
const CLOSED: Duration = Duration::from_millis(300);
const LINGER: Duration = Duration::from_secs(2);

/// The steering table and the pins.
struct Kernel {
    slots: RefCell<HashMap<u32, Slot>>,
    pins: RefCell<HashSet<u64>>,
    room: usize,
    refused: Cell<u64>,
    steps: RefCell<Vec<(u32, Step)>>,
}

impl Kernel {
    fn new(room: usize) -> Self {
        Self {
            slots: RefCell::default(),
            pins: RefCell::default(),
            room,
            refused: Cell::new(0),
            steps: RefCell::default(),
        }
    }

    fn worker_of(&self, hash: u64) -> u16 {
        let Slot { worker, former, learning } = self.get(slot(hash));
        let Some(former) = former else { return worker };
        if self.pins.borrow().contains(&hash) {
            return former;
        }
        if learning {
            if !self.pin(hash) {
                self.refused.set(self.refused.get() + 1);
            }
            return former;
        }
        worker
    }

    fn give(&self, slot: u32, to: u16) {
        let Slot { worker, former, .. } = self.get(slot);
        if former.is_none() && worker != to {
            let entry = Slot { worker: to, former: Some(worker), learning: true };
            self.slots.borrow_mut().insert(slot, entry);
        }
    }
}

impl Slots for Kernel {
    fn get(&self, slot: u32) -> Slot {
        let still = Slot { worker: slot as u16 % WORKERS, former: None, learning: false };
        *self.slots.borrow().get(&slot).unwrap_or(&still)
    }

    fn pin(&self, hash: u64) -> bool {
        let mut pins = self.pins.borrow_mut();
        pins.contains(&hash) || pins.len() < self.room && pins.insert(hash)
    }

    fn unpin(&self, hash: u64) {
        self.pins.borrow_mut().remove(&hash);
    }

    fn pins_refused(&self) -> u64 {
        self.refused.get()
    }

    fn settle(&self, of: u32, step: Step) {
        self.steps.borrow_mut().push((of, step));
        let Slot { worker, former, .. } = self.get(of);
        let former = former.expect("only what moves is settled");
        let entry = match step {
            Step::Switch => Slot { worker, former: Some(former), learning: false },
            Step::Finish => Slot { worker, former: None, learning: false },
            Step::Abort => Slot { worker: former, former: None, learning: false },
        };
        self.slots.borrow_mut().insert(of, entry);
        if step != Step::Switch {
            self.pins.borrow_mut().retain(|&hash| slot(hash) != of);
        }
    }
}

/// What leaves the workers.
struct Out<'a> {
    kernel: &'a Kernel,
    records: Vec<FlowRecord>,
    handed: Vec<(u16, Packet<'static>, Vec<u8>, u32, bool)>,
}

impl Output for Out<'_> {
    fn record(&mut self, record: &FlowRecord) {
        self.records.push(*record);
    }

    fn event(&mut self, _: &Event) {}

    fn hand_over(&mut self, worker: u16, handed: HandOver<'_>) -> bool {
        let payload = handed.packet.payload.to_vec();
        self.handed.push((worker, handed.packet.without_payload(), payload, handed.frames, handed.is_new));
        true
    }

    fn slots(&self) -> Option<&dyn Slots> {
        Some(self.kernel)
    }
}

struct Rig<'a> {
    out: Out<'a>,
    workers: Vec<Worker>,
    rings: Vec<VecDeque<Owned>>,
    /// Steered, and not in a ring yet: till when it must be.
    in_flight: VecDeque<(Timestamp, u16, Owned)>,
    now: Timestamp,
    sent: u64,
    lost: u64,
}

impl<'a> Rig<'a> {
    fn new(kernel: &'a Kernel, max_pins: u32) -> Self {
        let workers = (0..WORKERS).map(|id| {
            let mut config = config();
            config.max_outcomes = 64;
            config.flow.max_paths = 16;
            config.flow.timeouts.udp = IDLE;
            config.flow.timeouts.other = IDLE;
            config.flow.timeouts.half_open = IDLE;
            config.flow.timeouts.established = IDLE;
            config.flow.timeouts.closed = CLOSED;
            config.steering =
                Some(Steering { seed: SEED, backlog: RING as u32, max_pins, grace: GRACE, linger: LINGER });
            worker(config, id)
        });
        Self {
            out: Out { kernel, records: Vec::new(), handed: Vec::new() },
            workers: workers.collect(),
            rings: vec![VecDeque::new(); WORKERS.into()],
            in_flight: VecDeque::new(),
            now: Timestamp::from_nanos(1_700_000_000_000_000_000),
            sent: 0,
            lost: 0,
        }
    }

    /// The kernel steers a frame.
    fn send(&mut self, frame: Owned) {
        self.sent += 1;
        let hash = hash(SEED, &parse(&frame.frame()).expect("a packet"));
        let worker = self.out.kernel.worker_of(hash);
        self.in_flight.push_back((self.now + GRACE, worker, frame));
    }

    /// The frames that the kernel is at come into the rings, at most `count`.
    fn land(&mut self, count: usize) {
        for (_, worker, frame) in self.in_flight.drain(..count.min(self.in_flight.len())) {
            let ring = &mut self.rings[usize::from(worker)];
            if ring.len() < RING {
                ring.push_back(frame);
            } else {
                self.lost += 1;
            }
        }
    }

    /// Time goes on. What one worker hands to another is there by then.
    fn pass(&mut self, time: Duration) {
        while !self.out.handed.is_empty() {
            (0..self.workers.len()).for_each(|worker| self.take_over(worker));
        }
        self.now = self.now + time;
        let late = self.in_flight.iter().filter(|(until, _, _)| *until <= self.now).count();
        self.land(late);
    }

    /// A round of a worker's loop.
    fn round(&mut self, worker: usize, batch: usize) {
        let ring = &mut self.rings[worker];
        let mut frames: Vec<_> = ring.drain(..batch.min(ring.len())).collect();
        frames.iter_mut().for_each(|frame| frame.time = self.now);
        let borrowed: Vec<_> = frames.iter().map(Owned::frame).collect();
        if !borrowed.is_empty() {
            self.workers[worker].batch(&borrowed, &mut self.out);
        }
        self.take_over(worker);
        self.workers[worker].tick(self.now, &mut self.out);
        assert!(self.workers[worker].counters().is_balanced());
    }

    fn take_over(&mut self, worker: usize) {
        let (mine, others) = std::mem::take(&mut self.out.handed)
            .into_iter()
            .partition::<Vec<_>, _>(|(to, ..)| usize::from(*to) == worker);
        self.out.handed = others;
        for (_, packet, payload, frames, is_new) in mine {
            let packet = Packet { payload: &payload, ..packet };
            self.workers[worker].receive(&HandOver { packet, frames, is_new }, &mut self.out);
        }
    }

    /// Everything that is on its way arrives.
    fn quiesce(&mut self) {
        self.land(usize::MAX);
        while self.rings.iter().any(|ring| !ring.is_empty()) || !self.out.handed.is_empty() {
            (0..self.workers.len()).for_each(|worker| self.round(worker, RING));
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.pass(Duration::from_millis(50));
            self.land(usize::MAX);
            (0..self.workers.len()).for_each(|worker| self.round(worker, RING));
        }
    }

    fn finish(&mut self) -> Vec<FlowRecord> {
        self.quiesce();
        for worker in &mut self.workers {
            worker.finish(self.now, &mut self.out);
            assert!(worker.counters().is_balanced());
        }
        std::mem::take(&mut self.out.records)
    }
}

fn host(number: u8) -> (IpAddr, u16) {
    (Ipv4Addr::new(10, 0, 0, number).into(), 40_000 + u16::from(number))
}

const SERVER: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)), 5_000);

fn datagram(flow: u8, answer: bool) -> Owned {
    let (from, to) = if answer { (SERVER, host(flow)) } else { (host(flow), SERVER) };
    frame(from, to, TransportHeader::Udp, b"some words of no protocol", Timestamp::ZERO)
}

fn segment(flow: u8, answer: bool, flags: u8) -> Owned {
    let (from, to) = if answer { (SERVER, host(flow)) } else { (host(flow), SERVER) };
    tcp(from, to, flags, 7, b"", Timestamp::ZERO)
}

fn slot_of(frame: &Owned) -> u32 {
    slot(hash(SEED, &parse(&frame.frame()).expect("a packet")))
}

/// No two records of one flow cover the same time, unless the table's own rules say so.
fn assert_whole(records: &[FlowRecord]) {
    let mut by_key: HashMap<_, Vec<&FlowRecord>> = HashMap::new();
    for record in records.iter().filter(|record| record.action == Action::End) {
        let key = (record.transport, record.client.ip.min(record.server.ip), {
            let ports = [record.client.port, record.server.port];
            (ports.iter().min().copied(), ports.iter().max().copied())
        });
        by_key.entry(key).or_default().push(record);
    }
    for records in by_key.values_mut() {
        records.sort_by_key(|record| (record.start, record.end));
        for pair in records.windows(2) {
            let gap = pair[1].start.since(pair[0].end);
            let enough = match pair[0].reason {
                EndReason::Idle => IDLE,
                EndReason::Fin | EndReason::Rst => Duration::ZERO,
                _ => Duration::MAX,
            };
            let whole = pair[1].start >= pair[0].end && gap >= enough;
            let brief = pair.iter().map(|record| (record.worker, record.start, record.end, record.reason));
            assert!(
                whole,
                "split: {:?} to {:?}: {:?}",
                pair[0].client.port,
                pair[0].server.port,
                brief.collect::<Vec<_>>()
            );
        }
    }
}

#[derive(Clone, Debug)]
enum Do {
    Datagram(u8, bool),
    Segment(u8, bool, u8),
    Fragmented(u8),
    Land(usize),
    Round(usize, usize),
    Pass(u64),
    Give(u8, u16),
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let flags = prop_oneof![4 => Just(ACK), 1 => Just(SYN), 1 => Just(SYN | ACK), 2 => Just(FIN | ACK)];
    let step = prop_oneof![
        8 => (0..12u8, any::<bool>()).prop_map(|(flow, answer)| Do::Datagram(flow, answer)),
        6 => (0..12u8, any::<bool>(), flags).prop_map(|(flow, answer, flags)| Do::Segment(flow, answer, flags)),
        1 => (0..12u8).prop_map(Do::Fragmented),
        6 => (0..8usize).prop_map(Do::Land),
        12 => (0..usize::from(WORKERS), 1..8usize).prop_map(|(worker, batch)| Do::Round(worker, batch)),
        4 => (1..80u64).prop_map(Do::Pass),
        1 => (500..4_000u64).prop_map(Do::Pass),
        3 => (0..12u8, 0..WORKERS).prop_map(|(flow, to)| Do::Give(flow, to)),
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever order things happen in, no flow is in two workers, and no packet is lost but by a full ring.
    #[test]
    fn no_flow_is_split(steps in steps(), room in prop_oneof![Just(64usize), Just(3)]) {
        let kernel = Kernel::new(room);
        let mut rig = Rig::new(&kernel, 64);
        let mut id = 0;
        for step in steps {
            match step {
                Do::Datagram(flow, answer) => rig.send(datagram(flow, answer)),
                Do::Segment(flow, answer, flags) => rig.send(segment(flow, answer, flags)),
                Do::Fragmented(flow) => {
                    let whole = datagram(flow, false);
                    id += 1;
                    for bytes in split(&whole.bytes, 16, id) {
                        let wire_len = bytes.len() as u32;
                        rig.send(Owned { bytes, wire_len, time: Timestamp::ZERO });
                    }
                }
                Do::Land(count) => rig.land(count),
                Do::Round(worker, batch) => rig.round(worker, batch),
                Do::Pass(millis) => rig.pass(Duration::from_millis(millis)),
                Do::Give(flow, to) => {
                    let of = if to % 2 == 0 { datagram(flow, false) } else { segment(flow, false, ACK) };
                    kernel.give(slot_of(&of), to);
                }
            }
        }
        let records = rig.finish();
        assert_whole(&records);
        let counters = rig.workers.iter_mut().map(|worker| *worker.counters());
        let (received, dropped) = counters.fold((0, 0), |(received, dropped), counters| {
            (received + counters.received, dropped + counters.dropped_total() + counters.held)
        });
        prop_assert_eq!(received + rig.lost, rig.sent);
        let ends = records.iter().filter(|record| record.action == Action::End);
        let packets: u64 = ends.map(|record| record.client.packets + record.server.packets).sum();
        prop_assert_eq!(packets + rig.lost + dropped, rig.sent);
    }
}

/// Flows of one slot that is worker 0's.
fn flows() -> (u32, Vec<Owned>) {
    let all = || {
        (0..u16::MAX)
            .map(|port| frame((host(1).0, port), SERVER, TransportHeader::Udp, b"words", Timestamp::ZERO))
    };
    let of = all()
        .map(|frame| slot_of(&frame))
        .find(|slot| *slot != 0 && slot % u32::from(WORKERS) == 0)
        .expect("a slot");
    (of, all().filter(|frame| slot_of(frame) == of).take(6).collect())
}

fn created(rig: &mut Rig<'_>) -> Vec<u64> {
    rig.workers.iter_mut().map(|worker| worker.counters().flow.created).collect()
}

#[test]
fn a_slot_moves_as_its_flows_end() {
    let kernel = Kernel::new(64);
    let mut rig = Rig::new(&kernel, 64);
    let (of, flows) = flows();
    rig.send(flows[0].clone());
    rig.send(flows[1].clone());
    rig.run(Duration::from_millis(200));
    assert_eq!(created(&mut rig), [2, 0, 0]);

    kernel.give(of, 2);
    rig.run(Duration::from_millis(100));
    rig.send(flows[2].clone());
    rig.run(Duration::from_millis(400));
    assert_eq!(*kernel.steps.borrow(), [(of, Step::Switch)]);
    assert_eq!(kernel.pins.borrow().len(), 3);
    for flow in &flows[..4] {
        rig.send(flow.clone());
    }
    rig.run(Duration::from_millis(200));
    assert_eq!(created(&mut rig), [3, 0, 1], "a new flow goes to the new worker, the others stay");

    // All but one end.
    for _ in 0..10 {
        rig.run(Duration::from_millis(500));
        rig.send(flows[0].clone());
    }
    rig.run(Duration::from_millis(500));
    assert_eq!(kernel.pins.borrow().len(), 1);
    assert_eq!(kernel.get(of), Slot { worker: 2, former: Some(0), learning: false });
    rig.run(IDLE + LINGER + Duration::from_millis(200));
    assert_eq!(*kernel.steps.borrow(), [(of, Step::Switch), (of, Step::Finish)]);
    rig.send(flows[0].clone());
    rig.run(Duration::from_millis(200));
    assert_eq!(created(&mut rig), [3, 0, 2]);

    // And back.
    kernel.give(of, 0);
    rig.run(IDLE + 2 * LINGER + Duration::from_secs(1));
    assert_eq!(kernel.get(of), Slot { worker: 0, former: None, learning: false });
    rig.send(flows[4].clone());
    rig.run(Duration::from_millis(200));
    assert_eq!(created(&mut rig), [4, 0, 2]);
    assert_whole(&rig.finish());
}

#[test]
fn without_room_for_its_flows_a_slot_stays() {
    for (room, max_pins) in [(2, 64), (64, 2)] {
        let kernel = Kernel::new(room);
        let mut rig = Rig::new(&kernel, max_pins);
        let (of, flows) = flows();
        flows[..4].iter().for_each(|flow| rig.send(flow.clone()));
        rig.run(Duration::from_millis(200));
        kernel.give(of, 1);
        rig.run(Duration::from_secs(1));
        assert_eq!(*kernel.steps.borrow(), [(of, Step::Abort)]);
        assert_eq!(kernel.pins.borrow().len(), 0);
        flows.iter().for_each(|flow| rig.send(flow.clone()));
        rig.run(Duration::from_millis(200));
        assert_eq!(created(&mut rig), [6, 0, 0]);
        assert_whole(&rig.finish());
    }
}

#[test]
fn what_was_on_its_way_stays_too() {
    let kernel = Kernel::new(64);
    let mut rig = Rig::new(&kernel, 64);
    let (of, flows) = flows();
    rig.send(flows[0].clone());
    kernel.give(of, 1);
    // The program read the table before, and takes its time.
    rig.round(0, RING);
    rig.pass(GRACE - Duration::from_millis(1));
    (0..5).for_each(|_| rig.round(0, RING));
    rig.land(1);
    rig.run(Duration::from_millis(400));
    assert_eq!(*kernel.steps.borrow(), [(of, Step::Switch)]);
    rig.send(flows[0].clone());
    rig.run(Duration::from_millis(100));
    assert_eq!(created(&mut rig), [1, 0, 0]);
    assert_eq!(rig.workers[0].counters().handed_over, 0);
    assert_whole(&rig.finish());
}
