//! First payloads against an oracle: the stream itself.

mod support;

use proptest::prelude::*;
use support::*;

const CLIENT: End4 = (1, 40_000);
const SERVER: End4 = (2, 80);

fn stream(len: usize) -> Vec<u8> {
    // Odd, so that nothing looks like padding.
    (0..len as i32).map(|at| offport_flow::fuzz::stream_byte(at) | 1).collect()
}

/// Segments of a stream as (offset, length), covering it, with some of them twice or overlapping.
fn segments(len: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
    let cuts = prop::collection::btree_set(1..len.max(2), 0..20);
    let extra = prop::collection::vec((0..len, 1..80usize), 0..6);
    (cuts, extra).prop_map(move |(cuts, extra)| {
        let mut bounds: Vec<_> = cuts.into_iter().filter(|&cut| cut < len).collect();
        bounds.insert(0, 0);
        bounds.push(len);
        let mut segments: Vec<_> = bounds.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect();
        segments.extend(extra.into_iter().map(|(at, size)| (at, size.min(len - at))));
        segments
    })
}

fn patient() -> Bench {
    Bench::new(&offport_flow::Config { payload_packets: 32, gap_packets: 32, ..config() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// However a stream is cut, ordered, repeated and overlapped: what is assembled is its beginning.
    #[test]
    fn any_order_gives_the_stream(
        (len, order) in (1..900usize)
            .prop_flat_map(|len| (Just(len), segments(len).prop_shuffle())),
        isn: u32,
    ) {
        let sent = stream(len);
        let mut bench = patient();
        bench.open(CLIENT, SERVER, isn, 9);
        for &(at, size) in &order {
            let seq = isn.wrapping_add(1 + at as u32);
            bench.tcp(CLIENT, SERVER, ACK, seq, &sent[at..at + size]);
        }
        let expected = &sent[..len.min(512)];
        for looked in &bench.book.examined {
            prop_assert!(expected.starts_with(&looked.first[0]));
            prop_assert_eq!(looked.closed[0], looked.first[0].len() == 512);
            let ends = &looked.ends[0];
            prop_assert_eq!(ends.last().map(|&end| usize::from(end)), Some(looked.first[0].len()));
        }
        let last = &bench.book.examined.last().expect("all of it came").first[0];
        prop_assert_eq!(last.as_slice(), expected);
        prop_assert!(!bench.book.examined.iter().any(|flow| flow.midstream));
        // And the very same again.
        let mut again = patient();
        again.open(CLIENT, SERVER, isn, 9);
        for &(at, size) in &order {
            again.tcp(CLIENT, SERVER, ACK, isn.wrapping_add(1 + at as u32), &sent[at..at + size]);
        }
        prop_assert_eq!(&again.book.examined, &bench.book.examined);
    }

    /// What is lost leaves a gap, and what is assembled never closes it up.
    #[test]
    fn loss_leaves_a_prefix_or_a_later_start(
        (len, order, lost) in (1..900usize).prop_flat_map(|len| {
            (Just(len), segments(len).prop_shuffle(), prop::collection::vec(any::<bool>(), 30))
        }),
        gap_packets in 0..6u8,
    ) {
        let sent = stream(len);
        let mut bench = Bench::new(&offport_flow::Config { gap_packets, ..config() });
        bench.open(CLIENT, SERVER, 0, 9);
        for (&(at, size), lost) in order.iter().zip(lost) {
            if !lost {
                bench.tcp(CLIENT, SERVER, ACK, 1 + at as u32, &sent[at..at + size]);
            }
        }
        bench.finish();
        for looked in bench.book.examined.iter().chain(&bench.book.concluded) {
            let got = &looked.first[0];
            if looked.midstream {
                prop_assert!(got.is_empty() || sent.windows(got.len()).any(|run| run == got));
            } else {
                prop_assert!(sent.starts_with(got));
            }
        }
        prop_assert!(bench.book.concluded.len() <= 1);
    }

    /// Picked up midstream, the start is the first byte that was seen.
    #[test]
    fn midstream_starts_where_it_starts(skip in 0..300usize, size in 2..200usize, isn: u32) {
        let sent = stream(1_000);
        let mut bench = Bench::default();
        for at in (skip..skip + 400).step_by(size) {
            bench.tcp(CLIENT, SERVER, ACK, isn.wrapping_add(at as u32), &sent[at..at + size]);
        }
        for looked in &bench.book.examined {
            prop_assert!(looked.midstream);
            prop_assert!(sent[skip..].starts_with(&looked.first[0]));
        }
    }

    /// Datagrams lie end to end, with their ends.
    #[test]
    fn datagrams_keep_their_ends(sizes in prop::collection::vec(1..300usize, 1..12)) {
        let mut bench = Bench::default();
        let mut sent = Vec::new();
        let mut ends = Vec::new();
        for (n, &size) in sizes.iter().enumerate() {
            if sent.len() < 512 {
                sent.extend(vec![n as u8; size]);
                ends.push(sent.len().min(512) as u16);
            }
            bench.udp(CLIENT, SERVER, &vec![n as u8; size]);
        }
        let looked = bench.book.examined.last().unwrap();
        prop_assert_eq!(&looked.first[0], &sent[..sent.len().min(512)]);
        prop_assert_eq!(&looked.ends[0], &ends);
        prop_assert_eq!(looked.first_len[0] as usize, sizes[0]);
    }
}

#[test]
fn the_first_received_byte_stays() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 0, 0);
    bench.tcp(CLIENT, SERVER, ACK, 4, b"DEF");
    bench.tcp(CLIENT, SERVER, ACK, 1, b"abcdefgh");
    bench.tcp(CLIENT, SERVER, ACK, 1, b"ABCDEFGHI");
    let last = bench.book.examined.last().unwrap();
    assert_eq!(last.first[0], b"abcDEFghI");
}

#[test]
fn data_in_the_syn_and_keep_alive_probes() {
    let mut bench = Bench::default();
    bench.tcp(CLIENT, SERVER, SYN, 10, b"GET ");
    bench.tcp(SERVER, CLIENT, SYN | ACK, 20, b"");
    bench.tcp(CLIENT, SERVER, ACK, 14, b"?"); // a probe: one byte before the next
    bench.tcp(CLIENT, SERVER, ACK, 15, b"/");
    assert_eq!(bench.book.examined.last().unwrap().first[0], b"GET /");

    // Before any data: its byte has the SYN's place.
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 10, 20);
    bench.tcp(CLIENT, SERVER, ACK, 10, b"?");
    assert!(bench.book.examined.is_empty());
    bench.tcp(CLIENT, SERVER, ACK, 11, b"GET");
    assert_eq!(bench.book.examined.last().unwrap().first[0], b"GET");

    // Midstream: a lone byte without PSH may be a probe.
    let mut bench = Bench::default();
    bench.tcp(CLIENT, SERVER, ACK, 10, b"?");
    bench.tcp(CLIENT, SERVER, ACK, 11, b"GET");
    assert_eq!(bench.book.examined.last().unwrap().first[0], b"GET");
}

#[test]
fn the_server_may_speak_first_and_its_unseen_peer_makes_no_gap() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 10, 20);
    bench.tcp(SERVER, CLIENT, ACK, 21, b"220 ");
    bench.tcp(CLIENT, SERVER, ACK, 11, b"EHLO");
    let last = bench.book.examined.last().unwrap();
    assert_eq!(last.first, [b"EHLO".to_vec(), b"220 ".to_vec()]);

    // Only the client is seen; the server's data shows in its acknowledgements alone.
    let mut bench = Bench::default();
    bench.tcp(CLIENT, SERVER, SYN, 10, b"");
    bench.tcp(CLIENT, SERVER, ACK, 11, b"EHLO");
    bench.tcp(CLIENT, SERVER, ACK, 15, b" me");
    let last = bench.book.examined.last().unwrap();
    assert_eq!((last.first[0].as_slice(), last.closed, last.midstream), (&b"EHLO me"[..], [false; 2], false));
}

#[test]
fn a_lost_start_is_given_up_and_judged_as_midstream() {
    let mut bench = Bench::new(&offport_flow::Config { gap_packets: 2, ..config() });
    bench.open(CLIENT, SERVER, 0, 0);
    for n in 0..5u32 {
        bench.tcp(CLIENT, SERVER, ACK, 11 + n * 4, b"data");
    }
    let first = &bench.book.examined[0];
    assert!(first.midstream);
    assert_eq!(first.first[0], b"data".repeat(4));
    assert_eq!(bench.tracker.counters().gaps, 1);

    // A gap after the start closes the side; the start counts.
    let mut bench = Bench::new(&offport_flow::Config { gap_packets: 2, ..config() });
    bench.open(CLIENT, SERVER, 0, 0);
    bench.tcp(CLIENT, SERVER, ACK, 1, b"GET ");
    for n in 0..5u32 {
        bench.tcp(CLIENT, SERVER, ACK, 2_000 + n * 4, b"data");
    }
    let last = bench.book.examined.last().unwrap();
    assert_eq!((last.first[0].as_slice(), last.closed[0], last.midstream), (&b"GET "[..], true, false));
}

#[test]
fn a_hole_that_is_still_there_at_the_last_word_is_given_up() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 0, 0);
    bench.tcp(CLIENT, SERVER, ACK, 5, b"T / HTTP");
    assert!(bench.book.examined.is_empty(), "more may come before it");
    bench.idle(6.0);
    let last = &bench.book.concluded[0];
    assert_eq!((last.first[0].as_slice(), last.midstream), (&b"T / HTTP"[..], true));
}

#[test]
fn both_sides_finished_is_the_last_word() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 0, 0);
    bench.tcp(CLIENT, SERVER, ACK, 1, b"x");
    bench.tcp(CLIENT, SERVER, FIN | ACK, 2, b"");
    assert!(bench.book.concluded.is_empty());
    bench.tcp(SERVER, CLIENT, FIN | ACK, 1, b"");
    assert_eq!(bench.book.concluded.len(), 1);
    assert_eq!(bench.book.concluded[0].closed, [true, true]);
}

#[test]
fn packets_are_the_limit_where_bytes_are_few() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 0, 0);
    for n in 0..40u32 {
        bench.tcp(CLIENT, SERVER, ACK, 1 + n, b"x");
    }
    assert_eq!(bench.book.concluded.len(), 1);
    assert_eq!(bench.book.concluded[0].payload_packets, 24);
    assert_eq!(bench.book.examined.len(), 24);
}

#[test]
fn what_the_capture_cut_is_missing() {
    let mut bench = Bench::default();
    bench.open(CLIENT, SERVER, 0, 0);
    let header =
        offport_wire::TcpHeader { seq: 1, ack: 0, flags: offport_wire::TcpFlags(ACK), mp_join: false };
    let build = offport_flow::fuzz::Build {
        source: address(CLIENT),
        destination: address(SERVER),
        transport: offport_wire::TransportHeader::Tcp(header),
        payload: b"GET /",
        cut: 100,
        time: bench.now,
    };
    bench.give(&build.packet());
    bench.tcp(CLIENT, SERVER, ACK, 106, b"more");
    let last = bench.book.examined.last().unwrap();
    assert_eq!((last.first[0].as_slice(), last.closed[0], last.first_len[0]), (&b"GET /"[..], true, 105));
}
