//! What xsk-rs's ring calls cost of a worker's time, by sampling a worker at saturation with perf.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::cases::{OPENING, RECEIVER};
use super::generator::{Generator, Plan, Until};
use super::namespace::TAP;
use super::sensor::Sensor;
use crate::corpus;
use crate::parts::size::Size;
use crate::report::row::Row;
use crate::rounds::Series;

const PART: &str = "rings, 64 B TCP, 65,536 settled flows";
const CASE: &str = "xsk-rs's ring and packet calls, of a worker's own time";
/// Of a worker's time, at least, for rings of our own to be worth it.
const WORTH: f64 = 5.0;
const BITS: u32 = 16;
/// Seconds that perf may take to begin.
const LATE: f64 = 2.0;

/// Symbols of xsk-rs and of the C helpers behind it, as perf prints them.
const SYMBOLS: [&str; 4] = ["xsk_ring", "xsk_rs::", "_xsk_", "xsk_umem__"];

/// One row.
pub fn run(size: &Size, programs: &Path, generator: &mut Generator) -> Row {
    if Command::new("perf").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return Row::skipped(PART, CASE, "perf is not installed: scripts/setup bench");
    }
    eprintln!("rings");
    let mut shares = Vec::new();
    for _ in 0..size.rounds.min(5) {
        match share(size, programs, generator) {
            Ok(share) => shares.push(share),
            Err(why) => return Row::skipped(PART, CASE, format!("{why:#}")),
        }
    }
    let row = Row::new(PART, CASE, &Series(shares), "%");
    // A lower bound: it can show that rings of our own are worth it, and never that they are not.
    let words = match row.median {
        Some(share) if share > WORTH => format!("more than {WORTH} %"),
        _ => format!("does not show whether it is more than {WORTH} %"),
    };
    row.note(format!("of user time, at least: without what was inlined of them; {words}"))
}

fn share(size: &Size, programs: &Path, generator: &mut Generator) -> anyhow::Result<f64> {
    let sensor = Sensor::start(programs, TAP, RECEIVER)?;
    generator.restart();
    let packets = Until::Packets(4 * (1 << BITS) + 1_024);
    generator.run(Plan::Open { flow_bits: BITS }, packets, Some(OPENING))?;
    let samples = corpus::scratch()?.join(format!("perf-{}", std::process::id()));
    let mut perf = Command::new("perf")
        .args(["record", "-q", "-e", "cpu-clock", "-F", "4000", "-p", &sensor.id().to_string(), "-o"])
        .arg(&samples)
        .args(["--", "sleep", &size.seconds.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("perf does not start")?;
    let plan = Plan::Flows { flow_bits: BITS, frame: 60, new_permille: 0 };
    generator.run(plan, Until::Elapsed(Duration::from_secs_f64(size.seconds + LATE)), None)?;
    ensure!(perf.wait()?.success(), "perf record failed");
    let report = Command::new("perf")
        .args(["report", "--stdio", "-q", "--comm", "offport-w0", "--sort", "sym", "-i"])
        .arg(&samples)
        .output()?;
    let _ = std::fs::remove_file(&samples);
    ensure!(report.status.success(), "perf report: {}", String::from_utf8_lossy(&report.stderr));
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    // Lines are "12.34%  [.] symbol"; [k] is the kernel.
    let of = |wanted: &dyn Fn(&str) -> bool| -> f64 {
        text.lines()
            .filter_map(|line| line.trim().split_once('%'))
            .filter(|(_, rest)| rest.contains("[.]") && wanted(rest))
            .filter_map(|(share, _)| share.trim().parse::<f64>().ok())
            .sum()
    };
    let (rings, all) = (of(&|symbol| SYMBOLS.iter().any(|ours| symbol.contains(ours))), of(&|_| true));
    ensure!(all > 0.0, "no samples of offport-w0");
    Ok(rings / all * 100.0)
}
