//! What can be typed.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::console::args as console;
use crate::desk::args as desk;
use crate::watch::args as watch;

const EXAMPLES: &str = "\
Examples:
  offport read trace.pcapng                     what is in there, and what does not belong
  offport read *.pcap.gz --flows flows.jsonl    flow records as JSON lines
  offport read trace.pcap --events - --quiet    events only, as JSON lines
  tcpdump -w - | offport read - --json          one JSON object
  find . -name '*.pcap' -print0 | offport read --files0-from -
  offport explain trace.pcapng 1b2c3d…          why this flow got its verdict
  offport explain --protocol ssh --port 443/tcp --client 10.1.2.3 --server 192.0.2.7
  offport sample demo.pcapng                    a capture to try all this on
  offport hosts --last 1h                       who is flagged, who is busiest, by the sensor's store
  offport summary 10.1.2.3 --last 1d            what this host does
  offport sessions --flagged --port 80          its sessions; `session ID` shows one
  offport extract ID | wireshark -k -i -        the packets of one
  offport watch                                 verdicts, flagged pairs and rates, live
  offport console                               all that in a browser: http://127.0.0.1:10218/

Exit codes:
  0  done, nothing flagged      3  nothing could be read, or output failed
  1  something was flagged      4  some files could not be read to their end
  2  wrong usage                   (the others were; goes before 1)";

/// Finds traffic whose protocol is not the one that its port is reserved for: in captures, and in what the sensor keeps.
///
/// Captures go through the very same engine as the live sensor's packets, with the packets' own times.
#[derive(Debug, Parser)]
#[command(name = "offport", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `offport` does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read captures: verdicts, top talkers, flagged sessions.
    #[command(after_help = READ_NOTES)]
    Read(Read),
    /// Who is flagged, who is busiest: hosts of the sensor's store.
    Hosts(desk::Hosts),
    /// What a host serves and uses, with whom, how much, and what of it is new.
    Summary(desk::Summary),
    /// List sessions of the sensor's store.
    Sessions(desk::Sessions),
    /// Show a session: record, headers, timeline, first payloads.
    Session(desk::Session),
    /// Write the packets of sessions as a capture file.
    Extract(desk::Extract),
    /// Write flow records as JSON lines, CSV or Parquet.
    Export(desk::Export),
    /// Watch verdicts, flagged pairs and rates in the terminal.
    #[command(after_help = watch::NOTES)]
    Watch(watch::Watch),
    /// Serve the store and the sensor's health as pages, on loopback.
    #[command(after_help = console::NOTES)]
    Console(console::Console),
    /// Say why a flow got its verdict.
    ///
    /// Either a flow of a capture, by the `offport.flow_id` of its record, or a flow that does not exist, by its
    /// protocol, port and hosts.
    Explain(Explain),
    /// List the protocols that can be told apart.
    Protocols(Protocols),
    /// List what ports are reserved for, by the built-in table and the configuration.
    Ports(Ports),
    /// Write a small capture of made-up conversations, three of them incidents.
    Sample {
        /// Where to; pcapng, whatever the name. `-` is standard output.
        file: PathBuf,
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

const READ_NOTES: &str = "\
The summary goes to standard output, or to standard error where --flows or --events take standard output.
Exit codes: 0 nothing flagged, 1 something flagged, 2 wrong usage, 3 nothing could be read or output failed,
4 some files could not be read to their end (the others were; goes before 1).";

/// `offport read`.
#[derive(Debug, Args)]
pub struct Read {
    /// Captures: pcap or pcapng, plain, gzip or zstd compressed; `-` is standard input.
    #[arg(value_name = "FILE", required_unless_present = "files0_from")]
    pub files: Vec<PathBuf>,
    /// Read the names of captures from a file, or from standard input (`-`), separated by NUL.
    #[arg(long, value_name = "FILE")]
    pub files0_from: Option<PathBuf>,
    /// Configuration: ports, home networks, hosts, exceptions, limits. Without one, the defaults.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write flow records, one JSON object a line; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub flows: Option<PathBuf>,
    /// Write events of flagged flows, one JSON object a line; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Format of events. Flow records are always ecs. Default: as configured, or ecs.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Print the summary as one JSON object.
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// No summary, no progress; what cannot be read is still named, on standard error.
    #[arg(short, long)]
    pub quiet: bool,
    /// Rows of each list in the summary.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Elastic Common Schema.
    Ecs,
    /// Suricata EVE.
    Eve,
}

/// `offport explain`.
#[derive(Debug, Args)]
#[command(override_usage = "\
offport explain [OPTIONS] <FILE> <FLOW_ID>
       offport explain [OPTIONS] <--protocol <NAME>|--unrecognised> --port <PORT/TRANSPORT> --client <IP> --server <IP>")]
pub struct Explain {
    /// The capture that the flow is in.
    #[arg(value_name = "FILE", requires = "flow_id", required_unless_present_any = ["protocol", "unrecognised"])]
    pub file: Option<PathBuf>,
    /// `offport.flow_id` of its record; the first digits are enough.
    #[arg(value_name = "FLOW_ID")]
    pub flow_id: Option<String>,
    /// A flow that speaks this protocol (see `offport protocols`).
    #[arg(long, value_name = "NAME", requires_all = ["port", "client", "server"], conflicts_with_all = ["file", "unrecognised"])]
    pub protocol: Option<String>,
    /// A flow whose payload is no known protocol.
    #[arg(long, requires_all = ["port", "client", "server"], conflicts_with = "file")]
    pub unrecognised: bool,
    /// Its server port, as in 443/tcp.
    #[arg(long, value_name = "PORT/TRANSPORT", conflicts_with = "file")]
    pub port: Option<String>,
    /// Address of its client.
    #[arg(long, value_name = "IP", conflicts_with = "file")]
    pub client: Option<IpAddr>,
    /// Address of its server.
    #[arg(long, value_name = "IP", conflicts_with = "file")]
    pub server: Option<IpAddr>,
    /// Payload bytes that its client has sent.
    #[arg(long, value_name = "BYTES", default_value_t = 1000, conflicts_with = "file")]
    pub up: u64,
    /// Payload bytes that its server has sent.
    #[arg(long, value_name = "BYTES", default_value_t = 1000, conflicts_with = "file")]
    pub down: u64,
    /// Its start was not seen.
    #[arg(long, conflicts_with = "file")]
    pub midstream: bool,
    /// It is a subflow of a Multipath TCP connection.
    #[arg(long, conflicts_with = "file")]
    pub subflow: bool,
    /// Configuration. Without one, the defaults.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// `offport protocols`.
#[derive(Debug, Args)]
pub struct Protocols {
    /// Configuration, with the signatures that it names. Without one, what is built in.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One name a line, nothing else.
    #[arg(long, conflicts_with = "json")]
    pub names: bool,
    /// One JSON array instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `offport ports`.
#[derive(Debug, Args)]
pub struct Ports {
    /// Configuration. Without one, the built-in table.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One JSON array instead of a table.
    #[arg(long)]
    pub json: bool,
}
