//! Every labelled capture: read without panic, every packet and every flow accounted for.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use offport_analyst::read::{Listener, Settings, read_capture};
use offport_analyst::summary::Tally;
use offport_capture::file::Interface;
use offport_engine::{Action, DECIDED_AFTER_BOUNDS, Event, FlowRecord, HandOver, Opening, Output};
use offport_fingerprint::{Description, Field, Protocol};
use offport_flow::Flow;
use offport_policy::{Facts, Judgement};
use offport_telemetry::Descriptions;
use offport_telemetry::ecs::Formatter;

/// The captures, or nothing (said aloud) where they are not.
fn captures() -> Vec<PathBuf> {
    let folder = env::var_os("OFFPORT_CORPORA")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"))
        .join("captures");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    if files.is_empty() {
        let required = env::var("OFFPORT_REQUIRE").is_ok_and(|list| list.contains("corpora"));
        assert!(!required, "no captures in {}", folder.display());
        eprintln!("SKIPPED: no captures in {}", folder.display());
    }
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

struct Check<'a> {
    tally: &'a mut Tally,
    ended: u64,
    judged: u64,
    with_verdict: u64,
    packets: u64,
    formatter: Formatter,
    descriptions: Descriptions,
    line: Vec<u8>,
    said: &'a mut Said,
}

/// Flows, from their start on, of the protocols that are read most, and those of them whose main fields are told.
#[derive(Default)]
struct Said([(u32, u32); MAIN.len()]);

/// Protocol, its main fields (one is enough), and the share of flows that must have one, in percent. What TLS lacks are
/// hellos of SSL 2 form and those cut before anything is told.
const MAIN: &[(Protocol, &[Field], u32)] = &[
    (Protocol::Http, &[Field::HttpMethod, Field::HttpStatus, Field::HttpVersion], 99),
    (Protocol::Tls, &[Field::TlsServerName, Field::TlsClientVersion, Field::TlsCipher], 95),
    (Protocol::Dns, &[Field::DnsQuestionName], 99),
    (Protocol::Quic, &[Field::QuicVersion], 99),
    (Protocol::Ssh, &[Field::SshClient, Field::SshServer], 100),
];

impl Said {
    fn count(&mut self, protocol: Protocol, description: &Description) {
        for ((flows, told), (known, fields, _)) in self.0.iter_mut().zip(MAIN) {
            if *known == protocol {
                *flows += 1;
                *told += u32::from(fields.iter().any(|&field| description.get(field).is_some()));
            }
        }
    }

    fn check(&self) {
        for ((flows, told), (protocol, _, least)) in self.0.iter().zip(MAIN) {
            eprintln!("{protocol}: {told} of {flows} flows are described");
            assert!(*flows >= 40 && told * 100 >= flows * least, "{protocol}: {told} of {flows}");
        }
    }
}

/// By how many payload packets verdicts stood: nearly all by the first.
fn check_decided(decided: &[u64]) {
    let all: u64 = decided.iter().sum();
    for (bound, least) in [(1, 95), (3, 99)] {
        let within: u64 = decided
            .iter()
            .zip(DECIDED_AFTER_BOUNDS)
            .filter(|(_, up_to)| *up_to <= bound)
            .map(|(count, _)| count)
            .sum();
        eprintln!("{within} of {all} verdicts by payload packet {bound}");
        assert!(within * 100 >= all * least, "{within} of {all} by packet {bound}");
    }
}

impl Output for Check<'_> {
    fn record(&mut self, record: &FlowRecord) {
        self.line.clear();
        self.formatter.record(record, self.descriptions.of(record), &mut self.line);
        self.descriptions.written(record);
        assert!(self.line.starts_with(b"{") && self.line.ends_with(b"}"));
        self.tally.record(record, "");
        if record.action == Action::End {
            self.ended += 1;
            self.with_verdict += u64::from(record.judgement.is_some());
            self.packets += record.client.packets + record.server.packets;
            let payload = record.client.payload + record.server.payload;
            assert!(record.judgement.is_none() || payload > 0, "a verdict without payload: {record:?}");
        }
    }

    fn event(&mut self, event: &Event) {
        self.line.clear();
        self.formatter.event(event, &self.descriptions.of_event(event), &mut self.line);
        assert!(self.line.starts_with(b"{") && self.line.ends_with(b"}"));
    }

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        unreachable!("there is one worker")
    }

    fn settled(&mut self, flow: &Flow<'_>, facts: &Facts, judgement: &Judgement) {
        self.judged += 1;
        if let Some(opening) = Opening::of(flow, facts.seen) {
            let description = opening.describe();
            if !flow.midstream {
                self.said.count(opening.protocol, &description);
            }
            self.descriptions.insert(opening.flow, description);
        }
        self.tally.settled(flow, judgement);
    }

    fn found_out(&mut self, flow: &Flow<'_>, _: &Facts, judgement: &Judgement) {
        self.tally.settled(flow, judgement);
    }
}

impl Listener for Check<'_> {
    fn interfaces(&mut self, _: &[Interface]) {}

    fn check(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

#[test]
fn every_packet_and_every_flow_is_accounted_for() {
    let captures = captures();
    let settings = Settings::load(None).unwrap();
    let mut tally = Tally::new(settings.floor());
    let mut said = Said::default();
    let mut decided = [0; DECIDED_AFTER_BOUNDS.len() + 1];
    for path in &captures {
        let mut check = Check {
            tally: &mut tally,
            ended: 0,
            judged: 0,
            with_verdict: 0,
            packets: 0,
            formatter: Formatter::default(),
            descriptions: Descriptions::new(usize::MAX),
            line: Vec::new(),
            said: &mut said,
        };
        let report = read_capture(path, &settings, &mut check, |_| {}).unwrap();
        let name = path.display();
        assert!(check.descriptions.is_empty(), "{name}: a description ends with its flow");
        let counters = &report.counters;
        assert!(report.is_balanced(), "{name}");
        assert_eq!(counters.flow.created, check.ended, "{name}: each flow ends once");
        assert_eq!(check.judged, check.with_verdict, "{name}: each verdict is in a record");
        let errors = counters.flow.icmp_matched + counters.flow.icmp_unmatched;
        assert_eq!(counters.processed, check.packets + errors, "{name}: packets of records");
        for (sum, count) in decided.iter_mut().zip(&counters.decided_after) {
            *sum += count;
        }
        tally.file(report);
    }
    if captures.is_empty() {
        return;
    }
    said.check();
    check_decided(&decided);
    let document = tally.into_document(10);
    assert_eq!(document.files, captures.len() as u64);
    assert_eq!(document.packets, document.processed + document.dropped.total());
    let verdicts = document.verdicts.judged.iter().map(|flows| flows.flows).sum::<u64>();
    assert_eq!(document.flows, verdicts + document.verdicts.no_payload.flows);
    eprintln!("{} captures, {} packets, {} flows", document.files, document.packets, document.flows);
}
