//! `[shunt]`: flows that the kernel counts.

use offport_policy::Verdict;

use crate::parse::{boolean, bytes, choice, integer, list};
use crate::section::section;

section! {
    /// Flows that have been seen enough of: the XDP program counts their packets and drops them.
    Shunt ("shunt") {
        /// Whether flows are shunted.
        enabled: bool = true, boolean;
        /// Flows that can be shunted at the same time.
        entries: u32 = 65_536, integer(8, 1 << 24);
        /// Bytes of a judged flow from which on it is shunted.
        after: u64 = 16 << 10, bytes(4 << 10, 1 << 40);
        /// The same for flows whose verdict is an alarm.
        alarms_after: u64 = 1 << 20, bytes(4 << 10, 1 << 40);
        /// Verdicts whose flows are never shunted.
        never: Vec<Verdict> = Vec::new(), list(choice);
    }
}
