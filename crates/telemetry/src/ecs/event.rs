//! The event (`event.dataset: "offport.event"`): a flagged flow with the first bytes of its payload.

use base64::Engine as _;
use offport_engine::{Event, EventPhase, Head};
use offport_fingerprint::Description;
use offport_policy::Severity;
use serde::Serialize;

use super::flow::{Body, Offport};
use super::{Formatter, text};
use crate::human;

/// Payload bytes of each side that an event shows.
const SHOWN: usize = 256;

/// A flagged flow, as it is written.
#[derive(Debug, Serialize)]
pub(super) struct EventDocument<'a> {
    /// When the event was raised: the flow's last packet so far.
    #[serde(rename = "@timestamp")]
    timestamp: String,
    event: Alert,
    rule: Rule,
    message: String,
    #[serde(flatten)]
    body: Body<'a>,
    offport: Offport,
}

#[derive(Debug, Serialize)]
struct Alert {
    kind: &'static str,
    category: [&'static str; 2],
    dataset: &'static str,
    /// `flagged` or `flagged_flow_end`.
    action: &'static str,
    /// Why the flow ended; only in `flagged_flow_end`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// 0-100.
    severity: u8,
    start: String,
    end: String,
    /// Nanoseconds.
    duration: u64,
}

#[derive(Debug, Serialize)]
struct Rule {
    name: String,
}

/// The first payload of both sides.
#[derive(Debug, Serialize)]
pub(super) struct Payload {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<Bytes>,
}

/// Where the packets are.
#[derive(Debug, Serialize)]
pub(super) struct Evidence {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    id: String,
}

#[derive(Debug, Serialize)]
struct Bytes {
    base64: String,
    printable: String,
    /// Bits per byte.
    entropy: f64,
}

impl<'a> EventDocument<'a> {
    pub(super) fn new(names: &'a Formatter, event: &Event, description: &Description) -> Self {
        let record = &event.record;
        let mut offport = Offport::new(record, description);
        offport.payload =
            Some(Payload { client: Bytes::new(&event.client), server: Bytes::new(&event.server) });
        offport.evidence = names
            .evidence
            .as_ref()
            .map(|kept| Evidence { file: kept.file.clone(), id: record.id().to_string() });
        offport.repeats = (event.repeats > 0).then_some(event.repeats);
        let judgement = record.judgement;
        Self {
            timestamp: text::time(record.end),
            event: Alert {
                kind: "alert",
                category: ["network", "intrusion_detection"],
                dataset: "offport.event",
                action: match event.phase {
                    EventPhase::Flagged => "flagged",
                    EventPhase::Ended => "flagged_flow_end",
                },
                reason: (event.phase == EventPhase::Ended).then(|| record.reason.name()),
                severity: judgement.map_or(0, |judgement| score(judgement.severity)),
                start: text::time(record.start),
                end: text::time(record.end),
                duration: u64::try_from(record.end.since(record.start).as_nanos()).unwrap_or(u64::MAX),
            },
            rule: Rule {
                name: judgement
                    .and_then(|judgement| judgement.rule)
                    .and_then(|rule| names.rules.get(usize::from(rule.0)).cloned())
                    .unwrap_or_else(|| human::headline(record)),
            },
            message: human::sentence(record),
            body: Body::new(names, record, description),
            offport,
        }
    }
}

/// `event.severity`: the middle of each fifth of 0-100.
const fn score(severity: Severity) -> u8 {
    match severity {
        Severity::None => 0,
        Severity::Info => 10,
        Severity::Low => 30,
        Severity::Medium => 60,
        Severity::High => 90,
    }
}

impl Bytes {
    fn new(head: &Head) -> Option<Self> {
        let bytes = head.as_slice();
        let shown = &bytes[..bytes.len().min(SHOWN)];
        (!shown.is_empty()).then(|| Self {
            base64: base64::engine::general_purpose::STANDARD.encode(shown),
            printable: text::printable(shown),
            entropy: text::entropy(bytes),
        })
    }
}
