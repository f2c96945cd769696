//! Subflows of Multipath TCP (RFC 8684, section 3.2), which begin anywhere in their connection's data.

mod support;

use offport_engine::{EventPhase, FlowRecord};
use offport_policy::{Reason, Verdict};
use support::*;

const CLIENT: (std::net::IpAddr, u16) = (HOME, 40_000);

/// A connection whose SYN asks to join, and whose server agrees or does not; what both say.
fn talk(port: u16, agrees: bool, said: [&[u8]; 2]) -> Bench {
    let server = (OUTSIDE, port);
    let mut bench = Bench::default();
    bench.syn(CLIENT, server, 0, true);
    bench.syn(server, CLIENT, ACK, agrees);
    bench.tcp(CLIENT, server, ACK, 1, b"");
    let (mut client_seq, mut server_seq) = (1, 1);
    let mut answers = said[1].chunks(500);
    for asked in said[0].chunks(500) {
        let answered = answers.next().unwrap_or_default();
        bench.tcp(CLIENT, server, ACK, client_seq, asked);
        bench.tcp(server, CLIENT, ACK, server_seq, answered);
        client_seq += asked.len() as u32;
        server_seq += answered.len() as u32;
    }
    bench.finish();
    bench
}

fn only(bench: &Bench) -> FlowRecord {
    assert_eq!(bench.sink.records.len(), 1);
    bench.sink.records[0]
}

#[test]
fn raw_data_in_a_subflow_is_no_alarm_and_counts() {
    for port in [53, 80, 443] {
        let mut bench = talk(port, true, [&noise(2_000), &noise(2_000)]);
        let judgement = only(&bench).judgement.unwrap();
        assert_eq!(judgement.verdict, Verdict::Undecided, "{port}");
        let reasons: Vec<_> = judgement.reasons.iter().collect();
        assert_eq!(reasons, [Reason::NoKnownProtocol, Reason::LooksEncrypted, Reason::Subflow]);
        let tcp = only(&bench).tcp.unwrap();
        assert_eq!((tcp.subflow, tcp.midstream), (true, false));
        assert!(bench.sink.events.is_empty());
        assert_eq!(bench.worker.counters().mptcp_subflows, 1);
    }
}

#[test]
fn a_server_that_does_not_agree_makes_it_a_connection_like_any_other() {
    let mut bench = talk(80, false, [&noise(2_000), &noise(2_000)]);
    assert_eq!(only(&bench).judgement.unwrap().verdict, Verdict::Unrecognised);
    assert!(!only(&bench).tcp.unwrap().subflow);
    assert_eq!(bench.raised(EventPhase::Flagged), 1);
    assert_eq!(bench.worker.counters().mptcp_subflows, 0);
}

#[test]
fn what_is_recognised_in_a_subflow_is_judged_and_not_watched() {
    let ssh = talk(443, true, [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"SSH-2.0-OpenSSH_9.2p1\r\n"]);
    assert_eq!(only(&ssh).judgement.unwrap().verdict, Verdict::Mismatch);
    // A segment of a message, then junk.
    let starts = ["GET / HTTP/1.1\r\nHost: ", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: "];
    let [asked, answered] = starts.map(|start| {
        let mut said = start.as_bytes().to_vec();
        said.resize(496, b'a');
        said.extend(b"\r\n\r\n");
        said.extend(noise(3_000));
        said
    });
    for (agrees, verdict) in [(true, Verdict::Expected), (false, Verdict::Imposter)] {
        let mut bench = talk(80, agrees, [&asked, &answered]);
        assert_eq!(only(&bench).judgement.unwrap().verdict, verdict);
        assert_eq!(bench.worker.counters().watched, u64::from(!agrees));
    }
}

/// A subflow that begins with a record in the middle of a session is told by how its records chain.
#[test]
fn a_subflow_is_identified_as_what_begins_anywhere() {
    let record = [&[0x17, 3, 3, 0, 100][..], &noise(100)].concat();
    let records = record.repeat(8);
    let subflow = talk(443, true, [&records, &records]);
    assert_eq!(only(&subflow).judgement.unwrap().verdict, Verdict::Expected);
    let plain = talk(443, false, [&records, &records]);
    assert!(only(&plain).judgement.unwrap().verdict.is_alarm());
}

#[test]
fn the_beginning_of_a_foreign_line_is_too_little_in_a_subflow() {
    for (agrees, reason) in [(true, Reason::TooLittlePayload), (false, Reason::NoKnownProtocol)] {
        let bench = talk(80, agrees, [b"INVITE sip:somebody@192.0.2.1", b""]);
        assert!(only(&bench).judgement.unwrap().reasons.contains(reason), "{:?}", only(&bench));
    }
}
