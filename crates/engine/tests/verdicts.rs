//! When a verdict is given, on what, and what the record and the event then say.

mod support;

use std::sync::Arc;

use offport_engine::{Action, EndReason, EventPhase, TcpState};
use offport_fingerprint::Protocol;
use offport_policy::{Policy, Severity, Verdict};
use support::*;

const GET: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\n\r\n";

#[test]
fn raw_data_on_port_80_is_flagged_on_its_first_packet() {
    let mut bench = Bench::default();
    let raw = noise(300);
    bench.say(40_000, 80, &raw);
    assert_eq!(bench.sink.events.len(), 1, "at once");
    let event = bench.sink.events[0];
    assert_eq!((event.phase, event.client.as_slice()), (EventPhase::Flagged, raw.as_slice()));
    let judgement = event.record.judgement.unwrap();
    assert_eq!((judgement.verdict, judgement.severity), (Verdict::Unrecognised, Severity::High));
    assert_eq!((event.record.client.ip, event.record.server.port), (HOME, 80));
    assert_eq!(event.record.decided_after, 1);

    bench.tcp((HOME, 40_000), (OUTSIDE, 80), ACK, 301, &noise(1_000));
    bench.tcp((OUTSIDE, 80), (HOME, 40_000), FIN | ACK, 1, b"");
    bench.tcp((HOME, 40_000), (OUTSIDE, 80), FIN | ACK, 1_301, b"");
    bench.wait(2.5);
    bench.worker.tick(bench.now, &mut bench.sink);
    let ended = bench.sink.events[1];
    assert_eq!((ended.phase, ended.client.as_slice()), (EventPhase::Ended, raw.as_slice()));
    assert_eq!((ended.record.reason, ended.record.client.payload), (EndReason::Fin, 1_300));
    assert_eq!(bench.sink.records[0], ended.record);
    assert_eq!(ended.record.tcp.unwrap().state, TcpState::Closed);
    let counters = bench.worker.counters();
    assert_eq!(counters.verdicts[Verdict::Unrecognised.index()], [1, 0, 0]);
    let bytes = counters.verdict_bytes[Verdict::Unrecognised.index()][judgement.direction.index()];
    assert_eq!(bytes, [ended.record.client.bytes, ended.record.server.bytes]);
}

#[test]
fn what_belongs_on_its_port_raises_nothing() {
    let mut bench = Bench::default();
    bench.say(40_000, 80, GET);
    assert_eq!(bench.verdict(), Some(Verdict::Expected));
    assert!(bench.sink.events.is_empty());
    let record = bench.sink.records[0];
    assert_eq!(record.protocol.map(|(protocol, _)| protocol), Some(Protocol::Http));
    let counters = bench.worker.counters();
    assert_eq!((counters.observed[Protocol::Http.index()], counters.decided_after[0]), (1, 1));
}

#[test]
fn ssh_on_443_is_a_mismatch_whoever_speaks_first() {
    let banner = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
    for server_first in [true, false] {
        let mut bench = Bench::default();
        let (client, server) = ((HOME, 40_000), (OUTSIDE, 443));
        bench.open(client, server);
        if server_first {
            bench.tcp(server, client, ACK, 1, banner);
        } else {
            bench.tcp(client, server, ACK, 1, banner);
        }
        bench.tcp(client, server, ACK, 1, banner);
        assert_eq!(bench.raised(EventPhase::Flagged), 1);
        assert_eq!(bench.verdict(), Some(Verdict::Mismatch));
    }
}

#[test]
fn single_bytes_in_reverse_order_give_the_verdict_of_the_whole() {
    for (payload, verdict) in [(GET, Verdict::Expected), (&noise(20), Verdict::Unrecognised)] {
        let payload = &payload[..payload.len().min(22)];
        let mut bench = Bench::default();
        let (client, server) = ((HOME, 40_000), (OUTSIDE, 80));
        bench.open(client, server);
        for (at, byte) in payload.iter().enumerate().rev() {
            bench.tcp(client, server, ACK, 1 + at as u32, &[*byte]);
        }
        bench.tcp(client, server, ACK, 1 + payload.len() as u32, &GET[payload.len()..]);
        assert_eq!(bench.verdict(), Some(verdict));
    }
}

#[test]
fn too_little_is_undecided_and_nothing_gets_no_verdict() {
    let mut bench = Bench::default();
    bench.say(40_000, 80, b"G");
    assert_eq!(bench.worker.counters().flow.undecided, 1);
    assert_eq!(bench.verdict(), Some(Verdict::Undecided));
    assert!(bench.sink.events.is_empty());
    let counters = bench.worker.counters();
    assert_eq!((counters.decided_after.iter().sum::<u64>(), counters.decided_after_sum), (0, 0));

    let mut bench = Bench::default();
    bench.open((HOME, 40_000), (OUTSIDE, 80));
    assert_eq!(bench.verdict(), None);
    assert_eq!(bench.sink.records[0].decided_after, 0);
}

#[test]
fn a_guess_is_none_while_it_could_be_what_the_port_is_for() {
    for (port, verdict) in [(110, Verdict::Undecided), (80, Verdict::Mismatch)] {
        let mut bench = Bench::default();
        let (client, server) = ((HOME, 40_000), (OUTSIDE, port));
        bench.open(client, server);
        // Four short replies of Redis, or POP3's to a client that was not heard.
        bench.tcp(server, client, ACK, 1, b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
        assert_eq!(bench.verdict(), Some(verdict), "{port}");
    }
}

#[test]
fn midstream_is_never_called_a_mismatch_on_a_guess() {
    let mut bench = Bench::default();
    bench.tcp((HOME, 40_000), (OUTSIDE, 80), ACK, 1, &noise(200));
    bench.tcp((OUTSIDE, 80), (HOME, 40_000), ACK, 1, &noise(200));
    bench.finish();
    assert!(bench.sink.events.is_empty());
    assert!(bench.sink.records[0].tcp.unwrap().midstream);
}

#[test]
fn a_new_policy_does_not_touch_what_was_judged() {
    let sections = offport_policy::Sections { default_ports: false, ..offport_policy::Sections::default() };
    let lax = Arc::new(Policy::new(&sections).unwrap());
    let mut bench = Bench::default();
    bench.say(40_000, 80, &noise(100));
    bench.worker.set_policy(lax);
    bench.say(40_001, 80, &noise(100));
    bench.finish();
    let mut verdicts: Vec<_> =
        bench.sink.records.iter().map(|r| (r.client.port, r.judgement.unwrap().verdict)).collect();
    verdicts.sort();
    assert_eq!(verdicts, [(40_000, Verdict::Unrecognised), (40_001, Verdict::Unknown)]);
}

#[test]
fn interim_records_carry_the_verdict_and_totals_so_far() {
    let mut bench = Bench::default();
    bench.say(40_000, 80, GET);
    let seq = 1 + GET.len() as u32;
    for second in 0..130 {
        bench.wait(1.0);
        bench.tcp((HOME, 40_000), (OUTSIDE, 80), ACK, seq + second, b"x");
    }
    bench.finish();
    let actions: Vec<_> = bench.sink.records.iter().map(|record| record.action).collect();
    assert_eq!(actions, [Action::Interim, Action::Interim, Action::End]);
    assert!(bench.sink.records.iter().all(|record| record.judgement.is_some()));
    assert!(bench.sink.records.is_sorted_by_key(|record| record.client.payload));
}
