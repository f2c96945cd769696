//! The mixed capture, from memory.

use std::path::Path;

use super::size::Size;
use crate::clock::Pinned;
use crate::corpus;
use crate::in_memory::mix::{Capture, Looped};
use crate::report::row::Row;
use crate::report::table::number;
use crate::rounds::interleave;

pub(crate) const PART: &str = "in memory, mix.pcap";
const CASE: &str = "whole worker, every loop with new flows";

/// The whole capture, looped.
///
/// # Errors
/// It is there and cannot be read.
pub fn run(size: &Size) -> anyhow::Result<Vec<Row>> {
    let _pinned = Pinned::to_last_core()?;
    let mix = match corpus::mix() {
        Ok(mix) => mix,
        Err(why) => return Ok(vec![Row::skipped(PART, CASE, why.to_string())]),
    };
    eprintln!("mix");
    Ok(vec![row(size, &mix)?])
}

fn row(size: &Size, path: &Path) -> anyhow::Result<Row> {
    let capture = Capture::read(path)?;
    let mut looped = Looped::new(&capture, if size.claim { 4 } else { 1 });
    let series = interleave(size.rounds, &mut [&mut looped]);
    let rate = number(1e3 / series[0].median());
    Ok(Row::new(PART, CASE, &series[0], "ns/packet").note(format!("{rate} Mpps")))
}
