//! Padding taken for payload, in the order in which networks and adversaries deliver it.

mod support;

use offport_policy::{Reason, Verdict};
use support::*;

const CLIENT: (std::net::IpAddr, u16) = (HOME, 40_000);

/// Zeros, then more, on port 443; as (offset, length) in the order of arrival.
fn zeros_and(segments: &[(usize, usize)]) -> Bench {
    let mut bench = Bench::default();
    let server = (OUTSIDE, 443);
    let mut stream = vec![0; 6];
    stream.extend(noise(200));
    bench.open(CLIENT, server);
    for &(offset, length) in segments {
        bench.tcp(CLIENT, server, ACK, 1 + offset as u32, &stream[offset..offset + length]);
    }
    bench
}

#[test]
fn zeros_cannot_be_got_rid_of() {
    // In order; overtaken; overlapped; overlapped from the middle; one after another, repeated in between.
    let orders: [&[(usize, usize)]; 6] = [
        &[(0, 6), (6, 200)],
        &[(0, 6), (106, 100), (6, 100)],
        &[(106, 100), (0, 6), (6, 100)],
        &[(0, 6), (5, 201)],
        &[(0, 6), (3, 100), (103, 103)],
        &[(0, 6), (106, 100), (0, 6), (6, 100)],
    ];
    for order in orders {
        assert_eq!(zeros_and(order).verdict(), Some(Verdict::Unrecognised), "{order:?}");
    }
}

#[test]
fn zeros_before_a_hole_are_no_start_that_was_missed() {
    let mut bench = zeros_and(&[(0, 6), (106, 100)]);
    let records = bench.finish();
    assert!(!records[0].judgement.unwrap().reasons.contains(Reason::Midstream));
    assert!(!records[0].tcp.unwrap().midstream);
}

/// A client that pads its acknowledgements, and a server that greets.
#[test]
fn who_pads_has_not_spoken() {
    let mut bench = Bench::default();
    let server = (OUTSIDE, 25);
    bench.open(CLIENT, server);
    bench.tcp(CLIENT, server, ACK, 1, &[0; 6]);
    bench.tcp(server, CLIENT, ACK, 1, b"220 mail.example.org ESMTP Postfix\r\n");
    bench.tcp(CLIENT, server, ACK, 1, &[0; 6]);
    bench.tcp(CLIENT, server, ACK, 1, b"EHLO client.example.org\r\n");
    assert_eq!(bench.verdict(), Some(Verdict::Expected));
}

#[test]
fn padding_in_the_middle_of_nowhere() {
    // The start was not seen: a probe with a zero byte, padding, then the real bytes at the same place.
    let mut bench = Bench::default();
    let server = (OUTSIDE, 80);
    bench.tcp(CLIENT, server, ACK, 99, &[0]);
    bench.tcp(CLIENT, server, ACK, 100, &[0; 6]);
    bench.tcp(CLIENT, server, ACK, 100, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    assert_eq!(bench.verdict(), Some(Verdict::Expected));
}
