//! The port table against labelled captures: with perfect identification, no port's own protocol raises an alarm.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout, reason = "helpers of tests")]

use std::path::PathBuf;
use std::{env, fs};

use offport_fingerprint::{Proof, Protocol, Speaker};
use offport_policy::{Facts, Policy, Seen, Verdict};
use offport_wire::{Timestamp, Transport};

/// The labels, or `None` (said aloud) where the captures are not.
fn labels() -> Option<String> {
    let folder = env::var_os("OFFPORT_CORPORA")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"));
    let labels = fs::read_to_string(folder.join("labels.tsv")).ok();
    if labels.is_none() {
        let required = env::var("OFFPORT_REQUIRE").is_ok_and(|list| list.contains("corpora"));
        assert!(!required, "labels.tsv is missing from {}", folder.display());
        eprintln!("SKIPPED: no labels.tsv in {}", folder.display());
    }
    labels
}

struct Row<'a> {
    fields: Vec<&'a str>,
    columns: &'a [&'a str],
}

impl<'a> Row<'a> {
    fn get(&self, column: &str) -> &'a str {
        let index = self.columns.iter().position(|name| *name == column).unwrap();
        self.fields[index]
    }

    /// Ground truth: agreed on, not fuzzed, with payload.
    fn is_truth(&self) -> bool {
        let payload = |column| self.get(column).parse::<u64>().unwrap() > 0;
        matches!(self.get("status"), "agree" | "majority")
            && self.get("fuzz") == "0"
            && (payload("bytes_cs") || payload("bytes_sc"))
    }

    fn facts(&self) -> Option<Facts> {
        let transport = [Transport::TCP, Transport::UDP, Transport::SCTP];
        let number = |column| self.get(column).parse().unwrap();
        Some(Facts {
            transport: transport
                .into_iter()
                .find(|transport| transport.name() == Some(self.get("transport")))?,
            client: self.get("client_ip").parse().unwrap(),
            client_port: number("client_port"),
            server: self.get("server_ip").parse().unwrap(),
            server_port: number("server_port"),
            seen: match Protocol::from_name(self.get("label")) {
                Some(protocol) => Seen::Identified(protocol, Proof::Structure),
                None => Seen::NotRecognised,
            },
            first: Speaker::Client,
            midstream: false,
            subflow: false,
            client_payload: 100,
            server_payload: 100,
            time: Timestamp::ZERO,
        })
    }
}

#[test]
fn no_labelled_flow_on_its_own_port_raises_an_alarm() {
    let Some(labels) = labels() else { return };
    let mut lines = labels.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let policy = Policy::default();
    let (mut own, mut foreign, mut quiet) = (0, 0, Vec::new());
    let mut alarms = Vec::new();
    for line in lines {
        let row = Row { fields: line.split('\t').collect(), columns: &columns };
        let Some(facts) = row.is_truth().then(|| row.facts()).flatten() else { continue };
        let verdict = policy.judge(&facts).verdict;
        let flow = format!(
            "{} {}/{} {}: {}",
            row.get("label"),
            facts.server_port,
            row.get("transport"),
            row.get("file"),
            verdict.name()
        );
        match row.get("port_class") {
            "std" => {
                own += 1;
                if verdict.is_alarm() || verdict == Verdict::Displaced {
                    alarms.push(flow);
                }
            }
            "foreign" => {
                foreign += 1;
                if !verdict.is_alarm() {
                    quiet.push(flow);
                }
            }
            // A known protocol off its port may land on another's; one that cannot be named must not be accused.
            _ if verdict == Verdict::Unrecognised => alarms.push(flow),
            _ => {}
        }
    }
    println!("{own} flows on their own port; {foreign} on another's, quiet of these: {quiet:#?}");
    assert!(own > 1000, "the labels were not understood");
    assert!(alarms.is_empty(), "{alarms:#?}");
}
