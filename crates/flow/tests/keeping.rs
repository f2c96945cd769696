//! Which packets are kept: the beginning of every flow, all of a flagged one.

mod support;

use offport_flow::{Config, Keep};
use offport_wire::TcpFlags;
use support::*;

const CLIENT: End4 = (1, 40_000);
const SERVER: End4 = (2, 80);
/// A packet of this payload has 1,000 bytes.
const DATA: &[u8] = &[7; 960];
/// A packet of this payload has 65,535 bytes.
static LARGE: [u8; 65_495] = [7; 65_495];

fn bench(keep: Keep) -> Bench {
    Bench::new(&Config { keep, ..config() })
}

/// Of `packets` of [`DATA`] after a handshake: how many of all are kept.
fn kept(bench: &mut Bench, packets: u32) -> usize {
    let mut kept = 0;
    let mut count = |bench: &mut Bench| kept += usize::from(bench.tracker.kept().flow().is_some());
    bench.tcp(CLIENT, SERVER, TcpFlags::SYN, 0, b"");
    count(bench);
    bench.tcp(SERVER, CLIENT, TcpFlags::SYN | TcpFlags::ACK, 0, b"");
    count(bench);
    for number in 0..packets {
        bench.tcp(CLIENT, SERVER, ACK, 1 + number * DATA.len() as u32, DATA);
        count(bench);
    }
    kept
}

#[test]
fn the_packets_that_begin_before_the_limit_are_kept() {
    let keep = |session| Keep { session, undecided: session, flagged: session };
    assert_eq!(kept(&mut bench(keep(0)), 20), 0);
    // 40 bytes each of the handshake, then 1,000 each: the fifth begins at 4,080.
    assert_eq!(kept(&mut bench(keep(4_080)), 20), 2 + 4);
    assert_eq!(kept(&mut bench(keep(4_081)), 20), 2 + 5);
    assert_eq!(kept(&mut bench(keep(u32::MAX)), 20), 2 + 20);
}

#[test]
fn a_flagged_flow_is_kept_longer_from_its_beginning() {
    let keep = Keep { session: 1, undecided: 3_000, flagged: 10_000 };
    let mut plain = bench(keep);
    plain.book.eager = true;
    // SYN, and the SYN-ACK that begins behind the first byte is past the limit; the packet that settles it is as well.
    assert_eq!(kept(&mut plain, 20), 1);
    let mut flagged = bench(keep);
    flagged.book.eager = true;
    flagged.book.flag = true;
    assert_eq!(kept(&mut flagged, 20), 1 + 10);
    let mut undecided = bench(keep);
    assert_eq!(kept(&mut undecided, 2), 1 + 2);
}

#[test]
fn a_flow_that_has_gone_round_is_not_taken_for_a_new_one() {
    let mut bench = bench(Keep { session: 16_384, undecided: 65_536, flagged: 65_536 });
    bench.book.eager = true;
    assert_eq!(kept(&mut bench, 80), 2 + 17);
    let seq = 1 + 80 * DATA.len() as u32;
    // 65,537 packets of 65,535 bytes are 4 GiB.
    for number in 0..65_600_u32 {
        bench.tcp(CLIENT, SERVER, ACK, seq.wrapping_add(number.wrapping_mul(LARGE.len() as u32)), &LARGE);
        assert!(bench.tracker.kept().flow().is_none(), "packet {number}");
    }
}

#[test]
fn a_kept_packet_tells_whose_it_is() {
    let mut bench = bench(Keep { session: 16_384, undecided: 65_536, flagged: 65_536 });
    bench.tcp(CLIENT, SERVER, TcpFlags::SYN, 0, b"");
    let first = bench.tracker.kept().flow().map(|flow| bench.tracker.session(flow)).unwrap();
    bench.wait(1.0);
    bench.tcp(SERVER, CLIENT, TcpFlags::SYN | TcpFlags::ACK, 0, b"");
    let second = bench.tracker.kept().flow().map(|flow| bench.tracker.session(flow)).unwrap();
    assert_eq!(first, second);
    assert_eq!(bench.tracker.kept().flow(), None, "asked once");
}
