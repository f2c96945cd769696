//! Flows that begin as what their port is reserved for, through the whole engine: those that then break its rules are
//! found out however their segments come, and honest ones never are, whatever is lost.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod dns;
mod http;
mod mail;
mod ssh;
mod tls;

use std::time::Duration;

use offport_engine::fuzz::Owned;
use offport_engine::{EventPhase, FlowRecord};
use offport_fingerprint::Breach;
use offport_fingerprint::Speaker::{self, Client, Server};
use offport_policy::{Reason, Verdict};
use offport_wire::{TcpFlags, TcpHeader, TransportHeader};
use support::*;

type Said = Vec<(Speaker, Vec<u8>)>;

/// How segments come.
#[derive(Clone, Copy, Debug)]
enum Way {
    InOrder,
    /// Of each two of a side that follow one another, the second first.
    Reordered,
    /// The same of the last message only. What comes out of order before is not read, and watching ends.
    LastReordered,
    /// Each twice.
    Repeated,
    /// Without this one, which never comes again.
    Without(usize),
    /// This side comes by a queue that is so many segments behind.
    Behind(Speaker, usize),
}

/// What one side sends at a time.
#[derive(Clone, Debug)]
struct Segment {
    from: Speaker,
    seq: u32,
    /// What it has heard of the other side, which begins with 1.
    ack: u32,
    bytes: Vec<u8>,
}

const SIZES: [usize; 3] = [1_460, 536, 150];

/// Bytes of all kinds.
fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len + 8).map(|_| next()).skip(8).collect()
}

fn segments(said: &[(Speaker, Vec<u8>)], size: usize) -> Vec<Segment> {
    let mut seqs = [1u32; 2];
    let mut segments = Vec::new();
    for (from, bytes) in said {
        for part in bytes.chunks(size) {
            let (seq, ack) = (seqs[*from as usize], seqs[1 - *from as usize]);
            segments.push(Segment { from: *from, seq, ack, bytes: part.to_vec() });
            seqs[*from as usize] += part.len() as u32;
        }
    }
    segments
}

fn arrange(said: &[(Speaker, Vec<u8>)], size: usize, way: Way) -> Vec<Segment> {
    let mut segments = segments(said, size);
    let last = said.last().map_or(0, |(_, bytes)| bytes.len().div_ceil(size));
    let swap = |segments: &mut [Segment]| {
        let pairs =
            segments.chunks_mut(2).filter(|pair| matches!(pair, [one, other] if one.from == other.from));
        pairs.for_each(|pair| pair.swap(0, 1));
    };
    match way {
        Way::InOrder => {}
        Way::Reordered => swap(&mut segments),
        Way::LastReordered => {
            let at = segments.len() - last;
            swap(&mut segments[at..]);
        }
        Way::Repeated => segments = segments.into_iter().flat_map(|one| [one.clone(), one]).collect(),
        Way::Without(index) => drop(segments.remove(index)),
        Way::Behind(speaker, count) => {
            let mut places: Vec<_> = segments.into_iter().enumerate().collect();
            // Stable: each side's stay in their order.
            places.sort_by_key(|(place, one)| place + if one.from == speaker { count } else { 0 });
            segments = places.into_iter().map(|(_, one)| one).collect();
        }
    }
    segments
}

/// One TCP connection to this port.
fn connection(bench: &mut Bench, client_port: u16, port: u16, segments: &[Segment]) {
    let (client, server) = ((HOME, client_port), (OUTSIDE, port));
    bench.open(client, server);
    for Segment { from, seq, ack, bytes } in segments {
        bench.now = bench.now + Duration::from_millis(1);
        let (from, to) = if *from == Client { (client, server) } else { (server, client) };
        let header = TcpHeader { seq: *seq, ack: *ack, flags: TcpFlags(ACK), mp_join: false };
        bench.give(&[frame(from, to, TransportHeader::Tcp(header), bytes, bench.now)]);
    }
}

fn record(port: u16, said: &[(Speaker, Vec<u8>)], size: usize, way: Way) -> (FlowRecord, Bench) {
    let mut bench = Bench::default();
    connection(&mut bench, 40_000, port, &arrange(said, size, way));
    let records = bench.finish();
    assert_eq!(records.len(), 1);
    (records[0], bench)
}

#[track_caller]
fn is_found_out(port: u16, said: &[(Speaker, Vec<u8>)], breach: Breach) {
    for size in SIZES {
        for way in [Way::InOrder, Way::LastReordered, Way::Repeated] {
            let (record, mut bench) = record(port, said, size, way);
            let judgement = record.judgement.unwrap();
            assert_eq!(judgement.verdict, Verdict::Imposter, "{size} {way:?}");
            assert_eq!(record.breach, Some(breach), "{size} {way:?}");
            assert!(judgement.reasons.contains(Reason::BreaksRules));
            assert_eq!(bench.raised(EventPhase::Flagged), 1, "{size} {way:?}");
            assert_eq!(bench.worker.counters().breaches[breach.index()], 1);
            assert_eq!(bench.worker.counters().watching, 0);
        }
    }
}

#[track_caller]
fn is_honest(port: u16, said: &[(Speaker, Vec<u8>)]) {
    for size in SIZES {
        for way in [Way::InOrder, Way::Reordered, Way::Repeated] {
            let (record, mut bench) = record(port, said, size, way);
            let verdict = record.judgement.unwrap().verdict;
            assert_eq!((verdict, record.breach), (Verdict::Expected, None), "{size} {way:?}");
            assert_eq!(bench.raised(EventPhase::Flagged), 0);
            assert_eq!(bench.worker.counters().watching, 0);
        }
        for (speaker, count) in [Client, Server]
            .into_iter()
            .flat_map(|one| [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 40].map(|count| (one, count)))
        {
            let (record, _) = record(port, said, size, Way::Behind(speaker, count));
            assert_eq!(record.breach, None, "{size}, {speaker:?} by {count} behind");
        }
        for lost in 0..segments(said, size).len() {
            let (record, _) = record(port, said, size, Way::Without(lost));
            assert_eq!(record.breach, None, "{size} without {lost}");
        }
    }
}

fn said(parts: &[(Speaker, &[u8])]) -> Said {
    parts.iter().map(|(from, bytes)| (*from, bytes.to_vec())).collect()
}
