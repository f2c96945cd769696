//! Flows whose packets the kernel counts: the totals are the same, and so is what is said of them.

mod support;

use offport_flow::fuzz::Build;
use offport_flow::{Config, End, Shunted, TcpState};
use offport_wire::{TcpFlags, TcpHeader, TransportHeader};
use support::*;

const CLIENT: End4 = (1, 40_000);
const SERVER: End4 = (2, 80);
/// A packet of this payload has 1,000 bytes.
const DATA: &[u8] = &[7; 960];
const STEP: u32 = 1 << 12;

fn bench(shunt_from: Option<u64>) -> Bench {
    let mut bench = Bench::new(&Config { offer_step: STEP, ..config() });
    bench.book.eager = true;
    bench.book.shunt_from = shunt_from;
    bench
}

/// A connection on which the client has sent `packets` of [`DATA`]. Returns its next sequence number.
fn sending(bench: &mut Bench, packets: u32) -> u32 {
    bench.open(CLIENT, SERVER, 0, 0);
    send(bench, 1, packets)
}

fn send(bench: &mut Bench, seq: u32, packets: u32) -> u32 {
    (0..packets).fold(seq, |seq, _| {
        bench.tcp(CLIENT, SERVER, ACK, seq, DATA);
        seq.wrapping_add(DATA.len() as u32)
    })
}

#[test]
fn the_question_is_asked_once_per_step_of_a_judged_flow() {
    let mut bench = bench(None);
    let seq = sending(&mut bench, 4);
    assert_eq!(bench.book.offers, 0);
    let seq = send(&mut bench, seq, 1);
    assert_eq!(bench.book.offers, 1, "4,096 bytes");
    send(&mut bench, seq, 95);
    assert_eq!(bench.book.offers, 24, "98 KiB");
    let counters = *bench.tracker.counters();
    assert_eq!((counters.extras, counters.shunted), (0, 0), "nothing is kept for the question");
    // Without payload there is no verdict; what is not TCP or UDP the kernel does not count.
    let before = bench.book.offers;
    (0..500).for_each(|_| _ = bench.send((3, 0), (4, 0), TransportHeader::Other, b""));
    (0..500).for_each(|_| {
        _ = bench.send((3, 1), (4, 2), TransportHeader::Sctp { init: false, end: false }, DATA)
    });
    assert_eq!(bench.book.offers, before);
}

#[test]
fn totals_are_the_same_to_the_packet() {
    let play = |shunt_from| {
        let mut bench = bench(shunt_from);
        let seq = sending(&mut bench, 200);
        (0..50).for_each(|at| _ = bench.tcp(SERVER, CLIENT, ACK, 1 + at * 9, b"nine byte"));
        bench.tcp(CLIENT, SERVER, FIN | ACK, seq, b"last");
        bench.tcp(SERVER, CLIENT, FIN | ACK, 451, b"");
        bench.tcp(CLIENT, SERVER, ACK, seq + 5, b"");
        bench.idle(3.0);
        let (seen, end) = bench.only().clone();
        (seen, end)
    };
    let (plain, end) = play(None);
    let (shunted, shunted_end) = play(Some(8_000));
    assert_eq!((plain.shunted, end), ([0, 0], End::Fin));
    let [packets, bytes] = shunted.shunted;
    assert!(packets > 200 && bytes > 150_000, "{packets} packets, {bytes} bytes");
    assert_eq!(Seen { shunted: [0, 0], ..shunted }, plain);
    assert_eq!(shunted_end, end);
}

#[test]
fn a_flow_that_lives_in_the_kernel_does_not_end_and_is_reported() {
    let mut bench = bench(Some(8_000));
    let mut seq = sending(&mut bench, 12);
    assert_eq!(bench.tracker.counters().shunted, 1);
    for _ in 0..1_000 {
        bench.idle(1.0);
        seq = send(&mut bench, seq, 1);
    }
    assert!(bench.book.ended.is_empty());
    // Once per active timeout of 60 s, as if it had not been shunted, to within the round of the hand.
    let packets: Vec<_> = bench.book.interim.iter().map(|seen| seen.packets[0] - 14).collect();
    assert_eq!(packets.len(), 16, "{packets:?}");
    for (minute, packets) in (1u64..).zip(packets) {
        assert!((60 * minute..60 * minute + 14).contains(&packets), "{packets} packets in minute {minute}");
    }
    let last = bench.now;
    (0..299).for_each(|_| bench.idle(1.0));
    assert!(bench.book.ended.is_empty());
    (0..11).for_each(|_| bench.idle(1.0));
    let (seen, end) = bench.only();
    assert_eq!((*end, seen.last, seen.packets), (End::Idle, last, [1_014, 1]));
}

#[test]
fn without_ticks_nothing_is_forgotten_either() {
    let mut bench = bench(Some(8_000));
    let seq = sending(&mut bench, 12);
    // Time goes on in the kernel only; the first packet that comes up is the last of the connection.
    bench.wait(299.0);
    let seq = send(&mut bench, seq, 5);
    bench.wait(299.0);
    bench.tcp(CLIENT, SERVER, RST, seq, b"");
    bench.finish();
    let (seen, end) = bench.only();
    assert_eq!((*end, seen.packets, seen.shunted[0]), (End::Rst, [2 + 12 + 5 + 1, 1], seen.shunted[0]));
    assert!(seen.shunted[0] >= 5);
}

#[test]
fn what_ends_a_connection_counts_however_far_it_has_gone_on_unseen() {
    for (flags, state) in [(FIN | ACK, TcpState::Closing), (RST, TcpState::Reset)] {
        let mut bench = bench(Some(8_000));
        let seq = sending(&mut bench, 100_000); // more than what a window explains
        assert!(seq > 1 << 26);
        bench.tcp(CLIENT, SERVER, flags, seq, b"");
        let counters = *bench.tracker.counters();
        assert_eq!((counters.shunted, bench.book.kernel.is_empty()), (0, true), "it comes up from here on");
        bench.tcp(SERVER, CLIENT, ACK, 1, b"");
        bench.finish();
        let (seen, _) = bench.only();
        let tcp = seen.tcp.unwrap();
        assert_eq!((tcp.state, tcp.retransmitted, tcp.out_of_order), (state, 0, 0));
        assert_eq!(seen.packets, [100_003, 2]);
    }
}

#[test]
fn sequence_numbers_start_anew_in_both_directions() {
    let mut bench = bench(Some(8_000));
    let seq = sending(&mut bench, 12);
    // The server answers with data that nobody sees.
    (0..50).for_each(|at| _ = bench.tcp(SERVER, CLIENT, ACK, 1 + at * 960, DATA));
    bench.tcp(CLIENT, SERVER, FIN | ACK, seq, b"");
    let next = 1 + 50 * 960;
    bench.tcp(SERVER, CLIENT, ACK, next + 960, DATA); // the first of them that is seen: no hole before it
    bench.tcp(SERVER, CLIENT, ACK, next, DATA); // so this is a repetition, as far as anyone can say
    bench.tcp(SERVER, CLIENT, ACK, next + 2 * 960, DATA);
    bench.tcp(SERVER, CLIENT, FIN | ACK, next + 3 * 960, b"");
    bench.finish();
    let tcp = bench.only().0.tcp.unwrap();
    assert_eq!((tcp.state, tcp.retransmitted, tcp.out_of_order), (TcpState::Closed, 1, 0));
}

#[test]
fn a_connection_that_goes_on_after_one_fin_may_be_shunted_again() {
    let mut bench = bench(Some(8_000));
    let seq = sending(&mut bench, 12);
    bench.tcp(CLIENT, SERVER, FIN | ACK, seq, b"");
    let server = (0..100).fold(1, |seq, _| {
        bench.tcp(SERVER, CLIENT, ACK, seq, DATA);
        seq + DATA.len() as u32
    });
    assert_eq!(bench.tracker.counters().shunted, 1);
    bench.tcp(SERVER, CLIENT, FIN | ACK, server, b"");
    bench.idle(2.2);
    let (seen, end) = bench.only();
    assert_eq!((*end, seen.packets, seen.tcp.unwrap().state), (End::Fin, [15, 102], TcpState::Closed));
}

#[test]
fn sums_of_any_size() {
    let mut bench = bench(Some(8_000));
    sending(&mut bench, 12);
    // Many large segments, in one go.
    let header = TcpHeader { seq: 0, ack: 0, flags: TcpFlags(ACK), mp_join: false };
    let large = Build {
        source: address(CLIENT),
        destination: address(SERVER),
        transport: TransportHeader::Tcp(header),
        payload: b"",
        cut: u32::MAX - 100,
        time: bench.now,
    };
    (0..1_000).for_each(|_| assert!(bench.book.kernel.count(&large.packet())));
    bench.finish();
    assert!(bench.book.kernel.is_empty());
    let seen = &bench.only().0;
    assert_eq!(seen.packets, [1_014, 1]);
    assert_eq!(seen.payload[0], 12 * 960 + 1_000 * u64::from(u32::MAX - 100));
    assert_eq!(seen.bytes[0], 14 * 40 + seen.payload[0] + 1_000 * 40);
}

#[test]
fn a_full_table_does_not_end_what_lives_in_the_kernel() {
    let mut bench = Bench::new(&Config { offer_step: STEP, max_flows: 4, ..config() });
    bench.book.eager = true;
    bench.book.shunt_from = Some(8_000);
    // Unanswered datagrams: the first to go when they are silent.
    (0..12).for_each(|_| _ = bench.udp(CLIENT, (2, 5_000), DATA));
    assert_eq!(bench.tracker.counters().shunted, 1);
    for other in 0..3 {
        bench.wait(1.0);
        bench.udp((10 + other, 1), SERVER, b"x");
    }
    bench.wait(36.0);
    bench.udp(CLIENT, (2, 5_000), DATA); // seen by the kernel
    bench.udp((20, 1), SERVER, b"new");
    let (seen, end) = bench.only();
    assert_eq!((*end, seen.client.0), (End::Evicted, address((10, 1)).0));
}

#[test]
fn eviction_releases_and_what_comes_late_is_counted() {
    let mut bench = bench(Some(8_000));
    (0..12).for_each(|_| _ = bench.udp(CLIENT, SERVER, DATA));
    let datagram = Build {
        source: address(CLIENT),
        destination: address(SERVER),
        transport: TransportHeader::Udp,
        payload: DATA,
        cut: 0,
        time: bench.now,
    };
    let key = datagram.packet().key;
    let one = Shunted { packets: [1, 0], bytes: [1_000, 0], payload: [960, 0], last: bench.now };
    // While the flow is there, it is added to it.
    bench.tracker.add_late(&key, &one, &mut bench.book);
    bench.wait(60.0);
    bench.idle(0.2);
    assert!(bench.book.kernel.is_empty());
    assert_eq!((bench.only().1, bench.only().0.packets), (End::Idle, [13, 0]));
    bench.tracker.add_late(&key, &one, &mut bench.book);
    let counters = *bench.tracker.counters();
    assert_eq!((counters.shunted, counters.shunted_late), (0, 1));
}

#[test]
fn without_room_for_large_sums_a_flow_is_not_shunted() {
    let mut bench = Bench::new(&Config { offer_step: STEP, max_extras: 0, ..config() });
    bench.book.eager = true;
    bench.book.shunt_from = Some(8_000);
    sending(&mut bench, 50);
    let counters = *bench.tracker.counters();
    assert!(bench.book.kernel.is_empty() && counters.extras_limit > 0);
    assert_eq!(counters.shunted, 0);
}

#[test]
fn the_end_takes_in_what_the_kernel_has() {
    let mut bench = bench(Some(8_000));
    sending(&mut bench, 100);
    bench.wait(10.0);
    bench.finish();
    let (seen, end) = bench.only();
    assert_eq!((*end, seen.packets), (End::Shutdown, [102, 1]));
    assert!(bench.book.kernel.is_empty());
}
