//! TCP and SCTP state, sequence counts, totals, ICMP errors.

mod support;

use offport_flow::{End, Outcome, TcpState};
use offport_wire::TransportHeader;
use support::*;

const CLIENT: End4 = (1, 40_000);
const SERVER: End4 = (2, 80);

fn state(play: impl Fn(&mut Bench)) -> TcpState {
    let mut bench = Bench::default();
    play(&mut bench);
    bench.finish();
    bench.only().0.tcp.expect("TCP").state
}

#[test]
fn states_follow_the_packets() {
    assert_eq!(state(|b| _ = b.tcp(CLIENT, SERVER, SYN, 1, b"")), TcpState::SynSent);
    let answered = |b: &mut Bench| {
        b.tcp(CLIENT, SERVER, SYN, 1, b"");
        b.tcp(SERVER, CLIENT, SYN | ACK, 1, b"");
    };
    assert_eq!(state(answered), TcpState::SynReceived);
    assert_eq!(state(|b| b.open(CLIENT, SERVER, 1, 1)), TcpState::Established);
    let one_fin = |b: &mut Bench| {
        b.open(CLIENT, SERVER, 1, 1);
        b.tcp(SERVER, CLIENT, FIN | ACK, 2, b"");
        b.tcp(SERVER, CLIENT, FIN | ACK, 2, b"");
    };
    assert_eq!(state(one_fin), TcpState::Closing, "the same FIN twice closes one side");
    let reset = |b: &mut Bench| {
        b.open(CLIENT, SERVER, 1, 1);
        b.tcp(SERVER, CLIENT, RST, 2, b"");
    };
    assert_eq!(state(reset), TcpState::Reset);
    assert_eq!(state(|b| _ = b.tcp(CLIENT, SERVER, ACK, 1, b"x")), TcpState::Established, "midstream");
}

#[test]
fn one_side_alone_is_followed_to_its_end() {
    let mut bench = Bench::default();
    bench.tcp(SERVER, CLIENT, SYN | ACK, 500, b"");
    bench.tcp(SERVER, CLIENT, ACK, 501, b"220 ready\r\n");
    bench.tcp(SERVER, CLIENT, FIN | ACK, 512, b"");
    bench.finish();
    let flow = &bench.book.concluded[0];
    assert_eq!(flow.client, address(CLIENT));
    assert_eq!((flow.first[1].as_slice(), flow.closed), (&b"220 ready\r\n"[..], [false, true]));
}

#[test]
fn a_syn_that_was_overtaken_by_its_own_side_opens_no_second_flow() {
    // Two queues: the client's acknowledgement goes with the server's packets, the rest of it comes later.
    let mut bench = Bench::default();
    bench.tcp(SERVER, CLIENT, SYN | ACK, 900, b"");
    bench.tcp(CLIENT, SERVER, ACK, 101, b"");
    bench.tcp(SERVER, CLIENT, ACK, 901, b"220 ready\r\n");
    bench.tcp(SERVER, CLIENT, FIN | ACK, 912, b"");
    bench.tcp(CLIENT, SERVER, SYN, 100, b"");
    bench.tcp(CLIENT, SERVER, ACK, 101, b"QUIT\r\n");
    bench.tcp(CLIENT, SERVER, FIN | ACK, 107, b"");
    bench.finish();
    let tcp = bench.only().0.tcp.unwrap();
    assert_eq!((tcp.state, bench.only().1), (TcpState::Closed, End::Fin));

    // A SYN of another connection, whose ends have the same ports, does.
    let mut bench = Bench::default();
    bench.tcp(CLIENT, SERVER, ACK, 101, b"x");
    bench.tcp(SERVER, CLIENT, FIN | ACK, 912, b"");
    bench.tcp(CLIENT, SERVER, SYN, 250_101, b"");
    assert_eq!(bench.finish().len(), 2);
}

#[test]
fn a_forged_reset_does_not_end_a_connection() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 1, 1);
    bench.tcp(SERVER, CLIENT, RST, 0x7000_0000, b"");
    bench.tcp(CLIENT, SERVER, ACK, 2, b"GET");
    assert_eq!(bench.book.examined[0].tcp.unwrap().state, TcpState::Established, "far out of any window");

    // In the window, but its sender goes on.
    bench.tcp(SERVER, CLIENT, RST, 2, b"");
    bench.tcp(SERVER, CLIENT, ACK, 2, b"200");
    bench.finish();
    assert_eq!(bench.only().0.tcp.unwrap().state, TcpState::Established);
}

#[test]
fn repeated_and_overtaken_segments_are_counted_apart() {
    let mut bench = Bench::default();
    bench.book.eager = true;
    bench.open(CLIENT, SERVER, u32::MAX - 10, 1);
    let at = |offset: u32| (u32::MAX - 9).wrapping_add(offset);
    bench.tcp(CLIENT, SERVER, ACK, at(0), &[0; 10]);
    bench.tcp(CLIENT, SERVER, ACK, at(0), &[0; 10]); // again
    bench.tcp(CLIENT, SERVER, ACK, at(20), &[0; 10]); // early
    bench.tcp(CLIENT, SERVER, ACK, at(10), &[0; 10]); // late
    bench.tcp(CLIENT, SERVER, ACK, at(10), &[0; 10]); // again
    bench.tcp(CLIENT, SERVER, ACK, at(25), &[0; 10]); // half new
    for _ in 0..300 {
        bench.tcp(CLIENT, SERVER, ACK, at(30), &[0; 5]);
    }
    bench.finish();
    let tcp = bench.only().0.tcp.unwrap();
    assert_eq!((tcp.retransmitted, tcp.out_of_order), (302, 1));
    assert_eq!(bench.only().0.payload, [60 + 1_500, 0]);
}

#[test]
fn totals_carry_past_32_bits() {
    let mut bench = Bench::default();
    let build = offport_flow::fuzz::Build {
        source: address(CLIENT),
        destination: address(SERVER),
        transport: TransportHeader::Udp,
        payload: b"x",
        cut: u32::MAX - 1,
        time: bench.now,
    };
    for _ in 0..5 {
        let mut packet = build.packet();
        packet.packets = u16::MAX;
        bench.give(&packet);
    }
    bench.finish();
    let flow = &bench.only().0;
    assert_eq!(flow.payload, [5 * u64::from(u32::MAX), 0]);
    assert_eq!((flow.bytes, flow.packets), (flow.payload, [5 * 65_535, 0]));
}

#[test]
fn icmp_errors_go_to_the_flow_that_they_quote_and_start_none() {
    let mut bench = Bench::default();
    let build = offport_flow::fuzz::Build {
        source: address(CLIENT),
        destination: address(SERVER),
        transport: TransportHeader::Udp,
        payload: b"",
        cut: 0,
        time: bench.now,
    };
    let mut error = build.packet();
    error.icmp_error = true;
    assert_eq!(bench.give(&error), Outcome::IcmpUnmatched);
    assert!(bench.tracker.is_empty());
    bench.udp(CLIENT, SERVER, b"x");
    assert_eq!(bench.give(&error), Outcome::IcmpMatched);
    bench.finish();
    let flow = &bench.only().0;
    assert_eq!((flow.icmp_errors, flow.packets), (1, [1, 0]));
}

#[test]
fn an_association_opens_answers_and_ends() {
    let sctp = |init, end| TransportHeader::Sctp { init, end };
    let mut bench = Bench::default();
    bench.send(CLIENT, SERVER, sctp(true, false), b"");
    bench.send(SERVER, CLIENT, sctp(false, false), b"");
    bench.send(CLIENT, SERVER, sctp(false, false), b"data");
    bench.send(SERVER, CLIENT, sctp(false, true), b"");
    bench.idle(3.0);
    assert_eq!((bench.only().1, bench.only().0.label.is_some()), (End::Fin, true));
}

#[test]
fn a_side_that_comes_as_a_whole_after_the_other_is_no_new_connection() {
    for ends in [FIN | ACK, RST | ACK] {
        let mut bench = Bench::default();
        bench.tcp(SERVER, CLIENT, SYN | ACK, 100, b"");
        bench.tcp(SERVER, CLIENT, ACK, 101, b"answer");
        bench.tcp(SERVER, CLIENT, ends, 107, b"");
        bench.tcp(CLIENT, SERVER, SYN, 1, b"");
        bench.tcp(CLIENT, SERVER, ACK, 2, b"question");
        bench.tcp(CLIENT, SERVER, FIN | ACK, 10, b"");
        bench.finish();
        let (seen, _) = bench.only();
        assert_eq!((seen.client, seen.packets, seen.payload), (address(CLIENT), [3, 3], [8, 6]));
        assert!(seen.tcp.unwrap().state.is_over());
    }
}
