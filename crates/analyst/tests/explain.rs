//! `offport explain`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{Bench, golden};

/// The flow ids of the incidents, in order of time.
fn incidents(bench: &Bench) -> Vec<String> {
    let summary = bench.run(&["read", "sample.pcapng", "--json"]).lines().remove(0);
    let flagged = summary["flagged"].as_array().unwrap().iter();
    flagged.map(|flow| flow["flow_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn flows_of_a_capture() {
    let bench = Bench::new();
    for (id, golden_file) in incidents(&bench).iter().zip(["raw_on_80", "ssh_on_443", "random_on_53"]) {
        let ran = bench.run(&["explain", "sample.pcapng", id]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        golden(&format!("golden/explain_{golden_file}.txt"), &ran.stdout);
    }
}

#[test]
fn every_flow_can_be_explained() {
    let bench = Bench::new();
    for flow in bench.run(&["read", "sample.pcapng", "--flows", "-", "-q"]).lines() {
        let id = flow["offport"]["flow_id"].as_str().unwrap();
        let ran = bench.run(&["explain", "sample.pcapng", id, "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let document = &ran.lines()[0];
        assert_eq!(document["record"], flow);
        // What explains agrees with what judged.
        assert_eq!(document["judged"]["verdict"], flow["offport"]["verdict"], "{document}");
        if let Some(severity) = flow["offport"]["severity"].as_str() {
            assert_eq!(document["judged"]["severity"], severity);
        }
    }
}

#[test]
fn json() {
    let bench = Bench::new();
    let ran = bench.run(&["explain", "sample.pcapng", &incidents(&bench)[1], "--json"]);
    golden("golden/explain.json", &ran.stdout);
}

#[test]
fn a_beginning_of_an_id_is_enough_if_it_is_the_only_one() {
    let bench = Bench::new();
    let id = &incidents(&bench)[0];
    assert_eq!(bench.run(&["explain", "sample.pcapng", &id[..8].to_uppercase()]).code, 0);
    let ran = bench.run(&["explain", "sample.pcapng", ""]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("is not enough of a flow id"), "{}", ran.stderr);
    let ran = bench.run(&["explain", "sample.pcapng", "ffffffffff"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no flow ffffffffff in it"), "{}", ran.stderr);
    let ran = bench.run(&["explain", "missing.pcap", "ffffffffff"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("check the spelling"), "{}", ran.stderr);
}

#[test]
fn flows_that_do_not_exist() {
    let bench = Bench::new();
    let ends = ["--client", "10.1.2.3", "--server", "192.0.2.7"];
    let explain = |what: &[&str]| bench.run(&[&["explain"], what, &ends].concat());
    let ran = explain(&["--protocol", "ssh", "--port", "443/tcp"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    golden("golden/explain_hypothesis.txt", &ran.stdout);
    let ran = explain(&["--unrecognised", "--port", "80/tcp", "--json"]);
    assert_eq!(ran.lines()[0]["judged"]["verdict"], "unrecognised");
    let ran = explain(&["--unrecognised", "--port", "80/tcp", "--midstream", "--json"]);
    assert_ne!(ran.lines()[0]["judged"]["verdict"], "unrecognised");
    let ran = explain(&["--unrecognised", "--port", "80/tcp", "--subflow", "--json"]);
    let judged = &ran.lines()[0]["judged"];
    assert_eq!((&judged["verdict"], &judged["subflow"]), (&"undecided".into(), &true.into()));
    assert_eq!(judged["reasons"][1]["code"], "subflow");
    assert_eq!(explain(&["--protocol", "shh", "--port", "443/tcp"]).code, 2);
    assert_eq!(explain(&["--protocol", "ssh", "--port", "443"]).code, 2);
    assert_eq!(explain(&["--protocol", "ssh"]).code, 2);
    assert_eq!(bench.run(&["explain"]).code, 2);
}
