//! Adds up records and reports.

use offport_engine::{Action, Counters, FlowRecord};
use offport_fingerprint::Protocol;
use offport_flow::Flow;
use offport_policy::{Judgement, Severity};
use offport_telemetry::ecs::rfc3339;
use offport_wire::{Drop, Timestamp};

use super::document::{
    Document, DroppedPackets, Flows, ProtocolRow, Unreadable, Unsupported, Verdicts, WarningRow,
};
use super::flagged::FlaggedFlows;
use super::hosts::Hosts;
use crate::exit::Exit;
use crate::read::FileReport;

/// What is known so far. Memory is bounded, but for what is said of captures that cannot be read.
#[derive(Debug)]
pub struct Tally {
    floor: Severity,
    files: u64,
    files_read: u64,
    /// Captures that gave at least one packet, or have none.
    files_useful: u64,
    span: Option<(Timestamp, Timestamp)>,
    packets: u64,
    passed_over: u64,
    interface_unknown: u64,
    counters: Counters,
    flows: Flows,
    verdicts: Verdicts,
    protocols: [Flows; Protocol::COUNT],
    not_recognised: Flows,
    hosts: Hosts,
    flagged: FlaggedFlows,
    unreadable: Vec<Unreadable>,
    unsupported: Vec<Unsupported>,
    warnings: Vec<WarningRow>,
}

impl Tally {
    /// Nothing yet; flows of severity `floor` and above count as flagged.
    pub fn new(floor: Severity) -> Self {
        Self {
            floor,
            files: 0,
            files_read: 0,
            files_useful: 0,
            span: None,
            packets: 0,
            passed_over: 0,
            interface_unknown: 0,
            counters: Counters::default(),
            flows: Flows::default(),
            verdicts: Verdicts::default(),
            protocols: [Flows::default(); Protocol::COUNT],
            not_recognised: Flows::default(),
            hosts: Hosts::default(),
            flagged: FlaggedFlows::default(),
            unreadable: Vec::new(),
            unsupported: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// A flow of a capture was judged.
    pub fn settled(&mut self, flow: &Flow<'_>, judgement: &Judgement) {
        if self.is_flagged(judgement) {
            self.flagged.judged(flow);
        }
    }

    /// A record was written. Those of active timeouts are followed by another, with the totals.
    pub fn record(&mut self, record: &FlowRecord, path: &str) {
        if record.action != Action::End {
            return;
        }
        let (up, down) = (record.client.bytes, record.server.bytes);
        self.flows.add(up, down);
        let flagged = record.judgement.is_some_and(|judgement| self.is_flagged(&judgement));
        self.hosts.flow(record, flagged);
        let Some(judgement) = record.judgement else {
            self.verdicts.no_payload.add(up, down);
            return;
        };
        if let Some(flows) = self.verdicts.judged.get_mut(judgement.verdict.index()) {
            flows.add(up, down);
        }
        match record.protocol.and_then(|(protocol, _)| self.protocols.get_mut(protocol.index())) {
            Some(flows) => flows.add(up, down),
            None => self.not_recognised.add(up, down),
        }
        if flagged {
            self.flagged.ended(record, &judgement, path);
        }
    }

    /// A capture is done with.
    pub fn file(&mut self, report: FileReport) {
        let path = report.path.to_string_lossy().into_owned();
        self.files += 1;
        let all_unsupported = report.is_all_unsupported();
        self.files_read += u64::from(report.error.is_none() && !all_unsupported);
        let nothing = report.counts.delivered == 0 && report.error.is_some() || all_unsupported;
        self.files_useful += u64::from(!nothing);
        if let Some((first, last)) = report.span {
            let (start, end) = self.span.unwrap_or((first, last));
            self.span = Some((start.min(first), end.max(last)));
        }
        self.packets += report.counts.records;
        self.passed_over += report.counts.unsupported;
        self.interface_unknown += report.counts.without_interface;
        self.counters += &report.counters;
        if let Some(error) = report.error {
            let packets = report.counts.delivered;
            let (offset, error) = (error.offset(), error.to_string());
            self.unreadable.push(Unreadable { path: path.clone(), error, offset, packets });
        }
        let first = self.unsupported.len();
        for link in report.unsupported {
            let same = self.unsupported[first..].iter_mut().find(|other| other.link_type == link.code);
            match same {
                Some(row) => row.packets += link.packets,
                None => self.unsupported.push(Unsupported {
                    path: path.clone(),
                    link_type: link.code,
                    name: link.name,
                    packets: link.packets,
                }),
            }
        }
        let warnings = report
            .warnings
            .iter()
            .map(|warning| WarningRow { path: path.clone(), warning: warning.to_string() });
        self.warnings.extend(warnings);
    }

    /// How to end.
    pub fn exit(&self) -> Exit {
        match () {
            () if self.files_useful == 0 => Exit::Failed,
            () if self.files_read < self.files => Exit::Partial,
            () if self.flagged.total > 0 => Exit::Flagged,
            () => Exit::Clean,
        }
    }

    /// The summary, with lists of `top` rows.
    pub fn into_document(self, top: usize) -> Document {
        let dropped = self.dropped();
        let limits = self.limits();
        let mut protocols: Vec<ProtocolRow> = (0..)
            .map(|index| Protocol::from_index(index).map(Protocol::name))
            .zip(self.protocols)
            .chain([(None, self.not_recognised)])
            .filter(|(_, flows)| flows.flows > 0)
            .map(|(protocol, flows)| ProtocolRow { protocol, flows })
            .collect();
        protocols.sort_by_key(|row| std::cmp::Reverse((row.flows.bytes(), row.flows.flows)));
        let flagged_omitted = self.flagged.total - self.flagged.list.len() as u64;
        Document {
            offport: env!("CARGO_PKG_VERSION"),
            files: self.files,
            files_read: self.files_read,
            start: self.span.map(|(start, _)| rfc3339(start)),
            end: self.span.map(|(_, end)| rfc3339(end)),
            packets: self.packets,
            bytes: self.counters.received_bytes,
            processed: self.counters.processed,
            dropped,
            flows: self.flows.flows,
            flagged_flows: self.flagged.total,
            verdicts: self.verdicts,
            protocols,
            talkers: self.hosts.into_talkers(top),
            flagged: self.flagged.into_sorted(),
            flagged_omitted,
            unreadable: self.unreadable,
            unsupported: self.unsupported,
            warnings: self.warnings,
            limits,
        }
    }

    fn is_flagged(&self, judgement: &Judgement) -> bool {
        judgement.severity >= self.floor && judgement.severity > Severity::None
    }

    fn dropped(&self) -> DroppedPackets {
        let counters = &self.counters;
        let engine = Drop::ALL.iter().zip(counters.dropped).map(|(&reason, packets)| match reason {
            Drop::LinkUnsupported => (reason.label(), packets + self.passed_over),
            _ => (reason.label(), packets),
        });
        let own = [
            ("fragment_incomplete", counters.held),
            ("table_full", counters.table_full),
            ("interface_unknown", self.interface_unknown),
        ];
        DroppedPackets(engine.chain(own).filter(|&(_, packets)| packets > 0).collect())
    }

    fn limits(&self) -> Vec<(&'static str, u64)> {
        let flow = &self.counters.flow;
        let reached = [
            ("flows_evicted", flow.ended_evicted),
            ("flows_refused", flow.refused),
            ("undecided", flow.undecided_limit),
            ("flagged_payload", flow.heads_limit),
            ("extras", flow.extras_limit),
            ("paths", flow.paths_limit),
            ("watched", self.counters.watch_limit),
            ("data_ports", self.counters.data_ports_limit),
            ("outcomes", self.counters.outcomes_limit),
            ("suppression", self.counters.suppress_limit),
        ];
        reached.into_iter().filter(|&(_, count)| count > 0).collect()
    }
}
