//! Flow records and events as nested Elastic Common Schema JSON, one object a line.
//!
//! [`Formatter`] knows what a worker does not: the observer's name, the interfaces' names, the capture file.
//! Field order is the order of the types here and part of the golden files; absent means unknown.

mod description;
mod event;
mod flow;
mod text;

pub use text::{printable, time as rfc3339};

use std::net::IpAddr;

use offport_engine::{Event, FlowRecord};
use offport_fingerprint::Description;
use offport_wire::{Domain, Timestamp, Transport};
use sha1::{Digest as _, Sha1};

/// Turns what workers put out into JSON lines.
#[derive(Clone, Debug, Default)]
pub struct Formatter {
    /// `observer.name`.
    pub observer: Option<String>,
    /// `observer.ingress.interface.name`, by interface index; empty: it has no name.
    pub interfaces: Vec<String>,
    /// `log.file.path`: the capture file, as given on the command line.
    pub log_file: Option<String>,
    /// `rule.name` by rule id: how the policy in force calls its rules.
    pub rules: Vec<String>,
}

impl Formatter {
    /// Appends the record as one JSON object, without a line feed.
    pub fn record(&self, record: &FlowRecord, description: &Description, line: &mut Vec<u8>) {
        write_json(&flow::FlowDocument::new(self, record, description), line);
    }

    /// Appends the event as one JSON object, without a line feed.
    pub fn event(&self, event: &Event, description: &Description, line: &mut Vec<u8>) {
        write_json(&event::EventDocument::new(self, event, description), line);
    }
}

/// The stable text id of a flow: a hash over its start, transport, both ends and its domain.
pub fn flow_id(record: &FlowRecord) -> String {
    let ends = [&record.client, &record.server].map(|end| (end.ip, end.port));
    flow_id_of(record.start, record.transport, record.domain, ends)
}

/// [`flow_id`] of a flow that has no record yet; `ends` are client and server, port 0 where the transport has none.
pub fn flow_id_of(
    start: Timestamp,
    transport: Transport,
    domain: Domain,
    ends: [(IpAddr, u16); 2],
) -> String {
    let mut sha1 = Sha1::new();
    sha1.update(start.as_nanos().to_be_bytes());
    sha1.update([transport.0]);
    sha1.update(domain.0.to_be_bytes());
    for (ip, port) in ends {
        match ip {
            IpAddr::V4(address) => sha1.update(address.octets()),
            IpAddr::V6(address) => sha1.update(address.octets()),
        }
        sha1.update(port.to_be_bytes());
    }
    sha1.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn write_json(document: &impl serde::Serialize, line: &mut Vec<u8>) {
    let start = line.len();
    if let Err(error) = serde_json::to_writer(&mut *line, document) {
        // Plain structs and strings into memory: this cannot fail, and a half-written object must not leave.
        line.truncate(start);
        tracing::error!(%error, "a record could not be serialised");
    }
}

#[cfg(test)]
mod tests;
