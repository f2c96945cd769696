//! Ends by silence, interim reports, and the time that a decision may take.

mod support;

use offport_flow::{End, TcpState};
use offport_wire::{Timestamp, TransportHeader};
use support::*;

const CLIENT: End4 = (1, 40_000);
const SERVER: End4 = (2, 80);

#[test]
fn silence_ends_flows_by_class() {
    let open = |bench: &mut Bench| bench.open(CLIENT, SERVER, 1, 1);
    let closed = |bench: &mut Bench| {
        bench.open(CLIENT, SERVER, 1, 1);
        bench.tcp(CLIENT, SERVER, FIN | ACK, 2, b"");
        bench.tcp(SERVER, CLIENT, FIN | ACK, 2, b"");
    };
    let reset = |bench: &mut Bench| {
        bench.tcp(CLIENT, SERVER, SYN, 1, b"");
        bench.tcp(SERVER, CLIENT, RST | ACK, 0, b"");
    };
    type Play<'a> = &'a dyn Fn(&mut Bench);
    let rows: [(&str, Play<'_>, f64, End); 6] = [
        ("half-open", &|bench| _ = bench.tcp(CLIENT, SERVER, SYN, 1, b""), 10.0, End::Idle),
        ("established", &open, 300.0, End::Idle),
        ("closed", &closed, 2.0, End::Fin),
        ("reset", &reset, 2.0, End::Rst),
        ("udp", &|bench| _ = bench.udp(CLIENT, SERVER, b"x"), 60.0, End::Idle),
        ("other", &|bench| _ = bench.send(CLIENT, SERVER, TransportHeader::Other, b""), 30.0, End::Idle),
    ];
    for (name, play, timeout, end) in rows {
        let mut bench = Bench::default();
        play(&mut bench);
        let last = bench.now;
        bench.idle(timeout - 0.2);
        assert!(bench.book.ended.is_empty(), "{name}");
        bench.idle(0.4);
        assert_eq!((bench.only().1, bench.only().0.last), (end, last), "{name}");
    }
}

#[test]
fn timers_are_not_needed_for_flows_to_be_told_apart() {
    let mut bench = Bench::default();
    bench.udp(CLIENT, SERVER, b"one");
    bench.wait(59.999_999);
    bench.udp(CLIENT, SERVER, b"two");
    bench.wait(60.0);
    // The packet itself is what moves time: its own flow ends before it is counted.
    bench.udp(CLIENT, SERVER, b"three");
    assert_eq!(bench.only().0.payload, [6, 0]);
    assert_eq!(bench.finish()[1].0.payload, [5, 0]);
}

#[test]
fn at_the_end_idle_flows_are_told_from_those_that_go_on() {
    let mut bench = Bench::default();
    bench.udp((3, 40_000), SERVER, b"old");
    bench.wait(61.0);
    let now = bench.now;
    bench.now = Timestamp::from_nanos(now.as_nanos() - 60_000_000_000);
    bench.udp(CLIENT, SERVER, b"new");
    bench.now = now;
    let ends: Vec<_> =
        bench.finish().iter().map(|(flow, end)| (flow.client.1, flow.payload[0], *end)).collect();
    assert_eq!(ends.len(), 2);
    assert!(ends.contains(&(40_000, 3, End::Idle)));
}

#[test]
fn a_flow_that_goes_on_is_reported_once_per_active_timeout() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 1, 1);
    for _ in 0..200 {
        bench.wait(1.0);
        bench.tcp(CLIENT, SERVER, ACK, 2, b"");
    }
    let packets: Vec<_> = bench.book.interim.iter().map(|flow| flow.packets[0]).collect();
    assert_eq!(packets.len(), 3);
    for (at, expected) in packets.iter().zip([62, 122, 182]) {
        assert!(at.abs_diff(expected) <= 1, "{packets:?}");
    }
    bench.finish();
    assert_eq!(bench.only().0.packets, [202, 1]);
}

#[test]
fn silence_is_not_reported_over_and_over_and_reports_do_not_depend_on_ticks() {
    let play = |ticks: bool| {
        let mut bench = Bench::default();
        bench.open(CLIENT, SERVER, 1, 1);
        bench.wait(50.0);
        bench.tcp(CLIENT, SERVER, ACK, 2, b"");
        for _ in 0..200 {
            if ticks { bench.idle(1.0) } else { bench.wait(1.0) }
        }
        bench.tcp(CLIENT, SERVER, ACK, 2, b"");
        bench.finish();
        (bench.book.interim, bench.book.ended)
    };
    let (interim, ended) = play(true);
    assert_eq!(interim.len(), 1, "one report of the first minute, none of silence");
    assert_eq!(interim[0].packets, [3, 1]);
    assert_eq!(play(false), (interim, ended));
}

#[test]
fn short_udp_flows_are_written_once() {
    let mut bench = Bench::default();
    bench.udp(CLIENT, SERVER, b"x");
    bench.wait(30.0);
    bench.udp(SERVER, CLIENT, b"x");
    (0..100).for_each(|_| bench.idle(1.0));
    assert!(bench.book.interim.is_empty());
    assert_eq!(bench.book.ended.len(), 1);
}

#[test]
fn a_decision_takes_five_seconds_at_most_with_or_without_ticks() {
    for ticks in [true, false] {
        let mut bench = Bench::default();
        bench.open(CLIENT, SERVER, 1, 1);
        bench.tcp(CLIENT, SERVER, ACK, 2, b"ab");
        if ticks {
            bench.idle(4.8);
            assert!(bench.book.concluded.is_empty());
            bench.idle(0.4);
            assert_eq!(bench.book.concluded.len(), 1);
        } else {
            bench.wait(5.0);
        }
        bench.tcp(CLIENT, SERVER, ACK, 4, b"cd");
        let concluded = &bench.book.concluded[0];
        assert_eq!(
            (concluded.payload, concluded.payload_packets),
            ([2, 0], 1),
            "what came later has no part"
        );
        bench.finish();
        assert_eq!(bench.only().0.payload, [4, 0]);
    }
}

#[test]
fn a_closed_flow_keeps_its_late_packets_and_a_new_syn_starts_another() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 1, 1);
    bench.tcp(CLIENT, SERVER, FIN | ACK, 2, b"");
    bench.tcp(SERVER, CLIENT, FIN | ACK, 2, b"");
    bench.wait(1.0);
    bench.tcp(CLIENT, SERVER, ACK, 3, b"");
    assert!(bench.book.ended.is_empty());
    bench.tcp(CLIENT, SERVER, SYN, 0x5000_0000, b"");
    assert_eq!(bench.only().1, End::Fin);
    assert_eq!(bench.only().0.packets, [4, 2]);
    bench.finish();
    let (second, end) = &bench.book.ended[1];
    assert_eq!((second.packets, *end), ([1, 0], End::Shutdown));
    assert_eq!(second.tcp.unwrap().state, TcpState::SynSent);
}

#[test]
fn a_syn_that_is_sent_again_after_a_reset_is_the_same_flow() {
    let mut bench = Bench::default();
    for _ in 0..3 {
        bench.tcp(CLIENT, SERVER, SYN, 77, b"");
        bench.tcp(SERVER, CLIENT, RST | ACK, 0, b"");
        bench.wait(0.5);
    }
    bench.tcp(CLIENT, SERVER, SYN, 99, b"");
    assert_eq!(bench.only().0.packets, [3, 3]);
    assert_eq!(bench.only().1, End::Rst);
}

#[test]
fn time_that_steps_back_ends_nothing() {
    let mut bench = Bench::default();
    bench.udp(CLIENT, SERVER, b"x");
    bench.now = Timestamp::from_nanos(5);
    bench.udp(CLIENT, SERVER, b"y");
    bench.finish();
    let (flow, _) = bench.only();
    assert_eq!(flow.payload, [2, 0]);
    assert_eq!(flow.start, flow.last);
}
