//! Suppression of repeats and the rate limit.

mod support;

use offport_engine::{Config, EventPhase};
use support::*;

#[test]
fn repeats_within_the_window_become_one_event_at_its_end() {
    let mut bench = Bench::default();
    for port in 0..10 {
        bench.say(40_000 + port, 80, &noise(100));
        bench.wait(1.0);
    }
    assert_eq!((bench.raised(EventPhase::Flagged), bench.worker.counters().events_waiting), (1, 9));
    bench.wait(50.5);
    bench.worker.tick(bench.now, &mut bench.sink);
    let raised: Vec<_> = bench.sink.events.iter().map(|e| (e.record.client.port, e.repeats)).collect();
    assert_eq!(raised, [(40_000, 0), (40_009, 8)], "the latest stands for those before it");
    // The pair goes on: heard of again when the next window ends.
    bench.say(41_000, 80, &noise(100));
    assert_eq!(bench.sink.events.len(), 2);
    bench.wait(61.0);
    bench.worker.tick(bench.now, &mut bench.sink);
    assert_eq!(bench.raised(EventPhase::Flagged), 3);
    // And after a window without any, at once.
    bench.wait(61.0);
    bench.worker.tick(bench.now, &mut bench.sink);
    bench.say(42_000, 80, &noise(100));
    assert_eq!(bench.raised(EventPhase::Flagged), 4);
    assert_eq!(bench.worker.counters().events_suppressed, 8);
}

#[test]
fn other_pairs_are_not_held_back_and_the_end_leaves_nothing_waiting() {
    let mut bench = Bench::default();
    bench.say(40_000, 80, &noise(100));
    bench.say(40_000, 443, &noise(100));
    bench.say(40_001, 80, &noise(100));
    assert_eq!(bench.raised(EventPhase::Flagged), 2);
    bench.finish();
    let counters = bench.worker.counters();
    assert_eq!((counters.events_flagged, counters.events_waiting, counters.flagged), (3, 0, 3));
    assert_eq!(counters.events_ended, 2, "ends of those that were announced");
}

#[test]
fn a_full_table_of_windows_closes_the_oldest() {
    let mut bench = Bench::new(Config { suppress_entries: 2, ..config() });
    for round in 0..2 {
        for port in [80, 443, 25] {
            bench.say(40_000 + round, port, &noise(100));
        }
    }
    assert_eq!(bench.worker.counters().suppress_limit, 4);
    assert_eq!(bench.raised(EventPhase::Flagged), 6);
}

#[test]
fn the_rate_is_limited_and_what_is_lost_is_counted() {
    let mut bench = Bench::new(Config { events_per_second: 5, ..config() });
    for port in 0..20 {
        // One pair each.
        let server = (std::net::Ipv4Addr::new(203, 0, 113, port).into(), 80);
        bench.open((HOME, 40_000), server);
        bench.tcp((HOME, 40_000), server, ACK, 1, &noise(100));
    }
    let counters = *bench.worker.counters();
    assert_eq!((counters.events_flagged, counters.events_limited), (5, 15));
    bench.wait(1.0);
    bench.say(50_000, 443, &noise(100));
    assert_eq!(bench.worker.counters().events_flagged, 6);
    bench.wait(1.0);
    bench.finish();
    assert_eq!(bench.raised(EventPhase::Flagged) as u64, bench.worker.counters().events_flagged);
    assert_eq!(bench.worker.counters().events_ended + bench.worker.counters().ends_limited, 6);
}
