//! What a packet costs from frame to flow. Not a check, so ignored:
//! `cargo test -p offport-engine --release --test speed -- --ignored --nocapture`
#![allow(clippy::print_stderr, reason = "a measurement that is read by people")]

mod support;

use std::net::Ipv4Addr;
use std::time::Instant;

use offport_engine::fuzz::Owned;
use offport_wire::Frame;
use support::*;

const GET: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: example.com\r\n\r\n";

/// A frame of flow `n`.
fn of(n: u32, flags: u8, seq: u32, payload: &[u8], time: offport_wire::Timestamp) -> Owned {
    let client = Ipv4Addr::from(0x0a00_0000 | n >> 8);
    tcp((client.into(), 40_000 + (n & 0xff) as u16), (OUTSIDE, 80), flags, seq, payload, time)
}

fn per_packet(frames: &[Frame<'_>], bench: &mut Bench) -> f64 {
    let start = Instant::now();
    for batch in frames.chunks(64) {
        bench.worker.batch(batch, &mut ());
    }
    start.elapsed().as_nanos() as f64 / frames.len() as f64
}

#[test]
#[ignore = "a measurement"]
fn nanoseconds_per_packet() {
    for flows in [1_000, 100_000, 900_000u32] {
        let mut config = config();
        config.flow.max_flows = 917_504;
        config.flow.max_undecided = 1_024;
        let mut bench = Bench::new(config);
        let now = bench.now;
        let opened: Vec<_> = (0..flows).map(|n| of(n, SYN, 0, b"", now)).collect();
        let borrowed: Vec<_> = opened.iter().map(Owned::frame).collect();
        let open = per_packet(&borrowed, &mut bench);
        drop(opened);
        let first: Vec<_> = (0..flows).map(|n| of(n, ACK, 1, GET, now)).collect();
        let borrowed: Vec<_> = first.iter().map(Owned::frame).collect();
        let judge = per_packet(&borrowed, &mut bench);
        drop(first);
        // Any order but that of creation; the frames themselves lie in the cache, as in a ring.
        let order = |n: u32| ((n.wrapping_mul(0x9e37_79b1) as u64 * u64::from(flows)) >> 32) as u32;
        let mut rounds: Vec<_> = (0..4_000u32)
            .map(|round| {
                let frames: Vec<_> = (0..256)
                    .map(|n| of(order(round * 256 + n), ACK, 1 + GET.len() as u32, b"", now))
                    .collect();
                let borrowed: Vec<_> = frames.iter().map(Owned::frame).collect();
                per_packet(&borrowed, &mut bench)
            })
            .collect();
        // The lower quartile: other work on the machine only adds.
        rounds.sort_by(f64::total_cmp);
        let settled = rounds[rounds.len() / 4];
        let counters = bench.worker.counters();
        assert_eq!(counters.flow.active, u64::from(flows));
        assert!(counters.is_balanced());
        eprintln!(
            "{flows:>7} flows: start {open:.0} ns, first payload {judge:.0} ns, settled {settled:.0} ns"
        );
    }
}
