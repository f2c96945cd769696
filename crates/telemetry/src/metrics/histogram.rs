//! `offport_decided_after_packets`: payload packets until the verdict.
//!
//! The recorder's histograms keep every sample until they are drained; workers count buckets instead, and this writes
//! them in the text exposition format.

use std::fmt::Write as _;

use offport_engine::{Counters, DECIDED_AFTER_BOUNDS};

const NAME: &str = "offport_decided_after_packets";

/// Appends the family.
pub(super) fn write(total: &Counters, text: &mut String) {
    let _ = writeln!(
        text,
        "# HELP {NAME} Payload packets that it took until a flow was given a verdict other than undecided"
    );
    let _ = writeln!(text, "# TYPE {NAME} histogram");
    let mut count = 0;
    for (bound, in_bucket) in DECIDED_AFTER_BOUNDS.iter().zip(total.decided_after) {
        count += in_bucket;
        let _ = writeln!(text, "{NAME}_bucket{{le=\"{bound}\"}} {count}");
    }
    count += total.decided_after[DECIDED_AFTER_BOUNDS.len()];
    let _ = writeln!(text, "{NAME}_bucket{{le=\"+Inf\"}} {count}");
    let _ = writeln!(text, "{NAME}_sum {}", total.decided_after_sum);
    let _ = writeln!(text, "{NAME}_count {count}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let mut counters = Counters::default();
        counters.decided_after[0] = 3;
        counters.decided_after[1] = 2;
        counters.decided_after[DECIDED_AFTER_BOUNDS.len()] = 1;
        counters.decided_after_sum = 40;
        let mut text = String::new();
        write(&counters, &mut text);
        for line in [
            "offport_decided_after_packets_bucket{le=\"1\"} 3",
            "offport_decided_after_packets_bucket{le=\"2\"} 5",
            "offport_decided_after_packets_bucket{le=\"24\"} 5",
            "offport_decided_after_packets_bucket{le=\"+Inf\"} 6",
            "offport_decided_after_packets_sum 40",
            "offport_decided_after_packets_count 6",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is missing in\n{text}");
        }
    }
}
