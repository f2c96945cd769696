//! Instructions per packet, counted by callgrind: the same on a busy machine, so that a change shows.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::size::Size;
use crate::report::row::Row;
use crate::workload::Workload;

const PART: &str = "instructions, callgrind";

/// All workloads. With a folder, `instructions-<arch>.txt` is written there.
///
/// # Errors
/// Valgrind is there and fails.
pub fn run(size: &Size, folder: Option<&Path>) -> anyhow::Result<Vec<Row>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        let skip = |&workload: &Workload| Row::skipped(PART, workload.words(), "valgrind is not installed");
        return Ok(Workload::ALL.iter().map(skip).collect());
    }
    let mut rows = Vec::new();
    let mut text =
        "# Instructions per packet or flow, by callgrind. Compare them on one architecture and compiler.\n"
            .to_owned();
    for &workload in Workload::ALL {
        eprintln!("instructions: {}", workload.words());
        let (count, unit) = count(workload, if size.claim { 32_768 } else { 1_024 })?;
        let _ = writeln!(text, "{:<52} {count:>8.1}", workload.words());
        rows.push(Row {
            part: PART.to_owned(),
            case: workload.words().to_owned(),
            median: Some(count),
            unit: format!("instructions/{unit}"),
            ..Row::default()
        });
    }
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("instructions-{}.txt", std::env::consts::ARCH));
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(rows)
}

/// Runs this very program under callgrind, which counts what happens inside the measured function only.
fn count(workload: Workload, packets: u32) -> anyhow::Result<(f64, &'static str)> {
    let program = std::env::current_exe().context("this program's path")?;
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*counted_by_callgrind*",
        ])
        .arg(program)
        .args(["workload", &workload.name(), "--packets", &packets.to_string()])
        .output()
        .context("valgrind does not start")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} under valgrind: {errors}", workload.name());
    let collected =
        errors.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<u64>().ok());
    let collected = collected.with_context(|| format!("no count in what valgrind says: {errors}"))?;
    let units: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().context("number of units")?;
    Ok((collected as f64 / units as f64, workload.unit()))
}
