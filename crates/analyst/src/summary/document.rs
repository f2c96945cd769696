//! The JSON of `offport read --json`.

use std::io::{self, Write};

use offport_policy::Verdict;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::flagged::FlaggedFlow;
use super::hosts::Talkers;

/// The summary of `offport read`: one JSON object on one line, in this order of keys. A contract with scripts: golden
/// files hold it, a change is a CHANGELOG entry.
///
/// `packets = processed + Σ dropped`, always. Bytes of flows are IP total lengths; `up` is what clients sent, `down`
/// what servers sent. Times are RFC 3339, UTC, microseconds. Absent means unknown.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// Version of `offport`.
    pub offport: &'static str,
    /// Captures that were named.
    pub files: u64,
    /// Captures that were read to their end. The others are in `unreadable`, or all their packets in `unsupported`.
    pub files_read: u64,
    /// Time of the earliest packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Time of the latest packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Packet records in the captures.
    pub packets: u64,
    /// Bytes of the packets on the wire, link headers included; without those of unsupported link types.
    pub bytes: u64,
    /// Packets that were counted to a flow, or are ICMP errors.
    pub processed: u64,
    /// Packets that were not, by reason.
    pub dropped: DroppedPackets,
    /// Flows.
    pub flows: u64,
    /// Flows of at least the configured severity: what the exit code is about.
    pub flagged_flows: u64,
    /// Flows by verdict.
    pub verdicts: Verdicts,
    /// Flows by what they speak, most bytes first. Flows without payload are not among them.
    pub protocols: Vec<ProtocolRow>,
    /// Hosts.
    pub talkers: Talkers,
    /// The flagged flows, severest first, then in order of time; the first 10,000 that were found.
    pub flagged: Vec<FlaggedFlow>,
    /// Flagged flows that are not in `flagged`.
    pub flagged_omitted: u64,
    /// Captures that could not be read, or not to their end.
    pub unreadable: Vec<Unreadable>,
    /// Packets of link types that are not read.
    pub unsupported: Vec<Unsupported>,
    /// What was wrong with captures and was survived.
    pub warnings: Vec<WarningRow>,
    /// Bounds of the engine that were reached, by name: with them, results are less exact. Empty as a rule.
    #[serde(serialize_with = "as_map")]
    pub limits: Vec<(&'static str, u64)>,
}

impl Document {
    /// Writes it as one line.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

/// A number of flows and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flows {
    /// Flows.
    pub flows: u64,
    /// Bytes that their clients sent.
    pub bytes_up: u64,
    /// Bytes that their servers sent.
    pub bytes_down: u64,
}

impl Flows {
    pub(super) fn add(&mut self, up: u64, down: u64) {
        self.flows += 1;
        self.bytes_up += up;
        self.bytes_down += down;
    }

    /// Both directions.
    pub fn bytes(&self) -> u64 {
        self.bytes_up + self.bytes_down
    }
}

/// An object with a key per verdict, and `no_payload` for flows that have none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdicts {
    /// By [`Verdict::index`].
    pub judged: [Flows; Verdict::ALL.len()],
    /// Flows without payload.
    pub no_payload: Flows,
}

impl Serialize for Verdicts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Verdict::ALL.len() + 1))?;
        for (verdict, flows) in Verdict::ALL.iter().zip(&self.judged) {
            map.serialize_entry(verdict.name(), flows)?;
        }
        map.serialize_entry("no_payload", &self.no_payload)?;
        map.end()
    }
}

/// An object with a key per reason for which packets were dropped; reasons without packets are left out.
///
/// The engine's reasons are those of `offport_packets_dropped_total`. Offline there are also `table_full`,
/// `fragment_incomplete` (the rest of a datagram is not in the capture) and `interface_unknown`;
/// `link_unsupported` has the packets of `unsupported`, too.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct DroppedPackets(#[serde(serialize_with = "as_map")] pub Vec<(&'static str, u64)>);

impl DroppedPackets {
    /// All reasons together.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|&(_, packets)| packets).sum()
    }
}

/// Flows of one protocol.
#[derive(Clone, Debug, Serialize)]
pub struct ProtocolRow {
    /// Its name; absent: no known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
    /// How many.
    #[serde(flatten)]
    pub flows: Flows,
}

/// A capture that could not be read to its end.
#[derive(Clone, Debug, Serialize)]
pub struct Unreadable {
    /// As it was named.
    pub path: String,
    /// Why; names the path, the cause and what to do.
    pub error: String,
    /// Where in the (uncompressed) capture, if at a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Packets that were read before.
    pub packets: u64,
}

/// Packets of a link type that is not read.
#[derive(Clone, Debug, Serialize)]
pub struct Unsupported {
    /// The capture, as it was named.
    pub path: String,
    /// Number in the LINKTYPE_ registry.
    pub link_type: u32,
    /// Name there.
    pub name: &'static str,
    /// How many.
    pub packets: u64,
}

/// Something wrong that was survived.
#[derive(Clone, Debug, Serialize)]
pub struct WarningRow {
    /// The capture, as it was named.
    pub path: String,
    /// What.
    pub warning: String,
}

fn as_map<S: Serializer>(pairs: &[(&'static str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().copied())
}
