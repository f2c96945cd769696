//! Flagged flows with their first bytes.

use std::collections::HashMap;
use std::net::IpAddr;

use offport_engine::{FlowName, FlowRecord};
use offport_flow::Flow;
use offport_policy::{Judgement, Severity};
use offport_telemetry::ecs::{printable, rfc3339};
use offport_telemetry::human;
use offport_wire::Timestamp;
use serde::Serialize;

/// Flagged flows that are listed at most.
const MAX_FLAGGED: usize = 10_000;

/// Payload bytes of each side that are shown at most.
const SHOWN: usize = 64;

/// A flagged flow.
#[derive(Clone, Debug, Serialize)]
pub struct FlaggedFlow {
    /// `offport.flow_id` of its record: what `offport explain` takes.
    pub flow_id: String,
    /// The capture, as it was named.
    pub path: String,
    /// Time of its first packet.
    pub time: String,
    /// Severity.
    #[serde(serialize_with = "severity_name")]
    pub severity: Severity,
    /// Verdict.
    pub verdict: &'static str,
    /// What is wrong, in words.
    pub reason: String,
    /// The codes of `offport.reasons`.
    pub reasons: Vec<&'static str>,
    /// `tcp`, `udp` or `sctp`.
    pub transport: &'static str,
    /// What it speaks; absent: no known protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
    /// What its port is reserved for.
    pub expected: Vec<&'static str>,
    /// Its client.
    pub client: End,
    /// Its server.
    pub server: End,
    /// Bytes that the client sent.
    pub bytes_up: u64,
    /// Bytes that the server sent.
    pub bytes_down: u64,
    /// The first payload, as it was when the verdict was given.
    pub first_bytes: FirstBytes,
}

/// Address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct End {
    /// Address.
    pub ip: IpAddr,
    /// Port.
    pub port: u16,
}

/// At most 64 bytes of each side: printable ASCII as it is, the rest escaped; absent: nothing was sent yet.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FirstBytes {
    /// From the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// From the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// Flagged flows as they are found: judged first, then ended.
#[derive(Debug, Default)]
pub(super) struct FlaggedFlows {
    /// What a flow's record does not hold, until that comes.
    open: HashMap<FlowName, FirstBytes>,
    pub(super) list: Vec<(Timestamp, FlaggedFlow)>,
    pub(super) total: u64,
}

impl FlaggedFlows {
    pub(super) fn judged(&mut self, flow: &Flow<'_>) {
        if self.list.len() + self.open.len() >= MAX_FLAGGED {
            return;
        }
        let show = |bytes: &[u8]| (!bytes.is_empty()).then(|| printable(bytes.get(..SHOWN).unwrap_or(bytes)));
        let first_bytes =
            FirstBytes { client: show(flow.client.first.bytes), server: show(flow.server.first.bytes) };
        self.open.insert((flow.key, flow.start), first_bytes);
    }

    pub(super) fn ended(&mut self, record: &FlowRecord, judgement: &Judgement, path: &str) {
        self.total += 1;
        let (client, server) = (&record.client, &record.server);
        let Some(first_bytes) = record.flow().and_then(|name| self.open.remove(&name)) else { return };
        let names =
            |set: offport_fingerprint::ProtocolSet| set.iter().map(|protocol| protocol.name()).collect();
        let flow = FlaggedFlow {
            flow_id: record.id().to_string(),
            path: path.to_owned(),
            time: rfc3339(record.start),
            severity: judgement.severity,
            verdict: judgement.verdict.name(),
            reason: human::headline(record),
            reasons: judgement.reasons.iter().map(|reason| reason.name()).collect(),
            transport: record.transport.name().unwrap_or("ip"),
            protocol: record.protocol.map(|(protocol, _)| protocol.name()),
            expected: names(judgement.expected),
            client: End { ip: client.ip, port: client.port },
            server: End { ip: server.ip, port: server.port },
            bytes_up: client.bytes,
            bytes_down: server.bytes,
            first_bytes,
        };
        self.list.push((record.start, flow));
    }

    /// Severest first, then in order of time.
    pub(super) fn into_sorted(mut self) -> Vec<FlaggedFlow> {
        self.list.sort_by(|(one_time, one), (other_time, other)| {
            (other.severity, one_time, &one.flow_id).cmp(&(one.severity, other_time, &other.flow_id))
        });
        self.list.into_iter().map(|(_, flow)| flow).collect()
    }
}

fn severity_name<S: serde::Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.name())
}
