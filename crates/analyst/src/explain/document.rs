//! What `offport explain --json` prints.

use std::path::Path;

use offport_engine::FlowRecord;
use offport_fingerprint::{Description, Speaker};
use offport_policy::{Explanation, Facts, Seen};
use offport_telemetry::ecs::{Formatter, printable, rfc3339};
use serde::{Serialize, Serializer};

use super::find::{Found, Payload};
use super::words;
use crate::settings::Settings;
use crate::summary::End;

/// Why a flow got its verdict: one JSON object on one line. A contract with scripts, as `summary::Document`.
#[derive(Serialize)]
pub(super) struct Document {
    /// `offport.flow_id`; absent for a flow that does not exist, as all down to `payload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flow_id: Option<String>,
    /// The capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// Its flow record, as `offport read --flows` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<serde_json::Value>,
    /// The first payload of both sides when the verdict was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<Payloads>,
    /// What the verdict stands on; absent: the flow has no payload, so it has no verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) judged: Option<Verdict>,
    #[serde(skip)]
    pub(super) of: Option<FlowRecord>,
    /// Part of `record`.
    #[serde(skip)]
    pub(super) description: Description,
}

/// First payloads.
#[derive(Serialize)]
pub(super) struct Payloads {
    /// Payload packets of both sides until the verdict.
    pub(super) packets: u8,
    #[serde(serialize_with = "payload")]
    pub(super) client: Payload,
    #[serde(serialize_with = "payload")]
    pub(super) server: Payload,
    /// The message that broke a rule after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) breach: Option<Breach>,
}

/// A message that broke a rule.
#[derive(Serialize)]
pub(super) struct Breach {
    /// `client` or `server`.
    pub(super) speaker: &'static str,
    #[serde(flatten, serialize_with = "payload")]
    pub(super) payload: Payload,
}

/// The facts, the steps, the verdict.
#[derive(Serialize)]
pub(super) struct Verdict {
    pub(super) transport: &'static str,
    pub(super) client: End,
    pub(super) server: End,
    /// Payload bytes until the verdict.
    pub(super) client_payload: u64,
    /// Payload bytes until the verdict.
    pub(super) server_payload: u64,
    /// `client` or `server`.
    pub(super) first_speaker: &'static str,
    pub(super) midstream: bool,
    /// Absent: none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) subflow: bool,
    /// When the verdict was given.
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    /// What identification came to, in words.
    pub(super) seen: String,
    /// In the order in which they were taken.
    pub(super) steps: Vec<Step>,
    pub(super) verdict: &'static str,
    pub(super) severity: &'static str,
    pub(super) reasons: Vec<Reason>,
    /// What the port is reserved for.
    expected: Vec<&'static str>,
    /// The rule that decided, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
}

/// A step to the verdict.
#[derive(Serialize)]
pub(super) struct Step {
    pub(super) topic: &'static str,
    pub(super) text: String,
}

/// A code of `offport.reasons` and its meaning.
#[derive(Serialize)]
pub(super) struct Reason {
    pub(super) code: &'static str,
    pub(super) text: &'static str,
}

impl Document {
    pub(super) fn of_flow(found: &Found, path: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let path = path.to_string_lossy().into_owned();
        let mut formatter =
            Formatter { log_file: Some(path.clone()), rules: settings.rules.clone(), ..Formatter::default() };
        let mut record = found.record;
        if let Some(name) = &found.interface {
            formatter.interfaces = vec![name.clone()];
            record.interface = 0;
        }
        let mut line = Vec::new();
        let description =
            found.judged.as_ref().map_or(Description::NONE, |judged| judged.description.clone());
        formatter.record(&record, &description, &mut line);
        let copy = |payload: &Payload| Payload { bytes: payload.bytes.clone(), ends: payload.ends.clone() };
        Ok(Self {
            flow_id: Some(found.flow_id.clone()),
            path: Some(path),
            record: Some(serde_json::from_slice(&line)?),
            payload: found.judged.as_ref().map(|judged| Payloads {
                packets: judged.payload_packets,
                client: copy(&judged.client),
                server: copy(&judged.server),
                breach: judged
                    .breach
                    .as_ref()
                    .map(|breach| Breach { speaker: breach.speaker, payload: copy(&breach.payload) }),
            }),
            judged: found.judged.as_ref().map(|judged| Verdict::new(&judged.facts, settings)),
            of: Some(found.record),
            description,
        })
    }

    pub(super) fn of_facts(facts: &Facts, settings: &Settings) -> Self {
        let judged = Some(Verdict::new(facts, settings));
        let description = Description::NONE;
        Self { flow_id: None, path: None, record: None, payload: None, judged, of: None, description }
    }
}

impl Verdict {
    fn new(facts: &Facts, settings: &Settings) -> Self {
        let Explanation { steps, judgement } = settings.policy.explain(facts);
        let (protocol, proof) = match facts.seen {
            Seen::Identified(protocol, proof) => (Some(protocol.name()), Some(proof.name())),
            _ => (None, None),
        };
        let rule = judgement.rule.map(|rule| settings.policy.rule_name(rule).to_owned());
        Self {
            transport: facts.transport.name().unwrap_or("ip"),
            client: End { ip: facts.client, port: facts.client_port },
            server: End { ip: facts.server, port: facts.server_port },
            client_payload: facts.client_payload,
            server_payload: facts.server_payload,
            first_speaker: match facts.first {
                Speaker::Client => "client",
                Speaker::Server => "server",
            },
            midstream: facts.midstream,
            subflow: facts.subflow,
            time: rfc3339(facts.time),
            protocol,
            proof,
            seen: words::seen(facts.seen),
            steps: steps.into_iter().map(|step| Step { topic: step.topic.name(), text: step.text }).collect(),
            verdict: judgement.verdict.name(),
            severity: judgement.severity.name(),
            reasons: judgement
                .reasons
                .iter()
                .map(|reason| Reason { code: reason.name(), text: words::reason(reason) })
                .collect(),
            expected: judgement.expected.iter().map(|protocol| protocol.name()).collect(),
            rule: rule.filter(|name| !name.is_empty()),
        }
    }
}

fn payload<S: Serializer>(payload: &Payload, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        hex: String,
        printable: String,
        ends: &'a [u16],
    }
    let hex = payload.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Shown { hex, printable: printable(&payload.bytes), ends: &payload.ends }.serialize(serializer)
}
