//! The benchmark still runs: what it measures is no test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, missing_docs, reason = "tests")]

use std::path::Path;
use std::process::Command;

#[test]
fn a_quick_run_measures_every_part_in_memory_and_claims_nothing() {
    // The program's own rule: it fails if a part is skipped, but for a want of corpora that nobody has promised.
    let output = Command::new(env!("CARGO_BIN_EXE_offport-bench"))
        .arg("--quick")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap();
    let (table, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {errors}\n{table}", output.status);

    for part in ["in memory, memory", "in memory, 64 B TCP", "in memory, new flows", "in memory, mix.pcap"] {
        assert!(table.contains(&format!("**{part}")), "no part {part}:\n{table}");
    }
    assert!(table.contains("not claimed"), "no target is named:\n{table}");
    for line in table.lines().map(|line| line.trim_matches([' ', '│'])) {
        assert!(!line.ends_with(" yes") && !line.ends_with(" NO"), "claims: {line}");
        if let Some((_, why)) = line.split_once("SKIPPED") {
            eprintln!("SKIPPED{why}");
        }
    }
}
