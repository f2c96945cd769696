//! Every labelled capture: read without panic, every packet and every flow accounted for.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use offport_analyst::read::{Listener, Settings, read_capture};
use offport_analyst::summary::Tally;
use offport_capture::file::Interface;
use offport_engine::{Action, Event, FlowRecord, HandOver, Output};
use offport_flow::Flow;
use offport_policy::{Facts, Judgement};
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
    line: Vec<u8>,
}

impl Output for Check<'_> {
    fn record(&mut self, record: &FlowRecord) {
        self.line.clear();
        self.formatter.record(record, &mut self.line);
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
        self.formatter.event(event, &mut self.line);
        assert!(self.line.starts_with(b"{") && self.line.ends_with(b"}"));
    }

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        unreachable!("there is one worker")
    }

    fn settled(&mut self, flow: &Flow<'_>, _: &Facts, judgement: &Judgement) {
        self.judged += 1;
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
    for path in &captures {
        let mut check = Check {
            tally: &mut tally,
            ended: 0,
            judged: 0,
            with_verdict: 0,
            packets: 0,
            formatter: Formatter::default(),
            line: Vec::new(),
        };
        let report = read_capture(path, &settings, &mut check, |_| {}).unwrap();
        let name = path.display();
        let counters = &report.counters;
        assert!(report.is_balanced(), "{name}");
        assert_eq!(counters.flow.created, check.ended, "{name}: each flow ends once");
        assert_eq!(check.judged, check.with_verdict, "{name}: each verdict is in a record");
        let errors = counters.flow.icmp_matched + counters.flow.icmp_unmatched;
        assert_eq!(counters.processed, check.packets + errors, "{name}: packets of records");
        tally.file(report);
    }
    if captures.is_empty() {
        return;
    }
    let document = tally.into_document(10);
    assert_eq!(document.files, captures.len() as u64);
    assert_eq!(document.packets, document.processed + document.dropped.total());
    let verdicts = document.verdicts.judged.iter().map(|flows| flows.flows).sum::<u64>();
    assert_eq!(document.flows, verdicts + document.verdicts.no_payload.flows);
    eprintln!("{} captures, {} packets, {} flows", document.files, document.packets, document.flows);
}
