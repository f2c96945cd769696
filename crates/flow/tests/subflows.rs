//! Which connections are subflows of Multipath TCP (RFC 8684, section 3.2).

mod support;

use offport_flow::Config;
use support::*;

const CLIENT: End4 = (1, 40_000);
const SERVER: End4 = (2, 80);

/// Whether a flow is one, of whose handshake these segments were seen, each with or without MP_JOIN: `false` is the client's SYN.
fn joins(handshake: &[(bool, bool)]) -> bool {
    let mut bench = Bench::default();
    for &(answers, mp_join) in handshake {
        match answers {
            false => bench.syn(CLIENT, SERVER, 0, 100, mp_join),
            true => bench.syn(SERVER, CLIENT, ACK, 500, mp_join),
        };
    }
    bench.tcp(CLIENT, SERVER, ACK, 101, b"data");
    bench.finish();
    let looked = bench.book.concluded[0].clone();
    assert!(!looked.midstream, "its start was seen");
    assert_eq!(looked.subflow, bench.only().0.subflow);
    looked.subflow
}

const ASKS: (bool, bool) = (false, true);
const OPENS: (bool, bool) = (false, false);
const AGREES: (bool, bool) = (true, true);
const ACCEPTS: (bool, bool) = (true, false);

#[test]
fn both_ends_have_to_agree_as_far_as_they_are_heard() {
    let rows: [(&[_], bool); 7] = [
        (&[ASKS, AGREES], true),
        (&[ASKS, ACCEPTS], false),
        (&[OPENS, AGREES], false),
        (&[OPENS, ACCEPTS], false),
        (&[ASKS], true),
        (&[AGREES], true),
        (&[ACCEPTS], false),
    ];
    for (handshake, expected) in rows {
        assert_eq!(joins(handshake), expected, "{handshake:?}");
        // Of two queues either may be read first.
        let reversed: Vec<_> = handshake.iter().copied().rev().collect();
        assert_eq!(joins(&reversed), expected, "{reversed:?}");
    }
}

#[test]
fn a_refusal_stands_whatever_comes_again() {
    for again in [ASKS, AGREES] {
        assert!(!joins(&[ASKS, ACCEPTS, again]), "{again:?}");
        assert!(joins(&[ASKS, AGREES, again]), "{again:?}");
    }
    // Without an answer a client may try anew.
    assert!(joins(&[OPENS, ASKS, AGREES]));
    assert!(!joins(&[ASKS, OPENS, AGREES]));
}

#[test]
fn what_was_settled_or_is_watched_becomes_none() {
    for room in [0, 1] {
        let mut bench = Bench::new(&Config { max_watched: 64, ..config() });
        (bench.book.eager, bench.book.room) = (true, room);
        bench.syn(CLIENT, SERVER, 0, 100, false);
        // The SYN-ACK was not seen.
        bench.tcp(SERVER, CLIENT, ACK, 501, b"data");
        assert_eq!(bench.book.examined.len(), 1);
        bench.syn(CLIENT, SERVER, 0, 100, true);
        bench.tcp(SERVER, CLIENT, ACK, 505, b"more");
        bench.finish();
        assert_eq!((bench.only().0.subflow, bench.book.followed.len()), (false, 2 * room));
    }
}

#[test]
fn the_next_connection_of_the_same_ports_is_none_for_that() {
    let mut bench = Bench::default();
    bench.syn(CLIENT, SERVER, 0, 100, true);
    bench.tcp(SERVER, CLIENT, RST, 0, b"");
    bench.syn(CLIENT, SERVER, 0, 90_000, false);
    bench.finish();
    let subflows: Vec<_> = bench.book.ended.iter().map(|(seen, _)| seen.subflow).collect();
    assert_eq!(subflows, [true, false]);
}
