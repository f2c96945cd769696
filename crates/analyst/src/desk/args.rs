//! What can be typed to the commands that read the store.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use offport_policy::{NetworkDirection, Verdict};
use offport_wire::FlowId;

use super::when::{Moment, Span};

/// Where the store is, and how answers are given.
#[derive(Clone, Debug, Args)]
pub struct StoreArgs {
    /// Folder of the store. Default: store.path of the configuration.
    #[arg(long, value_name = "DIR", env = "OFFPORT_STORE")]
    pub store: Option<PathBuf>,
    /// The sensor's configuration: where its store is, home networks, the inventory.
    #[arg(short, long, value_name = "FILE", env = "OFFPORT_CONFIG")]
    pub config: Option<PathBuf>,
    /// JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Which time. A flow is in it if it ended then, or was last seen.
#[derive(Clone, Debug, Default, Args)]
pub struct TimeArgs {
    /// The time up to now: 90s, 15m, 1h, 2d, 1w.
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["since", "until"])]
    pub last: Option<Span>,
    /// From then on: 2026-11-27T19:00Z, "2026-11-27 19:00" (local time), 19:00 (today), 2d (ago).
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// Until then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
}

/// Which flows. Each option can be given several times, or with a list: any of its values will do. All options have to hold.
#[derive(Clone, Debug, Default, Args)]
pub struct FilterArgs {
    /// Either end: an address or a network.
    #[arg(long, value_name = "NET", value_parser = net, value_delimiter = ',')]
    pub host: Vec<IpNet>,
    /// The client.
    #[arg(long, value_name = "NET", value_parser = net, value_delimiter = ',')]
    pub source: Vec<IpNet>,
    /// The server.
    #[arg(long, value_name = "NET", value_parser = net, value_delimiter = ',')]
    pub destination: Vec<IpNet>,
    /// The server's port.
    #[arg(long, value_name = "PORT", value_delimiter = ',')]
    pub port: Vec<u16>,
    /// tcp, udp, sctp, icmp, ipv6-icmp.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = TRANSPORTS, hide_possible_values = true)]
    pub transport: Vec<String>,
    /// What is spoken (`offport protocols` lists the names); none: not recognised.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub protocol: Vec<String>,
    /// The verdict.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = one_of(Verdict::ALL.iter().map(|verdict| verdict.name())))]
    pub verdict: Vec<String>,
    /// info, low, medium, high.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = SEVERITIES, hide_possible_values = true)]
    pub severity: Vec<String>,
    /// Severity medium or high.
    #[arg(long, conflicts_with = "severity")]
    pub flagged: bool,
    /// inbound, outbound, internal, external.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = one_of(NetworkDirection::ALL.iter().map(|direction| direction.name())), hide_possible_values = true)]
    pub direction: Vec<String>,
    /// Both ends together have sent so much at least: 512, 10kB, 64MiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub min_bytes: Option<u64>,
}

/// `offport hosts`.
#[derive(Debug, Args)]
pub struct Hosts {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub time: TimeArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What the list begins with.
    #[arg(long, value_name = "KEY", default_value = "flagged")]
    pub sort: HostSort,
    /// Rows.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
}

/// The order of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HostSort {
    /// Those with most flagged flows; then by bytes.
    Flagged,
    /// Those that sent and received most.
    Bytes,
    /// Those that sent most.
    Out,
    /// Those with most flows.
    Flows,
}

/// `offport summary`.
#[derive(Debug, Args)]
pub struct Summary {
    /// Address of the host.
    pub host: std::net::IpAddr,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub time: TimeArgs,
    /// Rows of each list.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// What is new is told by comparing with so much time before; 0s: not at all.
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    pub compare: Span,
}

/// `offport sessions`.
#[derive(Debug, Args)]
pub struct Sessions {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub time: TimeArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What the list begins with.
    #[arg(long, value_name = "KEY", default_value = "time")]
    pub sort: SessionSort,
    /// Rows at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

/// The order of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SessionSort {
    /// The latest.
    Time,
    /// The largest.
    Bytes,
    /// The longest.
    Duration,
}

/// `offport session`.
#[derive(Debug, Args)]
pub struct Session {
    /// `offport.flow_id` of the session.
    pub id: FlowId,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Packets that are listed at most.
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub packets: usize,
    /// Bytes of the first payload of each side that are shown.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub payload: usize,
}

/// `offport extract`.
#[derive(Debug, Args)]
pub struct Extract {
    /// Sessions, by `offport.flow_id`. Without one, those that the options name.
    #[arg(value_name = "ID")]
    pub ids: Vec<FlowId>,
    /// Where to; `-`, the default, is standard output, for a pipe.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub write: PathBuf,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub time: TimeArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// `offport export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Where to; `-`, the default, is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub write: PathBuf,
    /// Format.
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub format: ExportFormat,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub time: TimeArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// How records leave the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON object a line, as `offport read --flows` writes it.
    Json,
    /// Comma-separated values with a header; lists are joined by semicolons.
    Csv,
    /// Parquet.
    Parquet,
}

const TRANSPORTS: [&str; 5] = ["tcp", "udp", "sctp", "icmp", "ipv6-icmp"];
const SEVERITIES: [&str; 4] = ["info", "low", "medium", "high"];

/// A name that no record has would find nothing, which is no answer.
fn one_of(names: impl Iterator<Item = &'static str>) -> PossibleValuesParser {
    PossibleValuesParser::new(names)
}

/// An address, or a network.
fn net(text: &str) -> Result<IpNet, String> {
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    parsed
        .map(|net| net.trunc())
        .map_err(|_| "neither an address nor a network: 10.1.2.3, 10.0.0.0/8, 2001:db8::/32".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    offport_config::parse_size(text).ok_or_else(|| "no size: 512, 10kB, 64MiB, 2GB".to_owned())
}
