//! Flows that begin: per flow, not per packet.

use std::time::Duration;

use super::size::Size;
use crate::clock::Pinned;
use crate::in_memory::area::Area;
use crate::in_memory::opening::Opening;
use crate::in_memory::ring::Ring;
use crate::in_memory::stages::Whole;
use crate::report::row::Row;
use crate::report::table::number;
use crate::rounds::{Series, interleave};

const PART: &str = "in memory, new flows";
/// Flows a second, in millions, at least.
const TARGET: f64 = 1.5;

/// All kinds of flows.
///
/// # Errors
/// There is no core to pin to.
pub fn run(size: &Size) -> anyhow::Result<Vec<Row>> {
    let _pinned = Pinned::to_last_core()?;
    eprintln!("new flows");
    let mut http = ring(size, Opening::http(), super::established::GAP);
    // Slower, so that flows that are over do not fill the table before they have timed out.
    let mut whole = ring(size, Opening::http_to_the_end(), Duration::from_micros(1));
    let mut dns = ring(size, Opening::dns(), super::established::GAP);
    let series = interleave(size.rounds, &mut [&mut http, &mut whole, &mut dns]);
    // A flow's end and its record are not what the target is about.
    let cases = [
        ("HTTP: SYN, SYN-ACK, ACK, request (4 packets)", true),
        ("HTTP to its end: the same, FIN, FIN, record (6 packets)", false),
        ("DNS: one query (1 packet)", true),
    ];
    Ok(cases
        .iter()
        .zip(&series)
        .map(|((name, is_asked), series)| row(size, name, *is_asked, series))
        .collect())
}

/// A worker as it is by default, and traffic that opens flows. With `size.warm`, all its memory has been in use.
pub fn ring(size: &Size, traffic: Opening, gap: Duration) -> Ring<Opening, Whole> {
    // Few enough flows in a round for the table to hold them beside those of the round before.
    let passes = size.passes.min(16);
    let mut ring = Ring::new(traffic, Area::new(size.frames), Whole::for_new_flows(), passes, gap);
    if size.warm {
        ring.warm_up(Whole::has_been_full);
    }
    ring
}

fn row(size: &Size, name: &str, is_asked: bool, series: &Series) -> Row {
    let rate = 1e3 / series.median();
    let row = Row::new(PART, name, series, "ns/flow").note(format!("{} M flows/s", number(rate)));
    match is_asked {
        true => row.target(format!("≥ {TARGET} M flows/s"), rate >= TARGET, size.claim),
        false => row,
    }
}
