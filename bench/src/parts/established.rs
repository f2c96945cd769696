//! Packets of settled flows, stage by stage, beside the bare loop.

use std::time::Duration;

use super::size::Size;
use crate::clock::Pinned;
use crate::in_memory::area::Area;
use crate::in_memory::bare::Bare;
use crate::in_memory::established::{Established, open};
use crate::in_memory::ring::{Ring, Stage};
use crate::in_memory::stages::{Glance, Hash, Nothing, Parse, Track, Whole};
use crate::memory::{give_back_what_is_free, resident};
use crate::report::row::Row;
use crate::report::table::number;
use crate::rounds::{Series, interleave};

/// Flows, and the packets per second that are asked for, in millions.
const CASES: [(u32, Option<f64>); 4] =
    [(1_000, Some(14.88)), (100_000, None), (1_000_000, Some(12.0)), (10_000_000, Some(8.0))];
/// The worker by the bare loop, at most.
const BY_BARE: f64 = 1.5;
/// Bytes of a tracked IPv4 flow, at most.
const FLOW_BYTES: f64 = 96.0;

/// Between two packets: 14.88 million a second.
pub const GAP: Duration = Duration::from_nanos(67);

/// All numbers of flows.
///
/// # Errors
/// There is no core to pin to.
pub fn run(size: &Size) -> anyhow::Result<Vec<Row>> {
    let _pinned = Pinned::to_last_core()?;
    let mut rows = Vec::new();
    for &(flows, target) in &CASES {
        rows.extend(case(size, flows, target)?);
    }
    Ok(rows)
}

/// A ring whose traffic is of settled flows, which `stage` knows.
pub fn settled<S: Stage>(size: &Size, flows: u32, stage: S) -> Ring<Established, S> {
    let mut ring = unopened(size, flows, stage);
    open(&mut ring, flows);
    ring
}

fn unopened<S: Stage>(size: &Size, flows: u32, stage: S) -> Ring<Established, S> {
    Ring::new(Established::new(flows), Area::new(size.frames), stage, size.passes, GAP)
}

fn case(size: &Size, flows: u32, target: Option<f64>) -> anyhow::Result<Vec<Row>> {
    let many = flows >= 1_000_000;
    let (flows, name) = size.flows(flows);
    eprintln!("established: {name}");
    let mut nothing = unopened(size, flows, Nothing);
    let mut parse = unopened(size, flows, Parse);
    let mut glance = unopened(size, flows, Glance);
    let mut hash = unopened(size, flows, Hash::default());
    let mut bare = settled(size, flows, Bare::new(flows));
    let mut track = settled(size, flows, Track::new(flows));
    let (mut whole, held) = worker(size, flows)?;
    let series = interleave(
        size.rounds,
        &mut [&mut nothing, &mut parse, &mut glance, &mut hash, &mut bare, &mut track, &mut whole],
    );
    let active = whole.stage.worker.counters().flow.active;
    let [nothing, parse, glance, hash, bare, track, whole] = &series[..] else {
        anyhow::bail!("a series is missing")
    };

    let part = format!("in memory, 64 B TCP, {name}");
    let row = |case: &str, series: &Series| Row::new(&part, case, series, "ns/packet");
    let ratio = whole.by(bare).median();
    let mut worker = row("whole worker", whole).note(rate(whole)).ratio(ratio, "bare loop").target(
        format!("≤ {BY_BARE} × bare loop"),
        ratio <= BY_BARE,
        size.claim,
    );
    if let Some(target) = target {
        let reached = 1e3 / whole.median() >= target;
        worker = worker.target(format!("≥ {target} Mpps"), reached, size.claim);
    }
    if active != u64::from(flows) {
        worker = Row::skipped(&part, "whole worker", format!("{active} of {flows} flows are tracked"));
    }
    let mut rows = vec![
        worker,
        row("bare loop: glance, hash, prefetch, look up, count", bare).note(rate(bare)),
        row("stage: frames handed over", nothing),
        row("stage: glance", &glance.without(nothing)),
        row("stage: hash", &hash.without(glance)),
        row("stage: look up and count", &track.without(hash)),
        row("stage: the rest of the worker", &whole.without(track)),
        row("besides: parsing whole packets", &parse.without(nothing)),
    ];
    if many {
        let memory = Row {
            median: Some(held),
            unit: "B/flow".to_owned(),
            spread: None,
            ..Row::new(&part, "memory of the whole worker", whole, "")
        };
        let memory = memory.note("resident, at this number of flows");
        // Of fewer flows, what does not grow with them is too large a part.
        rows.push(match flows >= 10_000_000 {
            true => memory.target(format!("≤ {FLOW_BYTES} B"), held <= FLOW_BYTES, size.claim),
            false => memory,
        });
    }
    Ok(rows)
}

/// A worker that knows the flows, and the bytes of memory that it holds for each of them.
fn worker(size: &Size, flows: u32) -> anyhow::Result<(Ring<Established, Whole>, f64)> {
    give_back_what_is_free();
    let before = resident()?;
    let whole = Whole::new(flows);
    let empty = resident()?;
    let mut ring = unopened(size, flows, whole);
    let unopened = resident()?;
    open(&mut ring, flows);
    let held = (empty.saturating_sub(before) + resident()?.saturating_sub(unopened)) as f64;
    Ok((ring, held / f64::from(flows)))
}

fn rate(series: &Series) -> String {
    format!("{} Mpps", number(1e3 / series.median()))
}
