//! `[events]`: what is reported at once.

use std::path::PathBuf;
use std::time::Duration;

use offport_policy::Severity;

use crate::choice::choice;
use crate::parse::{boolean, bytes, choice, duration, integer, path};
use crate::section::section;

choice! {
    /// How an event is written.
    EventFormat ("a format") {
        /// Elastic Common Schema.
        Ecs = "ecs",
        /// Suricata EVE.
        Eve = "eve",
    }
}

section! {
    /// Events of flagged flows: JSON lines in a file.
    Events ("events") {
        /// Whether events are written.
        enabled: bool = true, boolean;
        /// The file.
        path: PathBuf = PathBuf::from("/var/log/offport/events.jsonl"), path;
        /// How an event is written.
        format: EventFormat = EventFormat::Ecs, choice;
        /// Size at which the file is rotated; 0: never.
        rotate_size: u64 = 256 << 20, bytes(0, 1 << 40);
        /// Rotated files that are kept.
        rotate_keep: u32 = 8, integer(0, 1000);
        /// The least severity that makes an event.
        min_severity: Severity = Severity::Medium, choice;
        /// Repeats of the same client, server, server port and protocol within this time become one event.
        suppress: Duration = Duration::from_secs(300), duration(Duration::ZERO, Duration::from_secs(86_400));
        /// Pairs that each worker remembers for that (1.6 KB each).
        suppress_entries: u32 = 4_096, integer(1, 1 << 20);
        /// Events per second of each worker; the rest are counted.
        rate: u32 = 100, integer(1, 1_000_000);
    }
}
