//! What Alertmanager is told of flagged flows, and when.
//!
//! An alert is named by its labels: who, to whom, on which port, and what is wrong. Flows that agree in them share one. It
//! fires when a flow is flagged, is kept alive by the flow's interim records, and is over with its last record.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use offport_engine::{Action, Event, EventPhase, FlowName, FlowRecord};
use serde::{Deserialize, Serialize};

use super::message::{Kind, Message};
use crate::ecs::{rfc3339, write_json};
use crate::human;

/// The label `alertname`.
const NAME: &str = "OffportFlow";
/// Flagged flows whose end is waited for (1 KB each). Beyond, alerts end by themselves, some time after they were last heard of.
const OPEN: usize = 8192;
/// From so many on, those of which nothing is heard any more are looked for.
const SWEEP: usize = 256;
/// What `generator_url` has in place of the flow's id.
const FLOW_ID: &str = "{flow_id}";

/// An alert, as it waits in the spool.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Alert {
    /// Its name.
    pub(super) labels: BTreeMap<String, String>,
    /// What people read.
    pub(super) annotations: BTreeMap<String, String>,
    /// When the flow was flagged, RFC 3339.
    pub(super) starts: String,
    /// `generatorURL`.
    pub(super) url: Option<String>,
    /// The flow.
    pub(super) flow: String,
}

/// The flagged flows that are not over.
#[derive(Debug)]
pub struct Alerts {
    sensor: Option<String>,
    generator_url: Option<String>,
    /// With when each was last heard of.
    open: HashMap<FlowName, (Instant, Alert)>,
    hold: Duration,
    /// How many there may be until the next look.
    sweep: usize,
    number: u64,
}

impl Alerts {
    /// `generator_url`: where people find out more; `{flow_id}` in it stands for the flow's id. A flow of which nothing is
    /// heard for `hold` is forgotten.
    pub fn new(sensor: Option<String>, generator_url: Option<String>, hold: Duration) -> Self {
        Self { sensor, generator_url, open: HashMap::new(), hold, sweep: SWEEP, number: 0 }
    }

    /// What an event gives reason to send: the alert; before it, the end of one that the same flow had under other labels.
    pub fn event(&mut self, event: &Event) -> Vec<Message> {
        let alert = self.alert(&event.record);
        let name = event.record.flow();
        let before = name.and_then(|name| self.open.remove(&name)).map(|(_, alert)| alert);
        if event.phase == EventPhase::Ended {
            return vec![self.message(Kind::Resolved, &before.unwrap_or(alert))];
        }
        let mut messages = Vec::new();
        if let Some(before) = before.filter(|before| before.labels != alert.labels) {
            messages.push(self.message(Kind::Resolved, &before));
        }
        messages.push(self.message(Kind::Firing, &alert));
        if let Some(name) = name
            && self.has_room()
        {
            self.open.insert(name, (Instant::now(), alert));
        }
        messages
    }

    /// What a flow record gives reason to send: its flow goes on, or is over. Of flows that are not flagged, nothing.
    pub fn record(&mut self, record: &FlowRecord) -> Option<Message> {
        // Nearly always.
        if self.open.is_empty() {
            return None;
        }
        let name = record.flow()?;
        match record.action {
            Action::End => {
                let (_, alert) = self.open.remove(&name)?;
                Some(self.message(Kind::Resolved, &alert))
            }
            Action::Interim => {
                let (heard, flagged) = self.open.get_mut(&name)?;
                *heard = Instant::now();
                let (labels, starts) = (flagged.labels.clone(), flagged.starts.clone());
                let alert = Alert { labels, starts, ..self.alert(record) };
                Some(self.message(Kind::Firing, &alert))
            }
        }
    }

    /// Suppressed repeats are flagged when they may be over already, so the end of some never comes: they are forgotten.
    fn has_room(&mut self) -> bool {
        if self.open.len() >= self.sweep {
            let (now, hold) = (Instant::now(), self.hold);
            self.open.retain(|_, (heard, _)| now.duration_since(*heard) < hold);
            self.sweep = (2 * self.open.len()).clamp(SWEEP, OPEN);
        }
        self.open.len() < OPEN
    }

    fn alert(&self, record: &FlowRecord) -> Alert {
        let flow = record.id().to_string();
        let port = record.transport.has_ports().then(|| record.server.port.to_string());
        let judgement = record.judgement;
        let labels = [
            ("alertname", Some(NAME.to_owned())),
            ("source", Some(record.client.ip.to_string())),
            ("destination", Some(record.server.ip.to_string())),
            ("port", port),
            ("transport", record.transport.name().map(str::to_owned)),
            ("protocol", record.protocol.map(|(protocol, _)| protocol.name().to_owned())),
            ("verdict", judgement.map(|judgement| judgement.verdict.name().to_owned())),
            ("severity", judgement.map(|judgement| judgement.severity.name().to_owned())),
            ("sensor", self.sensor.clone()),
        ];
        let reasons: Vec<_> = judgement
            .iter()
            .flat_map(|judgement| judgement.reasons.iter())
            .map(|reason| reason.name())
            .collect();
        let annotations = [
            ("summary", human::headline(record)),
            ("description", human::sentence(record)),
            ("flow_id", flow.clone()),
            ("reasons", reasons.join(", ")),
        ];
        Alert {
            labels: labels
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .filter(|(_, value)| !value.is_empty())
                .collect(),
            annotations: annotations
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            starts: rfc3339(record.end),
            url: self.generator_url.as_ref().map(|url| url.replace(FLOW_ID, &flow)),
            flow,
        }
    }

    fn message(&mut self, kind: Kind, alert: &Alert) -> Message {
        self.number += 1;
        let mut body = Vec::new();
        write_json(alert, &mut body);
        Message::new(kind, format!("{}-{}", alert.flow, self.number), body)
    }
}

#[cfg(test)]
mod tests;
