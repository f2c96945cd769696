//! The command line of `offportd`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Passive network sensor: finds traffic whose protocol is not the one that its port is reserved for.
///
/// Exit codes: 0 all well; 1 a finding (`check`: a problem in the file; `doctor`: a check failed); 2 wrong usage;
/// 3 the sensor could not start or had to stop: the message says why and what to do.
#[derive(Debug, Parser)]
#[command(name = "offportd", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `offportd` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Capture, track, fingerprint, judge and report until SIGTERM or SIGINT.
    ///
    /// SIGHUP closes and reopens the output files, and reads policy, signatures and where events and records go anew; other changes take a restart. Needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF (or root).
    Run(Run),
    /// Check a configuration file, and the signature files that it names with their tests: every problem with its line, key and
    /// remedy.
    Check {
        /// Configuration file.
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Say what an interface, its driver and this machine can do, with a remedy for what is missing.
    Doctor {
        /// Interface; may be repeated. Without one, the machine alone.
        #[arg(short, long = "interface", value_name = "IF")]
        interfaces: Vec<String>,
        /// One JSON object a line instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for a shell.
    Completions {
        /// Shell.
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder.
    Man {
        /// Folder; created when missing.
        folder: PathBuf,
    },
}

/// `offportd run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Interface to listen on; may be repeated (a TAP has one per direction). Overrides the configuration.
    #[arg(short, long = "interface", value_name = "IF")]
    pub(crate) interfaces: Vec<String>,
    /// Configuration file; without one, the defaults.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Workers; overrides the configuration.
    #[arg(short, long, value_name = "N")]
    pub(crate) workers: Option<u16>,
    /// Do not print flagged flows.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
