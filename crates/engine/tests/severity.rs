//! Severity rises with what a flow sends after its verdict; the verdict stays.

mod support;

use std::sync::Arc;

use offport_engine::{EventPhase, Worker};
use offport_policy::{Policy, Reason, Sections, Severity, Verdict};
use support::*;

const LARGE: u64 = 10_000;

fn bench() -> Bench {
    let sections = Sections { large_output: LARGE, ..Sections::default() };
    let policy = Arc::new(Policy::new(&sections).expect("a policy"));
    Bench { worker: Worker::new(config(), policy, 0, 3), ..Bench::default() }
}

/// Raw data to an unreserved port: unknown, not flagged by itself.
fn start(bench: &mut Bench) {
    bench.say(40_000, 50_000, &noise(100));
    assert_eq!(bench.worker.counters().verdicts[Verdict::Unknown.index()], [1, 0, 0]);
    assert!(bench.sink.events.is_empty());
}

fn send(bench: &mut Bench, from: u32, bytes: usize) {
    let payload = noise(1_000);
    for at in (0..bytes).step_by(1_000) {
        bench.tcp((HOME, 40_000), (OUTSIDE, 50_000), ACK, from + at as u32, &payload);
    }
}

#[test]
fn a_large_output_is_flagged_at_the_end() {
    let mut bench = bench();
    start(&mut bench);
    send(&mut bench, 101, LARGE as usize);
    bench.finish();
    let phases: Vec<_> = bench.sink.events.iter().map(|event| event.phase).collect();
    assert_eq!(phases, [EventPhase::Flagged, EventPhase::Ended]);
    assert!(bench.sink.events[0].client.as_slice().is_empty(), "the first payload is gone");
    let record = bench.sink.records[0];
    assert_eq!(bench.sink.events[1].record, record);
    let judgement = record.judgement.unwrap();
    assert_eq!((judgement.verdict, judgement.severity), (Verdict::Unknown, Severity::Medium));
    assert!(judgement.reasons.contains(Reason::LargeOutput));
    assert!(judgement.reasons.contains(Reason::LooksEncrypted), "what was said first is not forgotten");
    assert_eq!(record.decided_after, 1, "when it was decided does not change");
    let counters = bench.worker.counters();
    assert_eq!(counters.verdicts.iter().flatten().sum::<u64>(), 1, "one verdict");
    assert_eq!((counters.flagged, counters.events_flagged, counters.events_ended), (1, 1, 1));
}

#[test]
fn a_large_output_is_flagged_at_the_interim_report_and_once() {
    let mut bench = bench();
    start(&mut bench);
    send(&mut bench, 101, LARGE as usize);
    let mut seq = 101 + LARGE as u32;
    for minute in 0..3 {
        bench.wait(62.0);
        send(&mut bench, seq, 1_000);
        seq += 1_000;
        assert_eq!(bench.raised(EventPhase::Flagged), 1, "minute {minute}");
    }
    bench.finish();
    assert_eq!(bench.sink.events.len(), 2);
    let severities: Vec<_> =
        bench.sink.records.iter().map(|record| record.judgement.unwrap().severity).collect();
    assert_eq!(severities, [Severity::Medium; 4]);
    assert_eq!(bench.worker.counters().flow.heads, 0);
}

#[test]
fn what_is_not_large_stays_as_it_was_judged() {
    let mut bench = bench();
    start(&mut bench);
    send(&mut bench, 101, LARGE as usize - 1_000);
    bench.finish();
    assert!(bench.sink.events.is_empty());
    let judgement = bench.sink.records[0].judgement.unwrap();
    assert_eq!((judgement.verdict, judgement.severity), (Verdict::Unknown, Severity::Low));
}

#[test]
fn random_bytes_look_encrypted_and_counters_do_not() {
    let mut bench = bench();
    let numbers: Vec<u8> = (0..60_u32).flat_map(u32::to_be_bytes).collect();
    bench.say(40_000, 80, &noise(200));
    bench.say(40_001, 80, &numbers);
    bench.finish();
    let judged = |port| {
        let of_port = bench.sink.records.iter().find(|record| record.client.port == port);
        of_port.and_then(|record| record.judgement).unwrap()
    };
    let [random, numbered] = [40_000, 40_001].map(judged);
    assert_eq!((random.verdict, random.severity), (numbered.verdict, numbered.severity));
    let looks = [random, numbered].map(|judgement| judgement.reasons.contains(Reason::LooksEncrypted));
    assert_eq!(looks, [true, false]);
}

#[test]
fn severity_never_falls() {
    let mut bench = bench();
    bench.say(40_000, 80, &noise(100));
    assert_eq!(bench.raised(EventPhase::Flagged), 1);
    // With these home networks the flow would stay home: one step less.
    let sections = Sections { home_networks: vec!["0.0.0.0/0".parse().unwrap()], ..Sections::default() };
    bench.worker.set_policy(Arc::new(Policy::new(&sections).unwrap()));
    bench.finish();
    assert_eq!(bench.sink.records[0].judgement.unwrap().severity, Severity::High);
    assert_eq!(bench.sink.events.len(), 2);
}
