//! The directions of a connection come on two queues, and the worker reads one later than the other: AF_XDP gives no
//! arrival time, so what the packets acknowledge has to tell who spoke before whom.

mod support;

use offport_wire::{TcpFlags, TcpHeader, TransportHeader};
use proptest::prelude::*;
use support::*;

const CLIENT: End4 = (1, 40_000);
const SERVER: End4 = (2, 80);

/// A packet by direction (0: the client's).
#[derive(Clone, Debug)]
struct Sent {
    by: usize,
    flags: u8,
    seq: u32,
    ack: u32,
    payload: Vec<u8>,
}

/// One side says so many bytes, in so many segments; the other acknowledges them by itself, or with what it says.
#[derive(Clone, Debug)]
struct Turn {
    by: usize,
    len: usize,
    segments: usize,
    acknowledged: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    (0..2usize, 2..300usize, 1..4usize, any::<bool>()).prop_map(|(by, len, segments, acknowledged)| Turn {
        by,
        len,
        segments: segments.min(len),
        acknowledged,
    })
}

/// A connection as both ends see it, in the order of its packets.
fn conversation(turns: &[Turn], isn: [u32; 2]) -> Vec<Sent> {
    let mut next = isn;
    let mut sent: Vec<Sent> = Vec::new();
    let mut say = |next: &mut [u32; 2], by: usize, flags: u8, payload: &[u8]| {
        let ack = if flags & ACK == 0 { 0 } else { next[1 - by] };
        sent.push(Sent { by, flags, seq: next[by], ack, payload: payload.to_vec() });
        let numbers = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        next[by] = next[by].wrapping_add(numbers);
    };
    say(&mut next, 0, SYN, b"");
    say(&mut next, 1, SYN | ACK, b"");
    say(&mut next, 0, ACK, b"");
    for (turn, of) in turns.iter().zip(1u8..) {
        let payload = vec![of; turn.len];
        for segment in payload.chunks(turn.len.div_ceil(turn.segments)) {
            say(&mut next, turn.by, ACK | PSH, segment);
        }
        if turn.acknowledged {
            say(&mut next, 1 - turn.by, ACK, b"");
        }
    }
    for by in 0..2 {
        say(&mut next, by, ACK | FIN, b"");
    }
    say(&mut next, 0, ACK, b"");
    sent
}

fn give(bench: &mut Bench, packet: &Sent) {
    let (from, to) = if packet.by == 0 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let header =
        TcpHeader { seq: packet.seq, ack: packet.ack, flags: TcpFlags(packet.flags), mp_join: false };
    bench.send(from, to, TransportHeader::Tcp(header), &packet.payload);
}

/// Reads the packets of both directions, each in its order; `picks` says from which.
fn read(sent: &[Sent], picks: &[usize], eager: bool) -> Bench {
    let mut bench = Bench::default();
    bench.book.eager = eager;
    let mut queues = [0, 1].map(|by| sent.iter().filter(move |packet| packet.by == by));
    for &pick in picks {
        if let Some(packet) = queues[pick].next() {
            give(&mut bench, packet);
        }
    }
    for packet in queues.into_iter().flatten() {
        give(&mut bench, packet);
    }
    bench.finish();
    bench
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Nothing is looked at before what it answers, and who spoke first is known.
    #[test]
    fn whichever_queue_is_read_first(
        turns in prop::collection::vec(turn(), 1..5),
        isn: [u32; 2],
        picks in prop::collection::vec(0..2usize, 0..40),
        in_runs in 1..16usize,
    ) {
        let sent = conversation(&turns, isn);
        let picks: Vec<_> = picks.into_iter().flat_map(|pick| vec![pick; in_runs]).collect();
        let first = turns[0].by;
        for eager in [true, false] {
            let order: Vec<_> = sent.iter().map(|packet| packet.by).collect();
            let (told, found) = (read(&sent, &order, eager), read(&sent, &picks, eager));
            let looks = [&found.book.examined, &found.book.concluded].into_iter().flatten();
            for look in looks {
                prop_assert_eq!(look.client_first, Some(first == 0), "{:?}", look);
                prop_assert!(!look.first[first].is_empty(), "{:?}", look);
                prop_assert_eq!((look.client, look.midstream), (address(CLIENT), false));
            }
            let (one, other) = (&told.only().0, &found.only().0);
            prop_assert_eq!(one.packets, other.packets);
            prop_assert_eq!((one.payload, one.label, one.midstream), (other.payload, other.label, other.midstream));
            if !eager {
                let (one, other) = (&told.book.concluded[0], &found.book.concluded[0]);
                prop_assert_eq!((&one.first, &one.ends), (&other.first, &other.ends));
            }
        }
    }
}

const ASKED: u32 = 100;

/// The server's half: it answers a request of [`ASKED`] bytes.
fn answer(bench: &mut Bench, offset: u32, payload: &[u8]) {
    let header =
        TcpHeader { seq: 501 + offset, ack: 1_001 + ASKED, flags: TcpFlags(ACK | PSH), mp_join: false };
    bench.send(SERVER, CLIENT, TransportHeader::Tcp(header), payload);
}

fn accept(bench: &mut Bench) {
    let header = TcpHeader { seq: 500, ack: 1_001, flags: TcpFlags(SYN | ACK), mp_join: false };
    bench.send(SERVER, CLIENT, TransportHeader::Tcp(header), b"");
}

#[test]
fn an_answer_waits_for_its_request() {
    let mut bench = Bench::default();
    bench.book.eager = true;
    accept(&mut bench);
    for at in 0..100 {
        answer(&mut bench, at * 2, b"ok");
    }
    assert_eq!(bench.book.examined, []);
    bench.tcp(CLIENT, SERVER, ACK | PSH, 1_001, &[7; ASKED as usize]);
    let [look] = bench.book.examined.as_slice() else { panic!("one look: {:?}", bench.book.examined) };
    assert_eq!((look.client_first, look.first[0].len(), look.payload_packets), (Some(true), 100, 1));
    assert!(look.first[1].starts_with(b"okokok"));
}

#[test]
fn where_one_side_is_captured_the_answer_waits_for_a_tenth_of_a_second() {
    let mut bench = Bench::default();
    accept(&mut bench);
    answer(&mut bench, 0, b"200");
    bench.wait(0.09);
    answer(&mut bench, 3, b" OK");
    assert_eq!(bench.book.examined, []);
    bench.wait(0.02);
    answer(&mut bench, 6, b"\r\n");
    let [look] = bench.book.examined.as_slice() else { panic!("one look: {:?}", bench.book.examined) };
    assert_eq!((look.client_first, look.first[1].as_slice()), (Some(false), b"200 OK\r\n".as_slice()));
    assert_eq!(look.first[0], b"");
}

#[test]
fn where_one_side_is_captured_the_answer_waits_for_128_packets() {
    let mut bench = Bench::default();
    accept(&mut bench);
    for at in 0..128 {
        answer(&mut bench, at, b"x");
    }
    assert_eq!(bench.book.examined, []);
    answer(&mut bench, 128, b"x");
    assert_eq!(bench.book.examined[0].first[1], [b'x'; 129]);
}

#[test]
fn an_answer_that_is_all_there_is_gets_the_last_word() {
    let mut bench = Bench::default();
    accept(&mut bench);
    answer(&mut bench, 0, b"200 OK");
    bench.idle(6.0);
    assert_eq!(bench.book.examined, []);
    let [concluded] = bench.book.concluded.as_slice() else { panic!("{:?}", bench.book.concluded) };
    assert_eq!((concluded.client_first, concluded.first[1].as_slice()), (Some(false), b"200 OK".as_slice()));
}

#[test]
fn what_is_acknowledged_from_the_start_is_not_waited_for() {
    // The capture begins in the middle: what the other side said before is gone.
    let mut bench = Bench::default();
    let header = TcpHeader { seq: 9_000, ack: 7_000, flags: TcpFlags(ACK), mp_join: false };
    bench.send(SERVER, CLIENT, TransportHeader::Tcp(header), b"data");
    assert_eq!(bench.book.examined.len(), 1);
    // A FIN takes a number and says nothing.
    let mut bench = Bench::default();
    accept(&mut bench);
    let header = TcpHeader { seq: 501, ack: 1_002, flags: TcpFlags(ACK), mp_join: false };
    bench.send(SERVER, CLIENT, TransportHeader::Tcp(header), b"data");
    assert_eq!(bench.book.examined.len(), 1);
}
