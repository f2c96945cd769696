//! Memory of a tracked IPv6 flow. (That of IPv4 is measured beside its packets: [`super::established`].)

use std::sync::Arc;

use offport_engine::{Config, Worker};
use offport_policy::Policy;

use super::established::GAP;
use super::size::Size;
use crate::clock::Pinned;
use crate::in_memory::area::Area;
use crate::in_memory::opening::Opening;
use crate::in_memory::ring::Ring;
use crate::in_memory::stages::Whole;
use crate::memory::{give_back_what_is_free, resident};
use crate::report::row::Row;

const PART: &str = "in memory, memory";
/// Bytes of a tracked IPv6 flow, at most.
const FLOW_BYTES: f64 = 160.0;

/// A million flows, and ten.
///
/// # Errors
/// There is no core to pin to.
pub fn run(size: &Size) -> anyhow::Result<Vec<Row>> {
    let _pinned = Pinned::to_last_core()?;
    [1_000_000, 10_000_000].iter().map(|&flows| case(size, flows)).collect()
}

fn case(size: &Size, flows: u32) -> anyhow::Result<Row> {
    let (flows, name) = size.flows(flows);
    eprintln!("memory: {name}");
    let mut config = Config::default();
    config.flow.max_flows_v6 = flows;
    let area = Area::new(size.frames);
    give_back_what_is_free();
    let before = resident()?;
    let worker = Worker::new(config, Arc::new(Policy::default()), 0, 3);
    let mut ring = Ring::new(Opening::dns_v6(), area, Whole::of(worker, flows), 1, GAP);
    ring.warm_up(|whole| whole.worker.counters().flow.active >= u64::from(flows));
    let held = resident()?.saturating_sub(before) as f64 / f64::from(flows);
    let case = format!("IPv6, {name}: the whole worker");
    let row =
        Row { part: PART.to_owned(), case, median: Some(held), unit: "B/flow".to_owned(), ..Row::default() }
            .note("resident, at this number of flows");
    Ok(match flows >= 10_000_000 {
        true => row.target(format!("≤ {FLOW_BYTES} B"), held <= FLOW_BYTES, size.claim),
        false => row,
    })
}
