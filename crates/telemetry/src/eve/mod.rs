//! Events as Suricata EVE JSON, for tools that read that already: `alert` when a flow is flagged, `flow` at its end.
//!
//! Field names after the "EVE JSON Format" chapter of the Suricata user guide. There is no rule set here: the
//! signature id is the verdict's position, in the range that is left to local rules (1,000,000 and up).

mod description;

use base64::Engine as _;
use offport_engine::{Event, EventPhase, FlowRecord};
use offport_fingerprint::Description;
use offport_policy::Severity;
use serde::Serialize;

use crate::ecs::{Formatter, printable, rfc3339, write_json};
use crate::human;
use crate::nested::Object;

#[derive(Serialize)]
struct Document<'a> {
    timestamp: String,
    flow_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_iface: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    event_type: &'static str,
    src_ip: std::net::IpAddr,
    src_port: u16,
    dest_ip: std::net::IpAddr,
    dest_port: u16,
    proto: String,
    app_proto: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vlan: Vec<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_printable: Option<String>,
    flow: Flow,
    #[serde(flatten)]
    described: Object,
}

#[derive(Serialize)]
struct Alert {
    action: &'static str,
    gid: u32,
    signature_id: u32,
    rev: u32,
    signature: String,
    category: &'static str,
    /// 1 is the gravest.
    severity: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
}

#[derive(Serialize)]
struct Metadata {
    breach: [&'static str; 1],
}

#[derive(Serialize)]
struct Flow {
    pkts_toserver: u64,
    pkts_toclient: u64,
    bytes_toserver: u64,
    bytes_toclient: u64,
    start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    alerted: bool,
}

/// Appends the event as one EVE object, without a line feed.
pub fn event(names: &Formatter, event: &Event, description: &Description, line: &mut Vec<u8>) {
    let record = &event.record;
    let flagged = event.phase == EventPhase::Flagged;
    // What raised the alarm: the side that spoke, the client first.
    let bytes = match event.client.as_slice() {
        [] => event.server.as_slice(),
        bytes => bytes,
    };
    let document = Document {
        timestamp: rfc3339(record.end),
        flow_id: record.id().number(),
        in_iface: names.interfaces.get(usize::from(record.interface)).map(String::as_str),
        host: names.observer.as_deref(),
        event_type: if flagged { "alert" } else { "flow" },
        src_ip: record.client.ip,
        src_port: record.client.port,
        dest_ip: record.server.ip,
        dest_port: record.server.port,
        proto: record.transport.name().map_or_else(|| record.transport.0.to_string(), str::to_uppercase),
        app_proto: record.protocol.map_or("failed", |(protocol, _)| protocol.name()),
        vlan: [record.vlan, record.inner_vlan].into_iter().flatten().collect(),
        community_id: record.community_id(),
        alert: flagged.then(|| alert(record)),
        payload: (flagged && !bytes.is_empty())
            .then(|| base64::engine::general_purpose::STANDARD.encode(bytes)),
        payload_printable: (flagged && !bytes.is_empty()).then(|| printable(bytes)),
        flow: Flow {
            pkts_toserver: record.client.packets,
            pkts_toclient: record.server.packets,
            bytes_toserver: record.client.bytes,
            bytes_toclient: record.server.bytes,
            start: rfc3339(record.start),
            end: (!flagged).then(|| rfc3339(record.end)),
            age: (!flagged).then(|| record.end.since(record.start).as_secs()),
            reason: (!flagged).then(|| record.reason.name()),
            alerted: true,
        },
        described: description::objects(description),
    };
    write_json(&document, line);
}

fn alert(record: &FlowRecord) -> Alert {
    let (verdict, severity) = record
        .judgement
        .map_or((0, Severity::None), |judgement| (judgement.verdict.index(), judgement.severity));
    Alert {
        action: "allowed",
        gid: 1,
        signature_id: 1_000_000 + verdict as u32,
        rev: 1,
        signature: format!("offport {}", human::headline(record)),
        category: "Potentially Bad Traffic",
        metadata: record.breach.map(|breach| Metadata { breach: [breach.name()] }),
        severity: match severity {
            Severity::High => 1,
            Severity::Medium => 2,
            Severity::Low | Severity::Info | Severity::None => 3,
        },
    }
}
