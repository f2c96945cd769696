//! Finds a flow of a capture by its id, with what it was judged on.

use std::path::Path;

use offport_capture::file::Interface;
use offport_engine::{Action, Event, FlowRecord, HandOver, Opening, Output};
use offport_fingerprint::Description;
use offport_flow::{FirstPayload, Flow};
use offport_policy::{Facts, Judgement};
use offport_wire::{FlowId, FlowKey, Timestamp};

use crate::read::{FileReport, Listener, read_capture};
use crate::settings::Settings;

/// Flows that are kept when the id is only a beginning.
const MAX_FOUND: usize = 16;

/// A flow of the capture.
pub(super) struct Found {
    pub(super) flow_id: String,
    pub(super) record: FlowRecord,
    pub(super) interface: Option<String>,
    /// `None`: it has no payload.
    pub(super) judged: Option<Judged>,
}

/// A flow at the moment of its verdict.
pub(super) struct Judged {
    key: (FlowKey, Timestamp),
    pub(super) facts: Facts,
    pub(super) payload_packets: u8,
    pub(super) client: Payload,
    pub(super) server: Payload,
    /// What broke a rule after that.
    pub(super) breach: Option<Breaking>,
    pub(super) description: Description,
}

/// Who broke a rule, and how the message begins.
pub(super) struct Breaking {
    pub(super) speaker: &'static str,
    pub(super) payload: Payload,
}

/// First payload of one side.
pub(super) struct Payload {
    pub(super) bytes: Vec<u8>,
    /// Where each segment or datagram ends.
    pub(super) ends: Vec<u16>,
}

impl Payload {
    fn of(first: &FirstPayload<'_>) -> Self {
        Self { bytes: first.bytes.to_vec(), ends: first.ends.to_vec() }
    }
}

/// The flows whose id starts with `wanted`, and what became of the capture.
pub(super) fn find(
    path: &Path,
    wanted: &str,
    settings: &Settings,
) -> anyhow::Result<(Vec<Found>, FileReport)> {
    let mut finder = Finder {
        wanted: wanted.to_ascii_lowercase(),
        open: Vec::new(),
        found: Vec::new(),
        interfaces: Vec::new(),
    };
    let report = read_capture(path, settings, &mut finder, |_| {})?;
    Ok((finder.found, report))
}

struct Finder {
    wanted: String,
    /// Judged and not yet over.
    open: Vec<Judged>,
    found: Vec<Found>,
    interfaces: Vec<Option<String>>,
}

impl Finder {
    fn wants(&self, flow: &Flow<'_>) -> bool {
        FlowId::new(flow.start, &flow.key).to_string().starts_with(&self.wanted)
    }
}

impl Output for Finder {
    fn record(&mut self, record: &FlowRecord) {
        if record.action != Action::End {
            return;
        }
        let flow_id = record.id().to_string();
        if !flow_id.starts_with(&self.wanted) || self.found.len() >= MAX_FOUND {
            return;
        }
        let (client, server) =
            ((record.client.ip, record.client.port), (record.server.ip, record.server.port));
        let place = self.open.iter().position(|judged| {
            let (key, start) = &judged.key;
            let ends = (key.low(), key.high());
            *start == record.start
                && key.transport() == record.transport
                && key.domain() == record.domain
                && (ends == (client, server) || ends == (server, client))
        });
        let judged = place.map(|place| self.open.swap_remove(place));
        let interface = self.interfaces.get(usize::from(record.interface)).cloned().flatten();
        self.found.push(Found { flow_id, record: *record, interface, judged });
    }

    fn event(&mut self, _: &Event) {}

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        false
    }

    fn settled(&mut self, flow: &Flow<'_>, facts: &Facts, _: &Judgement) {
        let key = (flow.key, flow.start);
        if self.open.len() < MAX_FOUND && self.wants(flow) {
            self.open.push(Judged {
                key,
                facts: *facts,
                payload_packets: flow.payload_packets,
                client: Payload::of(&flow.client.first),
                server: Payload::of(&flow.server.first),
                breach: None,
                description: Opening::of(flow, facts.seen)
                    .map_or(Description::NONE, |opening| opening.describe()),
            });
        }
    }

    fn found_out(&mut self, flow: &Flow<'_>, facts: &Facts, _: &Judgement) {
        let key = (flow.key, flow.start);
        if let Some(judged) = self.open.iter_mut().find(|judged| judged.key == key) {
            judged.facts = *facts;
            judged.breach = Some(match flow.client.first.bytes {
                [] => Breaking { speaker: "server", payload: Payload::of(&flow.server.first) },
                _ => Breaking { speaker: "client", payload: Payload::of(&flow.client.first) },
            });
        }
    }
}

impl Listener for Finder {
    fn interfaces(&mut self, interfaces: &[Interface]) {
        self.interfaces = interfaces.iter().map(|interface| interface.name.clone()).collect();
    }

    fn check(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
