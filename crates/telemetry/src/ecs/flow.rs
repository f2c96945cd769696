//! The flow record (`event.dataset: "offport.flow"`).

use std::net::IpAddr;

use offport_engine::{Action, Endpoint, FlowRecord, TcpSummary};
use offport_fingerprint::{Description, Field};
use offport_policy::{Severity, Verdict};
use serde::Serialize;

use super::{Formatter, description, text};
use crate::nested::{Object, json};
use serde_json::Value as Json;

/// A flow, as it is written.
#[derive(Debug, Serialize)]
pub(super) struct FlowDocument<'a> {
    /// When the flow began (a record of an active timeout too: it is the handle of time-based indices).
    #[serde(rename = "@timestamp")]
    timestamp: String,
    event: FlowEvent,
    #[serde(flatten)]
    pub(super) body: Body<'a>,
    offport: Offport,
}

#[derive(Debug, Serialize)]
struct FlowEvent {
    kind: &'static str,
    category: [&'static str; 1],
    dataset: &'static str,
    action: &'static str,
    reason: &'static str,
    start: String,
    end: String,
    /// Nanoseconds.
    duration: u64,
}

/// What records and events have in common.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    source: End,
    destination: End,
    network: Network,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<TunnelInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observer: Option<Observer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Log<'a>>,
    /// `http`, `url`, `user_agent`, `tls`, `dns`, `user`.
    #[serde(flatten)]
    described: Object,
}

#[derive(Debug, Serialize)]
struct End {
    ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// IP total lengths.
    bytes: u64,
    packets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
}

#[derive(Debug, Serialize)]
struct Network {
    #[serde(rename = "type")]
    family: &'static str,
    iana_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<String>,
    bytes: u64,
    packets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<Vlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner: Option<Inner>,
}

#[derive(Debug, Serialize)]
struct Vlan {
    id: String,
}

#[derive(Debug, Serialize)]
struct Inner {
    vlan: Vlan,
}

#[derive(Debug, Serialize)]
struct TunnelInfo {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<TunnelEnd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<TunnelEnd>,
}

#[derive(Debug, Serialize)]
struct TunnelEnd {
    ip: IpAddr,
}

#[derive(Debug, Serialize)]
struct Observer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress: Option<Ingress<'a>>,
}

#[derive(Debug, Serialize)]
struct Ingress<'a> {
    interface: Interface<'a>,
}

#[derive(Debug, Serialize)]
struct Interface<'a> {
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct Log<'a> {
    file: LogFile<'a>,
}

#[derive(Debug, Serialize)]
struct LogFile<'a> {
    path: &'a str,
}

/// The project's own namespace.
#[derive(Debug, Serialize)]
pub(super) struct Offport {
    flow_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expected: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breach: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_after: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<Tcp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_errors: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shunted: Option<Shunted>,
    worker: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<super::event::Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<super::event::Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repeats: Option<u32>,
    #[serde(flatten)]
    described: Object,
}

#[derive(Debug, Serialize)]
struct Tcp {
    state: &'static str,
    midstream: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    subflow: bool,
    retransmitted: u32,
    out_of_order: u32,
}

#[derive(Debug, Serialize)]
struct Shunted {
    bytes: u64,
    packets: u64,
}

impl<'a> FlowDocument<'a> {
    pub(super) fn new(names: &'a Formatter, record: &FlowRecord, description: &Description) -> Self {
        Self {
            timestamp: text::time(record.start),
            event: FlowEvent {
                kind: "event",
                category: ["network"],
                dataset: "offport.flow",
                action: match record.action {
                    Action::End => "flow_end",
                    Action::Interim => "flow_interim",
                },
                reason: record.reason.name(),
                start: text::time(record.start),
                end: text::time(record.end),
                duration: u64::try_from(record.end.since(record.start).as_nanos()).unwrap_or(u64::MAX),
            },
            body: Body::new(names, record, description),
            offport: Offport::new(record, description),
        }
    }
}

impl<'a> Body<'a> {
    pub(super) fn new(names: &'a Formatter, record: &FlowRecord, description: &Description) -> Self {
        let has_ports = record.transport.has_ports();
        let interface = names.interfaces.get(usize::from(record.interface)).map(String::as_str);
        let interface = interface.filter(|name| !name.is_empty());
        Self {
            source: End::new(&record.client, has_ports),
            destination: End::new(&record.server, has_ports),
            network: Network {
                family: if record.client.ip.is_ipv4() { "ipv4" } else { "ipv6" },
                iana_number: record.transport.0.to_string(),
                transport: record.transport.name(),
                protocol: record.protocol.map(|(protocol, _)| protocol.name()),
                application: description.get(Field::NetworkApplication).map(json),
                direction: record.judgement.map(|judgement| judgement.direction.name()),
                community_id: record.community_id(),
                bytes: record.client.bytes + record.server.bytes,
                packets: record.client.packets + record.server.packets,
                vlan: record.vlan.map(Vlan::new),
                inner: record.inner_vlan.map(|id| Inner { vlan: Vlan::new(id) }),
            },
            tunnel: record.tunnel.map(|tunnel| TunnelInfo {
                kind: tunnel.kind.name(),
                id: tunnel.id.map(|id| id.to_string()),
                source: tunnel.source.map(|ip| TunnelEnd { ip }),
                destination: tunnel.destination.map(|ip| TunnelEnd { ip }),
            }),
            observer: (names.observer.is_some() || interface.is_some()).then(|| Observer {
                name: names.observer.as_deref(),
                ingress: interface.map(|name| Ingress { interface: Interface { name } }),
            }),
            log: names.log_file.as_deref().map(|path| Log { file: LogFile { path } }),
            described: description::common(description),
        }
    }
}

impl Offport {
    pub(super) fn new(record: &FlowRecord, description: &Description) -> Self {
        let judgement = record.judgement;
        Self {
            flow_id: record.id().to_string(),
            verdict: judgement.map(|judgement| judgement.verdict.name()),
            severity: judgement
                .filter(|judgement| judgement.severity != Severity::None)
                .map(|judgement| judgement.severity.name()),
            expected: judgement
                .map(|judgement| judgement.expected.iter().map(|protocol| protocol.name()).collect())
                .unwrap_or_default(),
            reasons: judgement
                .map(|judgement| judgement.reasons.iter().map(|reason| reason.name()).collect())
                .unwrap_or_default(),
            proof: record.protocol.map(|(_, proof)| proof.name()),
            breach: record.breach.map(|breach| breach.name()),
            decided_after: judgement
                .filter(|judgement| judgement.verdict != Verdict::Undecided)
                .map(|_| record.decided_after),
            tcp: record.tcp.map(Tcp::new),
            icmp_errors: (record.icmp_errors > 0).then_some(record.icmp_errors),
            shunted: (record.shunted_packets > 0)
                .then_some(Shunted { bytes: record.shunted_bytes, packets: record.shunted_packets }),
            worker: record.worker,
            payload: None,
            evidence: None,
            repeats: None,
            described: description::own(description),
        }
    }
}

impl End {
    fn new(end: &Endpoint, has_ports: bool) -> Self {
        Self {
            ip: end.ip,
            port: has_ports.then_some(end.port),
            bytes: end.bytes,
            packets: end.packets,
            mac: end.mac.map(text::mac),
        }
    }
}

impl Vlan {
    fn new(id: u16) -> Self {
        Self { id: id.to_string() }
    }
}

impl Tcp {
    fn new(tcp: TcpSummary) -> Self {
        Self {
            state: tcp.state.name(),
            midstream: tcp.midstream,
            subflow: tcp.subflow,
            retransmitted: tcp.retransmitted,
            out_of_order: tcp.out_of_order,
        }
    }
}
