//! Made-up flow records of several sensors over days, by a seed.

use std::ops::Range;

mod columns;
mod fake;
mod hosts;
mod random;
mod services;
mod timeline;
mod write;

/// What is made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) records: u64,
    pub(crate) sensors: u32,
    pub(crate) days: u32,
    pub(crate) first: jiff::civil::Date,
    pub(crate) seed: u64,
    /// Hours of the day in which the sensors run.
    pub(crate) hours: Range<u64>,
    /// Records of a file at most.
    pub(crate) file_rows: usize,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made {
    pub(crate) records: u64,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            records: 1_000_000,
            sensors: 3,
            days: 8,
            first: jiff::civil::date(2026, 11, 20),
            seed: 1,
            hours: 0..24,
            file_rows: offport_evidence::flows::FILE_ROWS,
        }
    }
}
