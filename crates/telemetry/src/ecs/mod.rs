//! Flow records and events as nested Elastic Common Schema JSON, one object a line.
//!
//! [`Formatter`] knows what a worker does not: the observer's name, the interfaces' names, the capture file.
//! Field order is the order of the types here and part of the golden files; absent means unknown.

mod description;
mod event;
mod flow;
mod text;

pub use text::{printable, time as rfc3339};

use offport_engine::{Event, FlowRecord};
use offport_fingerprint::Description;

/// Turns what workers put out into JSON lines.
#[derive(Clone, Debug, Default)]
pub struct Formatter {
    /// `observer.name`.
    pub observer: Option<String>,
    /// `observer.ingress.interface.name`, by interface index; empty: it has no name.
    pub interfaces: Vec<String>,
    /// `log.file.path`: the capture file, as given on the command line.
    pub log_file: Option<String>,
    /// `offport.evidence`: packets are kept, as a rule; the file changes with time.
    pub evidence: Option<Evidence>,
    /// `rule.name` by rule id: how the policy in force calls its rules.
    pub rules: Vec<String>,
}

/// Where packets are kept at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// `offport.evidence.file`: the capture file that is being written; none yet, or the disk takes none.
    pub file: Option<String>,
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

pub(crate) fn write_json(document: &impl serde::Serialize, line: &mut Vec<u8>) {
    let start = line.len();
    if let Err(error) = serde_json::to_writer(&mut *line, document) {
        // Plain structs and strings into memory: this cannot fail, and a half-written object must not leave.
        line.truncate(start);
        tracing::error!(%error, "a record could not be serialised");
    }
}

#[cfg(test)]
pub(crate) mod tests;
