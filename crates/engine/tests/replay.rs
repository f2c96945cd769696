//! The same frames give the same results, however they come.

mod support;

use offport_engine::FlowRecord;
use offport_engine::fuzz::Owned;
use proptest::prelude::*;
use support::*;

/// Sessions of several kinds, interleaved; `spread` seconds in all.
fn traffic(kinds: &[u8], spread: f64) -> Vec<Owned> {
    let mut bench = Bench::default();
    let start = bench.now;
    let mut frames = Vec::new();
    for (n, kind) in kinds.iter().enumerate() {
        bench.now = start;
        bench.wait(spread * n as f64 / kinds.len() as f64);
        let (client, server) = ((HOME, 40_000 + n as u16), (OUTSIDE, [80, 443, 25][n % 3]));
        let payload = match kind % 3 {
            0 => b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            1 => noise(200),
            _ => b"SSH-2.0-x\r\n".to_vec(),
        };
        let step = f64::from(kind % 50) / 5.0;
        let mut push = |from, to, flags, seq, payload: &[u8]| {
            frames.push(tcp(from, to, flags, seq, payload, bench.now));
            bench.now = bench.now + std::time::Duration::from_secs_f64(step);
        };
        push(client, server, SYN, 0, b"");
        push(server, client, SYN | ACK, 0, b"");
        push(client, server, ACK, 1, &payload);
        push(server, client, ACK, 1, b"answer");
        if kind & 4 == 0 {
            push(client, server, FIN | ACK, 1 + payload.len() as u32, b"");
            push(server, client, FIN | ACK, 7, b"");
        }
    }
    frames.sort_by_key(|frame| frame.time);
    frames
}

fn sorted(mut records: Vec<FlowRecord>) -> Vec<FlowRecord> {
    records.sort_by_key(|record| (record.client.port, record.client.packets, record.start));
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn batches_and_ticks_do_not_matter(
        kinds in prop::collection::vec(any::<u8>(), 1..60),
        spread in 0.0..400.0f64,
        batch in 1..200usize,
    ) {
        let frames = traffic(&kinds, spread);
        let run = |batch: usize, ticks: bool| {
            let mut bench = Bench::default();
            for frames in frames.chunks(batch) {
                bench.give(frames);
                bench.now = frames.last().map_or(bench.now, |frame| frame.time);
                if ticks {
                    bench.worker.tick(bench.now, &mut bench.sink);
                }
            }
            bench.finish();
            let events: Vec<_> =
                bench.sink.events.iter().map(|event| (event.phase, event.record, event.repeats)).collect();
            (bench.sink.records, events)
        };
        let (records, events) = run(1, false);
        let (batched, batched_events) = run(batch, false);
        prop_assert_eq!(&batched, &records, "order and all");
        prop_assert_eq!(batched_events, events);
        let (ticked, _) = run(batch, true);
        prop_assert_eq!(sorted(ticked), sorted(records), "ticks bring some earlier, no more");
    }
}
