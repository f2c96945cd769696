//! The in-memory cases under criterion: `cargo bench -p offport-bench`, compared with the run before.
#![allow(missing_docs, reason = "criterion's macros")]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use offport_bench::clock::Pinned;
use offport_bench::in_memory::bare::Bare;
use offport_bench::in_memory::opening::Opening;
use offport_bench::in_memory::stages::{Glance, Hash, Nothing, Parse, Track, Whole};
use offport_bench::parts::established::{GAP, settled};
use offport_bench::parts::new_flows;
use offport_bench::parts::size::Size;
use offport_bench::rounds::Measured;

/// One pass through the packet memory is one iteration.
const SIZE: Size = Size { passes: 1, ..Size::WHOLE };

fn established(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("established");
    group.throughput(Throughput::Elements(SIZE.frames as u64));
    for flows in [1_000, 1_000_000] {
        let mut bench = |name: &str, mut case: Box<dyn Measured>| {
            group.bench_function(format!("{name}/{flows}"), |bencher| {
                bencher.iter_custom(|times| rounds(&mut *case, times));
            });
        };
        bench("frames", Box::new(settled(&SIZE, flows, Nothing)));
        bench("parse", Box::new(settled(&SIZE, flows, Parse)));
        bench("glance", Box::new(settled(&SIZE, flows, Glance)));
        bench("hash", Box::new(settled(&SIZE, flows, Hash::default())));
        bench("bare", Box::new(settled(&SIZE, flows, Bare::new(flows))));
        bench("track", Box::new(settled(&SIZE, flows, Track::new(flows))));
        bench("worker", Box::new(settled(&SIZE, flows, Whole::new(flows))));
    }
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("new flows");
    for (name, traffic, packets) in [("http", Opening::http(), 4), ("dns", Opening::dns(), 1)] {
        group.throughput(Throughput::Elements(SIZE.frames as u64 / packets));
        let mut case = new_flows::ring(&SIZE, traffic, GAP);
        group.bench_function(name, |bencher| bencher.iter_custom(|times| rounds(&mut case, times)));
    }
    group.finish();
}

fn rounds(case: &mut dyn Measured, times: u64) -> Duration {
    Duration::from_nanos((0..times).map(|_| case.round().nanos).sum())
}

fn pinned(criterion: &mut Criterion) {
    let _pinned = Pinned::to_last_core().map_err(|error| eprintln!("not pinned: {error}"));
    established(criterion);
    opening(criterion);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = pinned
}
criterion_main!(benches);
