//! What is left out of the evidence while a worker is behind: what is not flagged, from some packet on, and it is counted.

mod support;

use offport_engine::{Beginning, Output, Session};
use offport_flow::Keep;
use offport_wire::Frame;
use support::*;

/// Which packets are kept: of each whether it is of a flagged flow.
#[derive(Default)]
struct Kept {
    flagged: Vec<bool>,
}

impl Output for Kept {
    fn record(&mut self, _: &offport_engine::FlowRecord) {}

    fn event(&mut self, _: &offport_engine::Event) {}

    fn hand_over(&mut self, _: u16, _: offport_engine::HandOver<'_>) -> bool {
        false
    }

    fn keep(&mut self, _: &Frame<'_>, session: &Session) {
        self.flagged.push(session.flagged);
    }
}

/// Of 500 packets of a connection to this port, with this payload first and this one in all others: how many a worker keeps that is behind or not, how many of them as flagged, and
/// how many it is spared.
fn keeps(beginning: Beginning, port: u16, first: &[u8], rest: &[u8]) -> (usize, usize, u64) {
    let mut config = config();
    config.flow.keep = Keep { session: 64 << 10, undecided: 64 << 10, flagged: 64 << 10 };
    let mut bench = Bench::new(config);
    bench.worker.set_beginning(beginning);
    let mut kept = Kept::default();
    let (client, server) = ((HOME, 40_000), (OUTSIDE, port));
    let mut frames = vec![
        tcp(client, server, SYN, 0, b"", bench.now),
        tcp(server, client, SYN | ACK, 0, b"", bench.now),
        tcp(client, server, ACK, 1, b"", bench.now),
        tcp(client, server, ACK, 1, first, bench.now),
    ];
    let [seq, step] = [1 + first.len(), rest.len()].map(|len| len as u32);
    frames.extend((0..496).map(|number| tcp(client, server, ACK, seq + number * step, rest, bench.now)));
    let frames: Vec<_> = frames.iter().map(offport_engine::fuzz::Owned::frame).collect();
    bench.worker.batch(&frames, &mut kept);
    let counters = bench.worker.counters();
    assert_eq!((counters.processed, counters.keep_missed), (500, 0));
    let flagged = kept.flagged.iter().filter(|&&flagged| flagged).count();
    (kept.flagged.len(), flagged, counters.keep_spared)
}

/// What is kept at most of a flow that is not judged yet or watched, and of one that is judged.
fn beginning(undecided: u64, decided: u64) -> Beginning {
    Beginning { undecided, decided }
}

#[test]
fn flagged_flows_are_kept_while_a_worker_is_behind() {
    // Port 22 is reserved.
    let raw = noise(100);
    for kept in [Beginning::ALL, beginning(u64::MAX, 8), beginning(8, 0)] {
        assert_eq!(keeps(kept, 22, &raw, &[7; 50]), (500, 497, 0), "{kept:?}");
    }
    // What came before it was flagged is of one that is not judged yet.
    assert_eq!(keeps(beginning(2, 0), 22, &raw, &[7; 50]), (499, 497, 1));
}

#[test]
fn of_harmless_flows_the_beginning_is_kept_while_a_worker_is_behind() {
    // Raw data on a port that is not reserved raises no alarm.
    let raw = noise(100);
    assert_eq!(keeps(Beginning::ALL, 1_900, &raw, &[7; 50]), (500, 0, 0));
    assert_eq!(keeps(beginning(u64::MAX, 8), 1_900, &raw, &[7; 50]), (8, 0, 492));
    // The handshake: then it was not known what it would be.
    assert_eq!(keeps(beginning(8, 0), 1_900, &raw, &[7; 50]), (3, 0, 497));
}

#[test]
fn of_flows_that_may_be_flagged_the_beginning_is_kept_while_a_worker_is_far_behind() {
    // A connection that nobody says anything on, and one that is as it should be and is held to its protocol's rules.
    for first in [&b""[..], b"SSH-2.0-OpenSSH_9.2\r\n"] {
        assert_eq!(keeps(Beginning::ALL, 22, first, b""), (500, 0, 0));
        assert_eq!(keeps(beginning(u64::MAX, 8), 22, first, b""), (500, 0, 0));
        assert_eq!(keeps(beginning(8, 0), 22, first, b""), (8, 0, 492));
    }
    let broken = keeps(beginning(8, 0), 22, b"SSH-2.0-OpenSSH_9.2\r\n", &[7; 50]);
    assert_eq!(broken, (500, 496, 0), "what breaks the rules is flagged");
}
