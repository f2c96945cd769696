//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::workload::Workload;

/// What a packet costs.
#[derive(Debug, Parser)]
#[command(name = "bench/run", bin_name = "bench/run", max_term_width = 100)]
pub struct Cli {
    /// What to measure.
    #[command(flatten)]
    pub run: Run,
    /// Parts of the benchmark that run in processes of their own.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// A smoke run of seconds: everything small, in memory only, no claims, no results file
    #[arg(long)]
    pub quick: bool,
    /// Only this part (may be given several times)
    #[arg(long, value_name = "PART")]
    pub only: Vec<Part>,
    /// Where the results file and the plots go
    #[arg(long, value_name = "FOLDER")]
    pub results: Option<PathBuf>,
    /// Rounds of each variant, instead of 15 (5 of live ones)
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// Of the live cases only those with this in their name
    #[arg(long, value_name = "TEXT")]
    pub case: Option<String>,
    /// The release builds of offportd and offport
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub programs: Option<PathBuf>,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    // First: what other parts have freed would be taken again, and not count.
    /// In memory: bytes of an IPv6 flow
    Memory,
    /// In memory: packets of settled flows, by stage
    Established,
    /// In memory: flows that begin
    NewFlows,
    /// In memory: the mixed capture
    Mix,
    /// In memory: what it costs to identify the mixed capture's flows
    Identification,
    /// In memory: half an hour of churn, and a SYN flood
    Endurance,
    /// Instructions per packet, by callgrind
    Instructions,
    /// Live on a veth pair: offportd beside two baselines
    Live,
    /// Live on a veth pair: offportd without and with its packet store, in turn
    Evidence,
    /// ndpiReader and Suricata on the same capture
    Peers,
}

/// Parts that run in processes of their own.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// One workload for callgrind; prints the number of units
    #[command(hide = true)]
    Workload {
        /// Which.
        workload: Workload,
        /// How many packets.
        #[arg(long)]
        packets: u32,
    },
    /// Sends packets out of an interface, for another machine's sensor: bpf/generate.bpf.c
    Generate(Generate),
}

/// What to send.
#[derive(Clone, Debug, Args)]
pub struct Generate {
    /// Out of this interface
    #[arg(short, long)]
    pub interface: String,
    /// Settled flows, as a power of two: 16 is 65,536. They are opened first
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(0..=24))]
    pub flow_bits: u32,
    /// Bytes of a frame, without the checksum
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(60..=3_500))]
    pub frame: u32,
    /// Of a thousand packets, how many belong to new flows (frames of 101 bytes and more)
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub new_permille: u32,
    /// Replay this capture instead, with other addresses each time
    #[arg(long)]
    pub replay: Option<PathBuf>,
    /// Packets a second; without it, as fast as the kernel goes
    #[arg(long)]
    pub rate: Option<u64>,
    /// For so long
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// On this core
    #[arg(long, default_value_t = 0)]
    pub core: usize,
}

impl Run {
    /// Whether a part was asked for.
    pub fn wants(&self, part: Part) -> bool {
        if self.only.is_empty() { !self.quick || part.is_quick() } else { self.only.contains(&part) }
    }
}

impl Part {
    const fn is_quick(self) -> bool {
        matches!(self, Self::Established | Self::NewFlows | Self::Memory | Self::Mix)
    }
}
