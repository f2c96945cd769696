//! `[metrics]`: what /metrics shows.

use std::time::Duration;

use crate::parse::{duration, integer};
use crate::section::section;

section! {
    /// Metrics.
    Metrics ("metrics") {
        /// How often the workers' counters are collected.
        interval: Duration = Duration::from_millis(250),
            duration(Duration::from_millis(50), Duration::from_secs(10));
        /// Flagged pairs of hosts that are shown at the same time; 0: none.
        flagged_pairs: u32 = 64, integer(0, 10_000);
        /// How long a pair is shown after it was last flagged.
        flagged_pair_time: Duration = Duration::from_secs(900),
            duration(Duration::from_secs(1), Duration::from_secs(86_400));
    }
}
