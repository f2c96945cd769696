//! Every frame is accounted for: drops, fragments, hand-over, a full table.

mod support;

use std::sync::Arc;

use offport_engine::fuzz::{Owned, Sink, split};
use offport_engine::{Action, Event, EventPhase, FlowRecord, HandOver, Output, Slots, Steering, Worker};
use offport_policy::{Policy, Verdict};
use offport_wire::steer::{Slot, Step};
use offport_wire::{Drop, TransportHeader};
use support::*;

#[test]
fn what_is_no_packet_is_counted_by_its_reason() {
    let mut bench = Bench::default();
    let mut short = tcp((HOME, 1), (OUTSIDE, 80), SYN, 1, b"", bench.now);
    short.bytes.truncate(30);
    let nonsense = Owned { bytes: vec![0x15; 40], wire_len: 40, time: bench.now };
    bench.give(&[short, nonsense]);
    let counters = bench.worker.counters();
    assert_eq!((counters.received, counters.received_bytes), (2, 40 + 40));
    assert_eq!((counters.processed, counters.dropped_total()), (0, 2));
    assert_eq!(counters.dropped[Drop::TransportTruncated.index()], 1);
}

#[test]
fn a_clock_that_is_set_forward_costs_no_packet() {
    for seconds in [1.0, 7_200.0] {
        let mut bench = Bench::default();
        let (client, server) = ((HOME, 40_000), (OUTSIDE, 80));
        bench.say(40_000, 80, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        bench.wait(seconds);
        bench.worker.tick(bench.now, &mut bench.sink);
        for number in 0..10 {
            bench.tcp(server, client, ACK, 1 + number * 4, b"data");
            bench.wait(0.001);
        }
        // What comes after is judged as ever.
        bench.say(40_001, 22, &noise(100));
        assert_eq!(bench.raised(EventPhase::Flagged), 1, "{seconds}");
        bench.wait(1.0);
        bench.finish();
        let records: Vec<_> =
            bench.sink.records.iter().filter(|record| record.action == Action::End).collect();
        let packets: u64 = records.iter().map(|record| record.client.packets + record.server.packets).sum();
        assert_eq!(packets, 18, "{seconds}: each packet is in a record");
        assert!(records.iter().all(|record| record.start <= record.end), "{seconds}");
        // By more than the timeout: the flow ends, and begins again.
        assert_eq!(records.len(), if seconds > 3_600.0 { 3 } else { 2 }, "{seconds}");
        assert_eq!(bench.worker.counters().processed, 18);
    }
}

#[test]
fn a_table_that_is_full_of_flagged_flows_refuses_and_says_so() {
    let mut config = config();
    config.flow.max_flows = 2;
    let mut bench = Bench::new(config.clone());
    for port in 0..3 {
        bench.say(40_000 + port, 80, &noise(200));
    }
    let counters = bench.worker.counters();
    assert_eq!((counters.table_full, counters.processed, counters.flow.refused), (4, 8, 4));
    assert_eq!(counters.flagged, 2);

    let mut bench = Bench::new(config);
    for port in 0..3 {
        bench.say(40_000 + port, 80, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let counters = bench.worker.counters();
    assert_eq!((counters.table_full, counters.processed, counters.flow.evicted_open), (0, 12, 1));
}

fn datagram(bench: &Bench, id: u16) -> Vec<Owned> {
    let whole = frame((HOME, 40_000), (OUTSIDE, 53), TransportHeader::Udp, &noise(900), bench.now);
    let parts = split(&whole.bytes, 400, id);
    parts.into_iter().map(|bytes| Owned { wire_len: bytes.len() as u32, bytes, time: bench.now }).collect()
}

#[test]
fn fragments_wait_make_one_datagram_or_time_out() {
    let mut bench = Bench::default();
    let parts = datagram(&bench, 1);
    assert_eq!(parts.len(), 3);
    bench.give(&parts[1..]);
    assert_eq!((bench.worker.counters().held, bench.worker.counters().processed), (2, 0));
    bench.give(&parts[..1]);
    let counters = *bench.worker.counters();
    assert_eq!((counters.held, counters.processed, counters.reassembled), (0, 3, 1));

    bench.give(&datagram(&bench, 2)[..2]);
    bench.wait(31.0);
    bench.worker.tick(bench.now, &mut bench.sink);
    assert_eq!(bench.worker.counters().dropped[Drop::FragmentTimeout.index()], 2);
    assert!(bench.worker.counters().is_balanced());

    bench.finish();
    let record = bench.sink.records[0];
    assert_eq!((record.client.packets, record.client.payload), (3, 900));
    assert_eq!(record.client.bytes, 900 + 8 + 3 * 20, "each fragment has a header");
}

/// Carries datagrams as a ring would: the packet without its payload, and the payload's first bytes.
#[derive(Default)]
struct Ring {
    sink: Sink,
    room: usize,
    carried: Vec<(u16, offport_wire::Packet<'static>, Vec<u8>, u32)>,
}

impl Output for Ring {
    fn record(&mut self, record: &FlowRecord) {
        self.sink.record(record);
    }

    fn event(&mut self, event: &Event) {
        self.sink.event(event);
    }

    fn hand_over(&mut self, worker: u16, datagram: HandOver<'_>) -> bool {
        if self.carried.len() == self.room {
            return false;
        }
        let kept = datagram.packet.payload.len().min(HandOver::PAYLOAD);
        let payload = datagram.packet.payload[..kept].to_vec();
        let packet = offport_wire::Packet { payload: &[], ..datagram.packet };
        self.carried.push((worker, packet, payload, datagram.frames));
        true
    }

    fn slots(&self) -> Option<&dyn Slots> {
        Some(&AllOfWorker1)
    }
}

/// A table in which every slot is worker 1's.
struct AllOfWorker1;

impl Slots for AllOfWorker1 {
    fn get(&self, _: u32) -> Slot {
        Slot { worker: 1, former: None, learning: false }
    }

    fn pin(&self, _: u64) -> bool {
        false
    }

    fn unpin(&self, _: u64) {}

    fn pins_refused(&self) -> u64 {
        0
    }

    fn settle(&self, _: u32, _: Step) {}
}

#[test]
fn a_reassembled_datagram_reaches_the_owner_of_its_flow() {
    let policy = Arc::new(Policy::default());
    let steering = Steering { seed: 1, ..Steering::default() };
    let mut workers = [0, 1].map(|id| {
        let config = offport_engine::Config { steering: Some(steering.clone()), ..config() };
        Worker::new(config, Arc::clone(&policy), id, 9)
    });
    let bench = Bench::default();
    let mut ring = Ring { room: 1, ..Ring::default() };
    for id in [1, 2] {
        for part in datagram(&bench, id) {
            workers[0].batch(&[part.frame()], &mut ring);
        }
    }
    let counters = *workers[0].counters();
    assert_eq!((counters.handed_over, counters.hand_over_failed), (3, 3));
    assert!(counters.is_balanced());
    assert_eq!(counters.flow.created, 0);

    let (owner, packet, payload, frames) = ring.carried.pop().unwrap();
    assert_eq!(owner, 1);
    let packet = offport_wire::Packet { payload: &payload, ..packet };
    workers[1].receive(&HandOver { packet, frames, is_new: false }, &mut ring);
    let counters = *workers[1].counters();
    assert_eq!((counters.taken_over, counters.processed), (3, 3));
    assert!(counters.is_balanced());
    workers[1].finish(bench.now, &mut ring);
    let record = ring.sink.records[0];
    assert_eq!((record.worker, record.client.packets, record.client.payload), (1, 3, 900));
    assert_eq!(record.judgement.unwrap().verdict, Verdict::Unrecognised);
}
