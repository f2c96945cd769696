//! Which flows are shunted, when, and what their records say.

#![allow(clippy::panic, reason = "a test may fail in any way")]

#[path = "support/mod.rs"]
mod support;

use offport_engine::{Event, FlowRecord, HandOver, Output, Shunted, Shunting};
use offport_flow::fuzz::Kernel;
use offport_policy::Verdict;
use offport_wire::{FlowKey, Frame, Parsed, parse};
use support::*;

/// A kernel that takes every flow but those there is no room for.
#[derive(Default)]
struct Sensor {
    kernel: Kernel,
    shunted: Vec<FlowKey>,
    full: bool,
    records: Vec<FlowRecord>,
}

impl Output for Sensor {
    fn record(&mut self, record: &FlowRecord) {
        self.records.push(*record);
    }

    fn event(&mut self, _: &Event) {}

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        false
    }

    fn shunt(&mut self, key: &FlowKey) -> bool {
        if !self.full {
            self.kernel.enter(key);
            self.shunted.push(*key);
        }
        !self.full
    }

    fn shunted(&mut self, key: &FlowKey) -> Shunted {
        self.kernel.take(key)
    }

    fn release(&mut self, key: &FlowKey) -> Shunted {
        self.kernel.release(key)
    }
}

const CLIENT: (std::net::IpAddr, u16) = (HOME, 40_000);

/// A client sends `first`, then `bytes` in packets of 1,000, to `port`. The record, and after how many bytes of IP the
/// flow was shunted.
fn play(
    shunting: Option<Shunting>,
    full: bool,
    port: u16,
    first: &[u8],
    bytes: usize,
) -> (FlowRecord, Option<u64>) {
    let mut bench = Bench::new(offport_engine::Config { shunting, ..config() });
    let mut sensor = Sensor { full, ..Sensor::default() };
    let server = (OUTSIDE, port);
    let mut frames = vec![
        tcp(CLIENT, server, SYN, 0, b"", bench.now),
        tcp(server, CLIENT, SYN | ACK, 0, b"", bench.now),
        tcp(CLIENT, server, ACK, 1, first, bench.now),
    ];
    let mut seq = 1 + first.len() as u32;
    for _ in 0..bytes / 1_000 {
        frames.push(tcp(CLIENT, server, ACK, seq, &[0xa5; 960], bench.now));
        seq += 960;
    }
    frames.push(tcp(CLIENT, server, FIN | ACK, seq, b"", bench.now));
    let mut sent = 0;
    let mut from = None;
    for owned in &frames {
        let frame: Frame<'_> = owned.frame();
        let Ok(Parsed::Packet(packet)) = parse(&frame) else { panic!("no packet") };
        sent += u64::from(packet.ip_bytes);
        if !sensor.kernel.count(&packet) {
            bench.worker.batch(&[frame], &mut sensor);
        }
        if from.is_none() && !sensor.shunted.is_empty() {
            from = Some(sent);
        }
    }
    bench.worker.tick(bench.now, &mut sensor);
    bench.worker.finish(bench.now, &mut sensor);
    assert!(bench.worker.counters().is_balanced());
    let [record] = sensor.records[..] else { panic!("{:?}", sensor.records) };
    assert_eq!(record.client.bytes + record.server.bytes, sent);
    assert_eq!(record.client.packets + record.server.packets, frames.len() as u64);
    (record, from)
}

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nHost: example\r\nContent-Length: 4000000\r\n\r\n";

fn shunting() -> Option<Shunting> {
    Some(Shunting { after: 16 << 10, alarms_after: 1 << 20, never: Vec::new() })
}

#[test]
fn a_judged_flow_is_shunted_when_it_has_been_seen_enough_of() {
    let (record, from) = play(shunting(), false, 80, REQUEST, 2_000_000);
    assert_eq!(record.judgement.unwrap().verdict, Verdict::Expected);
    let from = from.unwrap();
    assert!((16 << 10..20 << 10).contains(&from), "{from}");
    assert!(record.shunted_packets > 1_900 && record.shunted_bytes == 1_000 * record.shunted_packets);

    let (plain, from) = play(None, false, 80, REQUEST, 2_000_000);
    assert_eq!((plain.shunted_packets, from), (0, None));
    assert_eq!(FlowRecord { shunted_packets: 0, shunted_bytes: 0, ..record }, plain);
}

#[test]
fn alarms_are_watched_for_longer() {
    let junk = [0x8f, 0x0e, 0x6c, 0xd2, 0xa1, 0x9b, 0xe3, 0x0c].repeat(100);
    let (record, from) = play(shunting(), false, 80, &junk, 2_000_000);
    assert!(record.judgement.unwrap().verdict.is_alarm());
    let from = from.unwrap();
    assert!((1 << 20..(1 << 20) + (20 << 10)).contains(&from), "{from}");
}

#[test]
fn named_verdicts_and_flows_without_room_go_on() {
    let never = Some(Shunting { never: vec![Verdict::Expected], ..shunting().unwrap() });
    let (record, from) = play(never, false, 80, REQUEST, 200_000);
    assert_eq!((record.shunted_packets, from), (0, None));
    let (record, from) = play(shunting(), true, 80, REQUEST, 200_000);
    assert_eq!((record.shunted_packets, from), (0, None));
}
