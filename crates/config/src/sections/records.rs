//! `[records]`: one line per flow.

use std::path::PathBuf;

use crate::parse::{boolean, bytes, integer, path};
use crate::section::section;

section! {
    /// Flow records: JSON lines in a file.
    Records ("records") {
        /// Whether flow records are written.
        enabled: bool = true, boolean;
        /// The file.
        path: PathBuf = PathBuf::from("/var/log/offport/flows.jsonl"), path;
        /// Size at which the file is rotated; 0: never.
        rotate_size: u64 = 1 << 30, bytes(0, 1 << 40);
        /// Rotated files that are kept.
        rotate_keep: u32 = 8, integer(0, 1000);
        /// Open flows whose description is kept for their records; 0: records have none.
        descriptions: u32 = 131_072, integer(0, 1 << 24);
    }
}
