//! Protocols that an operator describes: what records, counters and the policy make of them.

#![allow(clippy::unwrap_used, reason = "a test may fail in any way")]

mod support;

use std::sync::Arc;

use offport_engine::Worker;
use offport_fingerprint::signature::{Condition, Draft, Parts, Signature, Signatures, Spoken};
use offport_fingerprint::{Proof, Protocol};
use offport_policy::{Policy, PortRange, PortRule, Sections, Severity, Verdict};
use offport_wire::Transport;
use support::*;

fn parts(name: &str, bytes: &[u8], spoken: Spoken) -> Parts {
    Parts {
        name: name.into(),
        transports: vec![Transport::TCP],
        spoken,
        conditions: vec![Condition::bytes(0, bytes, None).unwrap()],
        length: None,
        ports: Vec::new(),
        strength: None,
    }
}

fn signatures(parts: impl IntoIterator<Item = Parts>) -> Arc<Signatures> {
    let signatures = parts.into_iter().map(|parts| Signature::new(parts).unwrap()).collect();
    Arc::new(Draft::new(signatures).unwrap().adopt().unwrap())
}

fn acme(bytes: &[u8]) -> Arc<Signatures> {
    signatures([parts("acme-telemetry", bytes, Spoken::Client)])
}

/// Port 9000 is reserved for it, and for nothing else.
fn policy(open: bool) -> Arc<Policy> {
    let rule = PortRule {
        ports: PortRange::one(9000),
        transport: Transport::TCP,
        expects: vec![Protocol::intern("acme-telemetry").unwrap()],
        tolerates: Vec::new(),
        open,
    };
    Arc::new(Policy::new(&Sections { ports: vec![rule], ..Sections::default() }).unwrap())
}

fn bench(signatures: Arc<Signatures>) -> Bench {
    let config = offport_engine::Config { signatures, ..config() };
    Bench { worker: Worker::new(config, policy(false), 0, 1), ..Bench::default() }
}

const MAGIC: &[u8] = b"\xac\x3e\x54\x4d";

fn message() -> Vec<u8> {
    [MAGIC, &noise(60)].concat()
}

#[test]
fn a_name_of_ones_own_is_expected_where_its_port_is_reserved_for_it() {
    let mut bench = bench(acme(MAGIC));
    bench.say(40_000, 9000, &message());
    assert_eq!(bench.verdict(), Some(Verdict::Expected));
    let record = bench.sink.records[0];
    let own = Protocol::from_name("acme-telemetry").unwrap();
    assert_eq!(record.protocol, Some((own, Proof::Banner)));
    assert_eq!((own.name(), record.decided_after), ("acme-telemetry", 1));
    assert!(record.judgement.unwrap().expected.contains(own));
    let counters = bench.worker.counters();
    assert_eq!((counters.observed[own.index()], counters.expected[own.index()]), (1, 1));
}

#[test]
fn elsewhere_it_is_a_mismatch_and_other_protocols_are_on_its_port() {
    let judged = |port, payload: &[u8]| {
        let mut bench = bench(acme(MAGIC));
        bench.say(40_000, port, payload);
        bench.finish();
        let judgement = bench.sink.records[0].judgement.unwrap();
        (judgement.verdict, judgement.severity)
    };
    assert_eq!(judged(80, &message()), (Verdict::Mismatch, Severity::High));
    assert_eq!(judged(9001, &message()).0, Verdict::Displaced);
    assert_eq!(judged(9000, b"SSH-2.0-OpenSSH_9.2\r\n"), (Verdict::Mismatch, Severity::High));
    assert_eq!(judged(9000, &noise(300)), (Verdict::Unrecognised, Severity::High));
    // What begins so and goes on too short, on a port of its own and on another.
    assert_eq!(judged(9000, &MAGIC[..3]).0, Verdict::Undecided);
}

#[test]
fn a_weak_signature_clears_nothing_and_accuses_nobody_for_certain() {
    let judged = |port| {
        let mut bench = bench(acme(&MAGIC[..3]));
        bench.say(40_000, port, &message());
        bench.finish();
        let record = bench.sink.records[0];
        assert_eq!(record.protocol.map(|(_, proof)| proof), Some(Proof::Heuristic));
        let judgement = record.judgement.unwrap();
        (judgement.verdict, judgement.severity)
    };
    assert_eq!(judged(9000).0, Verdict::Undecided);
    assert_eq!(judged(80), (Verdict::Mismatch, Severity::Medium));
}

#[test]
fn without_signatures_the_same_is_not_known() {
    let mut bench = bench(Arc::default());
    bench.say(40_000, 9000, &message());
    assert_eq!(bench.verdict(), Some(Verdict::Unrecognised));
}

#[test]
fn new_signatures_hold_for_flows_without_a_verdict() {
    let mut bench = bench(Arc::default());
    bench.say(40_000, 9001, &message());
    bench.worker.set_signatures(acme(MAGIC));
    bench.say(40_001, 9001, &message());
    bench.worker.set_signatures(Arc::default());
    bench.say(40_002, 9001, &message());
    bench.finish();
    let mut verdicts: Vec<_> = bench
        .sink
        .records
        .iter()
        .map(|record| (record.client.port, record.judgement.unwrap().verdict))
        .collect();
    verdicts.sort_by_key(|&(port, _)| port);
    let (unknown, displaced) = (Verdict::Unknown, Verdict::Displaced);
    assert_eq!(verdicts, [(40_000, unknown), (40_001, displaced), (40_002, unknown)]);
}

#[test]
fn a_servers_signature_holds_the_alarm_up_no_longer_than_the_deciding_time() {
    let greeting = || signatures([parts("acme-console", b"ACME-CTL", Spoken::Server)]);
    let mut silent = bench(greeting());
    silent.say(40_000, 80, &noise(300));
    assert!(silent.sink.events.is_empty(), "the server may explain it");
    silent.wait(6.0);
    silent.worker.tick(silent.now, &mut silent.sink);
    assert_eq!(silent.sink.events.len(), 1, "it has not");
    assert_eq!(silent.sink.events[0].record.judgement.unwrap().verdict, Verdict::Unrecognised);

    let mut answered = bench(greeting());
    answered.say(40_000, 80, &noise(300));
    answered.tcp((OUTSIDE, 80), (HOME, 40_000), ACK, 1, b"ACME-CTL/1.0 ready\r\n");
    assert_eq!(answered.sink.events.len(), 1);
    assert_eq!(answered.sink.events[0].record.judgement.unwrap().verdict, Verdict::Mismatch);
}
