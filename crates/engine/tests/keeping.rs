//! What is left out of the evidence while a worker is behind: what is decided and not flagged, and it is counted.

mod support;

use offport_engine::{Output, Session};
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

/// Of 500 packets of a connection to this port: how many a worker keeps that is behind or not, how many of them as flagged, and
/// how many it is spared.
fn keeps(beginning: u64, port: u16, first: &[u8]) -> (usize, usize, u64) {
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
    let seq = 1 + first.len() as u32;
    frames.extend((0..496).map(|number| tcp(client, server, ACK, seq + number * 50, &[7; 50], bench.now)));
    let frames: Vec<_> = frames.iter().map(offport_engine::fuzz::Owned::frame).collect();
    bench.worker.batch(&frames, &mut kept);
    let counters = bench.worker.counters();
    assert_eq!((counters.processed, counters.keep_missed), (500, 0));
    let flagged = kept.flagged.iter().filter(|&&flagged| flagged).count();
    (kept.flagged.len(), flagged, counters.keep_spared)
}

#[test]
fn beginnings_and_flagged_flows_are_kept_while_a_worker_is_behind() {
    // Port 22 is reserved; raw data on a port that is not raises no alarm.
    let raw = noise(100);
    assert_eq!(keeps(u64::MAX, 22, &raw), (500, 497, 0));
    assert_eq!(keeps(0, 22, &raw), (500, 497, 0));
    let (all, flagged, spared) = keeps(u64::MAX, 1_900, &raw);
    assert_eq!((all, flagged, spared), (500, 0, 0));
    assert_eq!(keeps(8, 1_900, &raw), (8, 0, 492));
    // The handshake: then it was not known what it would be.
    assert_eq!(keeps(0, 1_900, &raw), (3, 0, 497));
}
