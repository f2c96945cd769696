//! Flows that are watched beyond their verdict.

mod support;

use offport_flow::{Config, Watch};
use support::*;

const CLIENT: (u16, u16) = (1, 40_000);
const SERVER: (u16, u16) = (2, 80);

fn watching(room: usize) -> Bench {
    let mut bench = Bench::new(&Config { max_watched: 64, ..config() });
    bench.book.eager = true;
    bench.book.room = room;
    bench
}

#[test]
fn where_it_begins_in_its_stream_is_told_of_every_payload() {
    let mut bench = watching(1);
    bench.open(CLIENT, SERVER, 100, 500);
    bench.tcp(CLIENT, SERVER, ACK, 101, b"hello");
    bench.tcp(SERVER, CLIENT, ACK, 501, b"answer");
    bench.tcp(CLIENT, SERVER, ACK, 106, b"more");
    bench.tcp(CLIENT, SERVER, ACK, 99, b"..hello");
    bench.tcp(CLIENT, SERVER, ACK, 99, b"..");
    let seen: Vec<_> =
        bench.book.followed.iter().map(|(offset, bytes, _)| (*offset, bytes.as_slice())).collect();
    assert_eq!(seen, [(0, &b"hello"[..]), (0, b"answer"), (5, b"more"), (0, b"hello")]);
    bench.finish();
    assert_eq!(bench.book.unwatched, [Watch(1)]);
}

#[test]
fn a_flow_that_makes_room_gives_back_what_it_held() {
    let mut bench = watching(3);
    for host in 10..30 {
        bench.udp((host, 40_000), (5_000, 53), b"question");
        bench.open((host, 40_000), SERVER, 1, 1);
        bench.tcp((host, 40_000), SERVER, ACK, 2, b"hello");
        assert!(bench.tracker.counters().extras <= 3);
    }
    assert_eq!(bench.book.unwatched.len(), 37);
    assert_eq!(bench.tracker.counters().extras_limit, 0);
    bench.finish();
    let mut unwatched: Vec<_> = bench.book.unwatched.iter().map(|Watch(watch)| *watch).collect();
    unwatched.sort_unstable();
    assert_eq!(unwatched, (1..=40).collect::<Vec<_>>(), "each once");
    assert_eq!(bench.tracker.counters().extras, 0);
}

#[test]
fn what_is_concluded_at_its_end_is_watched_no_more() {
    let mut bench = watching(4);
    bench.book.eager = false;
    bench.udp(CLIENT, (2, 53), b"question");
    bench.open(CLIENT, SERVER, 1, 1);
    bench.tcp(CLIENT, SERVER, ACK, 2, b"hello");
    bench.finish();
    assert_eq!((bench.book.concluded.len(), bench.book.unwatched.len()), (2, 2));
    assert!(bench.book.watching.is_empty());
}

#[test]
fn without_room_flows_are_not_watched() {
    let mut bench = Bench::new(&Config { max_watched: 0, ..config() });
    (bench.book.eager, bench.book.room) = (true, 9);
    for host in 10..14 {
        bench.udp((host, 40_000), (5_000, 53), b"question");
    }
    assert_eq!(bench.book.watching.len(), 1);
    assert_eq!(bench.tracker.counters().extras_limit, 3);
    bench.udp((14, 40_000), (5_000, 53), b"question");
    assert_eq!(bench.book.ended.len(), 0);
}
