//! The event, and where watching ends.

use super::*;
use crate::dns::query;
use crate::http::{GET, OK};
use crate::tls::{client_hello, sealed};

#[test]
fn the_event_shows_the_message_that_breaks_the_rule() {
    let raw = random(90, 300);
    let (_, bench) = record(
        80,
        &said(&[(Client, GET), (Server, OK), (Client, &[GET, &raw].concat())]),
        1_460,
        Way::InOrder,
    );
    let event = bench.sink.events.iter().find(|event| event.phase == EventPhase::Flagged).unwrap();
    assert_eq!(event.client.as_slice(), raw);
    assert!(event.server.as_slice().is_empty());
    assert_eq!(event.record.breach, Some(Breach::HttpRequest));
}

#[test]
fn with_too_many_flows_the_one_that_has_been_watched_for_longest_is_let_go() {
    let mut config = config();
    config.flow.max_watched = 64;
    let mut bench = Bench::new(config);
    let greeting = segments(&said(&[(Client, GET), (Server, OK)]), 1_460);
    for port in 0..80 {
        connection(&mut bench, 40_000 + port, 80, &greeting);
    }
    assert_eq!(bench.worker.counters().watching, 64);
    assert_eq!(bench.worker.counters().watch_limit, 16);
    let raw = random(91, 300);
    for port in 0..80 {
        bench.tcp((HOME, 40_000 + port), (OUTSIDE, 80), ACK, 1 + GET.len() as u32, &raw);
    }
    let records = bench.finish().to_vec();
    let found_out = records.iter().filter(|record| record.breach == Some(Breach::HttpRequest)).count();
    assert_eq!((records.len(), found_out), (80, 64));
    assert_eq!(bench.worker.counters().watching, 0);
}

#[test]
fn flows_of_datagrams_do_not_crowd_out_streams() {
    let mut config = config();
    config.flow.max_watched = 64;
    let mut bench = Bench::new(config);
    connection(&mut bench, 40_000, 80, &segments(&said(&[(Client, GET), (Server, OK)]), 1_460));
    let frames: Vec<Owned> = (0..500)
        .map(|port| {
            frame(
                (HOME, 1_024 + port),
                (OUTSIDE, 53),
                TransportHeader::Udp,
                &query(port, "a.example", 1),
                bench.now,
            )
        })
        .collect();
    bench.give(&frames);
    assert_eq!(bench.worker.counters().watching, 17);
    // Flows that could not be watched any more are judged all the same.
    assert_eq!(bench.worker.counters().verdicts[Verdict::Expected.index()], [1, 500, 0]);
    bench.tcp((HOME, 40_000), (OUTSIDE, 80), ACK, 1 + GET.len() as u32, &random(92, 300));
    let record = *bench.finish().iter().find(|record| record.server.port == 80).unwrap();
    assert_eq!(record.breach, Some(Breach::HttpRequest));
    assert_eq!(bench.worker.counters().watching, 0);
}

/// A server whose packets carry nothing, while the client sends records; what the client acknowledges.
fn upload(acked: u32) -> Option<Breach> {
    let (client, server) = ((HOME, 40_000), (OUTSIDE, 443));
    let mut bench = Bench::default();
    bench.open(client, server);
    let hello = client_hello();
    bench.tcp(client, server, ACK, 1, &hello);
    let mut seq = 1 + hello.len() as u32;
    for bytes in (0..40).map(|seed| sealed(seed, 1_000)) {
        let header = TcpHeader { seq, ack: 1 + acked, flags: TcpFlags(ACK), mp_join: false };
        bench.give(&[frame(client, server, TransportHeader::Tcp(header), &bytes, bench.now)]);
        bench.tcp(server, client, ACK, 1 + acked, b"");
        seq += bytes.len() as u32;
    }
    bench.finish()[0].breach
}

#[test]
fn silence_is_held_against_a_flow_only_if_nothing_is_missing() {
    assert_eq!(upload(0), Some(Breach::TlsOrder));
    assert_eq!(upload(1_000), None, "the server has said something that was not seen");
}
