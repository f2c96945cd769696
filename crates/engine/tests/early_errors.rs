//! ICMP errors that arrive before the packet that they are about.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
mod frames;

use offport_engine::fuzz::Sink;
use offport_engine::{Config, Worker};
use offport_wire::{Frame, LinkType, Timestamp};

use crate::frames::{icmp_unreachable, udp};

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [198, 51, 100, 9];

/// Frames with their times in milliseconds, in batches of a size: ICMP errors of the flows, and unmatched ones.
fn run(frames: &[(u64, Vec<u8>)], batch: usize) -> (Vec<u32>, u64) {
    let mut config = Config::default();
    config.flow.max_flows = 64;
    config.flow.max_flows_v6 = 64;
    let mut worker = Worker::new(config, std::sync::Arc::default(), 0, 1);
    let mut sink = Sink::default();
    let time = |millis: u64| Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * 1_000_000);
    for frames in frames.chunks(batch) {
        let frames: Vec<_> = frames
            .iter()
            .map(|(millis, bytes)| Frame {
                bytes,
                link: LinkType::Ethernet,
                wire_len: bytes.len() as u32,
                time: time(*millis),
                interface: 0,
            })
            .collect();
        worker.batch(&frames, &mut sink);
        assert!(worker.counters().is_balanced());
    }
    worker.finish(time(60_000), &mut sink);
    assert!(worker.counters().is_balanced());
    let mut errors: Vec<_> = sink.records.iter().map(|record| record.icmp_errors).collect();
    errors.sort_unstable();
    (errors, worker.counters().flow.icmp_unmatched)
}

#[test]
fn an_error_waits_by_the_packets_time_however_they_are_batched() {
    let datagram = udp((CLIENT, 40_000), (SERVER, 4000), b"hello hello hello");
    let other = udp((CLIENT, 40_001), (SERVER, 4000), b"hello hello hello");
    let error = icmp_unreachable(SERVER, CLIENT, &datagram[14..]);
    let rows = [
        // Soon enough, and twice.
        (
            vec![(0, error.clone()), (1, error.clone()), (2, other.clone()), (3, datagram.clone())],
            (vec![0, 2], 0),
        ),
        // Too late, whatever came in between.
        (vec![(0, error.clone()), (100, other.clone()), (400, datagram.clone())], (vec![0, 0], 1)),
        (vec![(0, error.clone()), (300, other.clone()), (301, datagram.clone())], (vec![0, 0], 1)),
        (vec![(0, error.clone()), (400, datagram.clone()), (401, other.clone())], (vec![0, 0], 1)),
        // One waits, the next one finds its flow.
        (vec![(0, error.clone()), (1, datagram.clone()), (2, error.clone())], (vec![2], 0)),
        // Nothing comes.
        (vec![(0, error)], (vec![], 1)),
    ];
    for (frames, expected) in rows {
        for batch in [1, 2, 32] {
            assert_eq!(run(&frames, batch), expected, "{} frames, {batch} at a time", frames.len());
        }
    }
}
