//! Once every table has been full, neither packets nor flows nor events allocate.
//!
//! The allocator of this test binary counts. IP fragments are left out: their buffers are allocated as they come.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use offport_engine::fuzz::Owned;
use offport_engine::{Event, FlowRecord, HandOver, Output, Worker};
use offport_fingerprint::Protocol;
use offport_fingerprint::signature::{Condition, Draft, Parts, Pattern, Signature, Spoken};
use offport_wire::{Frame, Timestamp, Transport, TransportHeader};
use support::*;

const REQUEST: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: example.com\r\n\r\n";
const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";

/// More flows than the table holds, of every kind: identified, raw data on a reserved port, single bytes out of order, a
/// lone SYN, a datagram, a ping, IPv6.
fn traffic(round: u32, start: Timestamp) -> Vec<Owned> {
    let raw = noise(600);
    let mut now = start;
    let mut frames = Vec::new();
    for n in 0..9_000 {
        now = now + Duration::from_micros(700);
        let number = round * 9_000 + n;
        let client: IpAddr = match n % 11 {
            10 => Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(number)).into(),
            _ => Ipv4Addr::from(0x0ad9_0000 + number).into(),
        };
        let outside = match client {
            IpAddr::V4(_) => OUTSIDE,
            IpAddr::V6(_) => Ipv6Addr::from(0x2001_0db8_0001_u128 << 80).into(),
        };
        let (client, web) = ((client, 40_000), (outside, 80));
        let mut send = |from, to, flags, seq, payload: &[u8]| {
            frames.push(tcp(from, to, flags, seq, payload, now));
        };
        match n % 6 {
            0..=2 => {
                send(client, web, SYN, 0, b"");
                send(web, client, SYN | ACK, 0, b"");
                send(client, web, ACK, 1, if n % 6 == 0 { &raw } else { REQUEST });
                send(web, client, ACK, 1, b"HTTP/1.1 200 OK\r\n\r\n");
                send(web, client, ACK, 9_000, b"after a gap");
                send(client, web, FIN | ACK, 49, b"");
                send(web, client, FIN | ACK, 20, b"");
            }
            3 => {
                send(client, web, SYN, 0, b"");
                for at in [3_usize, 1, 2, 0] {
                    send(client, web, ACK, 1 + at as u32, &raw[at..=at]);
                }
            }
            4 => send(client, web, SYN, 0, b""),
            _ => {
                let resolver = (outside, 53);
                frames.push(frame(client, resolver, TransportHeader::Udp, QUESTION, now));
                let ping = TransportHeader::Icmp { kind: if outside.is_ipv4() { 8 } else { 128 }, code: 0 };
                frames.push(frame((client.0, 7), (outside, 7), ping, b"", now));
            }
        }
    }
    frames
}

/// Counts what it is given, which is no reason to allocate either.
#[derive(Default)]
struct Tally {
    records: u64,
    events: u64,
}

impl Output for Tally {
    fn record(&mut self, _: &FlowRecord) {
        self.records += 1;
    }

    fn event(&mut self, _: &Event) {
        self.events += 1;
    }

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        false
    }
}

fn play(worker: &mut Worker, frames: &[Frame<'_>], out: &mut Tally) {
    for batch in frames.chunks(64) {
        worker.batch(batch, out);
        worker.tick(batch[0].time, out);
    }
}

#[test]
fn nothing_is_allocated_once_warm() {
    allocates_nothing(config());
}

/// Of raw data, of requests by a regular expression, and of what begins like both.
#[test]
fn signatures_allocate_nothing_either() {
    // Flagged flows are not evicted: those of four bytes, which do not end, stay a beginning.
    let [raw, junk] = [noise(6), [noise(2), vec![0; 4]].concat()];
    let bytes = |bytes: &[u8]| Condition::bytes(0, bytes, None).unwrap();
    let request = Pattern::new("GET /[a-z.]+ HTTP/1.1\r\nHost: ").unwrap();
    let request = Condition::pattern(0, request).unwrap();
    let named = [("acme", bytes(&raw)), ("acme", bytes(&junk)), ("websocket", request)];
    let signatures = named.map(|(name, condition)| {
        Signature::new(Parts {
            name: name.into(),
            transports: vec![Transport::TCP],
            spoken: Spoken::Either,
            conditions: vec![condition],
            length: None,
            ports: Vec::new(),
            strength: None,
        })
        .unwrap()
    });
    let signatures = Arc::new(Draft::new(signatures.into()).unwrap().adopt().unwrap());
    let observed = allocates_nothing(offport_engine::Config { signatures, ..config() });
    let acme = Protocol::from_name("acme").unwrap();
    assert!(observed[acme.index()] > 1_000, "they were asked");
    assert!(observed[Protocol::Websocket.index()] > 1_000, "before what is proven as well");
}

fn allocates_nothing(mut config: offport_engine::Config) -> [u64; Protocol::COUNT + 1] {
    config.flow.max_flows = 2_048;
    config.flow.max_flows_v6 = 128;
    let mut bench = Bench::new(config);
    let mut out = Tally::default();
    let rounds: Vec<_> =
        (0..3).map(|round| traffic(round, bench.now + Duration::from_secs(u64::from(round) * 10))).collect();
    let rounds: Vec<Vec<_>> = rounds.iter().map(|frames| frames.iter().map(Owned::frame).collect()).collect();
    play(&mut bench.worker, &rounds[0], &mut out);
    play(&mut bench.worker, &rounds[1], &mut out);
    let before = (*bench.worker.counters(), out.records, out.events);
    let counted = allocation_counter::measure(|| play(&mut bench.worker, &rounds[2], &mut out));
    let counters = bench.worker.counters();
    // It was no idle round.
    assert!(counters.flow.created - before.0.flow.created > 8_000);
    assert!(counters.flow.ended_evicted > before.0.flow.ended_evicted, "the table was full");
    assert!(counters.flagged - before.0.flagged > 1_000);
    assert!(out.records > before.1 && out.events > before.2);
    assert_eq!(counted.count_total, 0, "{counted:?}");
    // And the counter counts.
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
    bench.worker.counters().observed
}
