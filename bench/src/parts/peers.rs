//! Other programs on the same capture, on one core, in turn.
//!
//! What is measured is the processor time of the whole process, user and kernel, on a long capture less that on a short
//! one: what starting up costs is in neither. The long one is the mixed capture several times over, with other addresses
//! each time, so that every time round has the same flows to open.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::size::Size;
use crate::clock::Pinned;
use crate::corpus;
use crate::in_memory::mix::{Capture, Looped};
use crate::report::row::Row;
use crate::report::table::number;
use crate::rounds::{Measured, Round, Series, interleave};

const PART: &str = "peers, mix.pcap, one core";
/// How many times the mixed capture is in the long one.
const TIMES: u32 = 8;
/// Packets per second by those of a peer, at least.
const BY_NDPI: f64 = 10.0;
const BY_SURICATA: f64 = 12.0;

/// A program that reads a capture, and how it is told to.
struct Peer {
    name: String,
    command: fn(&Path, &Path) -> Command,
    program: PathBuf,
    captures: [PathBuf; 2],
    packets: u64,
    failed: bool,
}

/// All peers that are installed. The rest are rows that say so.
///
/// # Errors
/// A capture cannot be written.
pub fn run(size: &Size, programs: &Path) -> anyhow::Result<Vec<Row>> {
    let mix = match corpus::mix() {
        Ok(mix) => mix,
        Err(why) => return Ok(vec![Row::skipped(PART, "all", why.to_string())]),
    };
    eprintln!("peers");
    // Children inherit it.
    let _pinned = Pinned::to_last_core()?;
    let capture = Capture::read(&mix)?;
    let captures = [write(&capture, 1)?, write(&capture, TIMES)?];
    let peer = |name: String, program: PathBuf, command| Peer {
        name,
        command,
        program,
        captures: captures.clone(),
        packets: u64::from(TIMES - 1) * capture.packets() as u64,
        failed: false,
    };
    let mut ours = Looped::new(&capture, if size.claim { 4 } else { 1 });
    let mut peers = [
        peer("offport read".to_owned(), programs.join("offport"), offport_read),
        peer(format!("ndpiReader {}", version("libndpi-bin")), "ndpiReader".into(), ndpi_reader),
        peer(format!("Suricata {}, no rules", version("suricata")), "suricata".into(), suricata),
    ];
    for peer in &mut peers {
        peer.failed = peer.once(0).is_err();
    }
    let [read, ndpi, suricata] = &mut peers;
    let series = interleave(size.rounds.min(7), &mut [&mut ours, read, ndpi, suricata]);
    Ok(rows(size, &series, &peers))
}

fn rows(size: &Size, series: &[Series], peers: &[Peer; 3]) -> Vec<Row> {
    let row = |name: &str, series: &Series| {
        let rate = 1e3 / series.median();
        Row::new(PART, name, series, "ns/packet").note(format!("{} Mpps", number(rate)))
    };
    let mut ours = row("offport's worker, from memory", &series[0]);
    let mut rows = Vec::new();
    let least = [None, Some(BY_NDPI), Some(BY_SURICATA)];
    for ((peer, series_of_peer), least) in peers.iter().zip(&series[1..]).zip(least) {
        if peer.failed {
            let why = format!("{} is not installed, or fails: scripts/setup bench", peer.program.display());
            rows.push(Row::skipped(PART, &peer.name, why));
            continue;
        }
        let ratio = series_of_peer.by(&series[0]).median();
        rows.push(row(&peer.name, series_of_peer).ratio(ratio, "time of the worker"));
        if let Some(least) = least {
            let name = peer.name.split(' ').next().unwrap_or_default();
            ours = ours.target(format!("≥ {least} × {name}"), ratio >= least, size.claim);
        }
    }
    rows.insert(0, ours);
    rows
}

impl Peer {
    /// Processor nanoseconds of one run.
    fn once(&self, capture: usize) -> anyhow::Result<u64> {
        let folder = corpus::scratch()?.join(format!("peer-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let before = children()?;
        let mut command = (self.command)(&self.program, &folder);
        let command = command.arg(&self.captures[capture]);
        let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
        let used = children()? - before;
        std::fs::remove_dir_all(&folder)?;
        let output = output.with_context(|| format!("{} does not start", self.program.display()))?;
        // `offport read` says 1 when it has flagged something.
        let good = output.status.success() || output.status.code() == Some(1);
        ensure!(good, "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        Ok(used)
    }
}

impl Measured for Peer {
    fn round(&mut self) -> Round {
        let nanos = || Ok::<_, anyhow::Error>(self.once(1)?.saturating_sub(self.once(0)?));
        let nanos = if self.failed { 0 } else { nanos().unwrap_or(0) };
        self.failed |= nanos == 0;
        Round { nanos, units: self.packets }
    }
}

fn offport_read(program: &Path, _: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["read", "--quiet"]);
    command
}

fn ndpi_reader(program: &Path, _: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["-q", "-i"]);
    command
}

/// Suricata, one thread for packets, no rules, no logs but its own, every application layer. Checksums are not looked at:
/// other addresses have made them wrong.
pub const SURICATA: &[&str] = &[
    "-c",
    "/etc/suricata/suricata.yaml",
    "-S",
    "/dev/null",
    "--runmode",
    "single",
    "-k",
    "none",
    "--set",
    "outputs.0.fast.enabled=no",
    "--set",
    "outputs.1.eve-log.enabled=no",
    "--set",
    "stats.enabled=no",
];

fn suricata(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(SURICATA).arg("-l").arg(folder).arg("-r");
    command
}

/// Processor time of all children that have ended, in nanoseconds.
fn children() -> anyhow::Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(u64::try_from(micros)? * 1_000)
}

fn version(package: &str) -> String {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// The capture so many times over, as a file in memory.
fn write(capture: &Capture, times: u32) -> anyhow::Result<PathBuf> {
    let path = corpus::scratch()?.join(format!("mix-{times}.pcap"));
    if !path.exists() {
        let part = path.with_extension(format!("part{}", std::process::id()));
        let file =
            std::fs::File::create(&part).with_context(|| format!("cannot create {}", part.display()))?;
        capture.write(std::io::BufWriter::new(file), times)?;
        std::fs::rename(&part, &path)?;
    }
    Ok(path)
}
