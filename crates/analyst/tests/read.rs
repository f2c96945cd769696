//! `offport read`, as a user runs it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::Value;
use support::{Bench, Ran, golden, lines, pretty};

#[test]
fn summary_text() {
    let ran = Bench::new().run(&["read", "sample.pcapng"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    golden("golden/summary.txt", &ran.stdout);
}

#[test]
fn summary_json() {
    let ran = Bench::new().run(&["read", "sample.pcapng", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert_eq!(ran.lines().len(), 1);
    let summary = &ran.lines()[0];
    // Text, not a parsed value: the order of keys is part of the contract.
    golden("golden/summary.json", &ran.stdout);
    let dropped: u64 =
        summary["dropped"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(summary["packets"], summary["processed"].as_u64().unwrap() + dropped);
    let judged = summary["verdicts"].as_object().unwrap().values();
    assert_eq!(summary["flows"], judged.map(|flows| flows["flows"].as_u64().unwrap()).sum::<u64>());
}

#[test]
fn flow_records_and_events() {
    let bench = Bench::new();
    let ran =
        bench.run(&["read", "sample.pcapng", "--flows", "flows.jsonl", "--events", "events.jsonl", "-q"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (1, "", ""));
    golden("golden/flows.jsonl", &bench.text("flows.jsonl"));
    golden("golden/events.jsonl", &bench.text("events.jsonl"));
    let flows = lines(&bench.text("flows.jsonl"));
    assert!(flows.iter().all(|flow| flow["log"]["file"]["path"] == "sample.pcapng"));

    let ran = bench.run(&["read", "sample.pcapng", "--events", "eve.jsonl", "--format", "eve", "-q"]);
    assert_eq!(ran.code, 1);
    golden("golden/eve.jsonl", &bench.text("eve.jsonl"));
}

#[test]
fn records_say_what_their_flows_said() {
    let flows = Bench::new().run(&["read", "sample.pcapng", "--flows", "-", "-q"]).lines();
    let of = |protocol: &str| {
        let mut flows = flows.iter().filter(move |flow| flow["network"]["protocol"] == protocol);
        flows.next().unwrap_or_else(|| panic!("no flow of {protocol}")).clone()
    };
    let http = of("http");
    assert_eq!(http["http"]["request"]["method"], "GET");
    assert_eq!((&http["url"]["domain"], &http["url"]["original"]), (&"www.example.com".into(), &"/".into()));
    assert!(http["user_agent"]["original"].is_string());
    let tls = of("tls");
    assert_eq!(tls["tls"]["client"]["server_name"], "www.example.com");
    assert!(tls["offport"]["tls"]["ja4"].as_str().unwrap().starts_with("t13d"), "{tls}");
    let dns = of("dns");
    assert_eq!(dns["dns"]["question"]["name"], "www.example.com");
    assert_eq!(dns["dns"]["question"]["type"], "A");
    assert!(of("ssh")["offport"]["ssh"].is_object());
    assert!(of("ntp")["dns"].is_null());
}

#[test]
fn lines_on_stdout_move_the_summary_to_stderr() {
    let bench = Bench::new();
    let ran = bench.run(&["read", "sample.pcapng", "--flows", "-", "--events", "-"]);
    assert_eq!(ran.code, 1);
    let datasets: Vec<Value> = ran.lines().iter().map(|line| line["event"]["dataset"].clone()).collect();
    assert!(
        datasets.iter().any(|name| name == "offport.flow")
            && datasets.iter().any(|name| name == "offport.event")
    );
    assert!(ran.stderr.contains("3 flows flagged"), "{}", ran.stderr);
    let ran = bench.run(&["read", "sample.pcapng", "--flows", "-", "--json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("give --flows or --events a file"), "{}", ran.stderr);
}

#[test]
fn reads_are_repeatable() {
    let bench = Bench::new();
    let once = bench.run(&["read", "sample.pcapng", "--flows", "-", "-q"]).stdout;
    let twice = bench.run(&["read", "sample.pcapng", "sample.pcapng", "--flows", "-", "-q"]).stdout;
    assert_eq!(twice, once.repeat(2));
}

#[test]
fn exit_codes() {
    let bench = Bench::new();
    let mut clean = Vec::new();
    support::script::scene("udp 10.0.0.1:5000 10.0.0.2:6000\nc \"hello\"").write(&mut clean).unwrap();
    bench.write("clean.pcapng", &clean);
    bench.write("cut.pcapng", &clean[..clean.len() - 3]);
    bench.write("junk", "no capture at all");
    let code = |args: &[&str]| bench.run(args).code;
    assert_eq!(code(&["read", "clean.pcapng"]), 0);
    assert_eq!(code(&["read", "cut.pcapng"]), 0, "a cut last record is a warning");
    assert_eq!(code(&["read", "clean.pcapng", "sample.pcapng"]), 1);
    assert_eq!(code(&["read"]), 2);
    assert_eq!(code(&["read", "clean.pcapng", "--no-such-flag"]), 2);
    assert_eq!(code(&["read", "-", "-"]), 2);
    assert_eq!(code(&["read", "missing.pcap"]), 3);
    assert_eq!(code(&["read", "junk", "."]), 3);
    assert_eq!(code(&["read", "sample.pcapng", "junk"]), 4, "goes before 1");
    assert_eq!(code(&["read", "clean.pcapng", "-q", "--flows", "no/such/folder"]), 3);
    assert_eq!(code(&["--help"]), 0);
    assert_eq!(code(&["--version"]), 0);
    if std::path::Path::new("/dev/full").exists() {
        assert_eq!(code(&["read", "sample.pcapng", "-q", "--flows", "/dev/full"]), 3);
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let bench = Bench::new();
    let ran = bench.run(&["read", "missing.pcap", "sample.pcapng"]);
    let message = "missing.pcap: cannot open: No such file or directory (os error 2): check the spelling; - stands for standard input";
    assert_eq!(ran.stderr, format!("offport: {message}\n"));
    assert!(ran.stdout.contains("1 file could not be read to the end"), "{}", ran.stdout);
    assert!(ran.stdout.contains(message), "{}", ran.stdout);

    // A record that claims more than any capture can hold, after one that is whole.
    let mut pcap = Vec::from(*b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0");
    pcap.extend([0; 8]);
    pcap.extend(*b"\x04\0\0\0\x04\0\0\0\xde\xad\xbe\xef");
    pcap.extend([0xff; 16]);
    bench.write("broken.pcap", &pcap);
    let ran = bench.run(&["read", "broken.pcap", "--json"]);
    assert_eq!(ran.code, 4);
    let row = &ran.lines()[0]["unreadable"][0];
    assert_eq!(
        (&row["path"], &row["offset"], &row["packets"]),
        (&"broken.pcap".into(), &44.into(), &1.into())
    );

    // LINKTYPE_IEEE802_15_4_WITHFCS.
    pcap[20] = 195;
    bench.write("radio.pcap", &pcap[..44]);
    let ran = bench.run(&["read", "radio.pcap", "sample.pcapng", "--json"]);
    assert_eq!(ran.code, 4, "nothing of radio.pcap could be read");
    let summary = &ran.lines()[0];
    assert_eq!(summary["unsupported"][0]["link_type"], 195);
    assert_eq!(summary["dropped"]["link_unsupported"], 1);
    assert_eq!(bench.run(&["read", "radio.pcap"]).code, 3);
}

#[test]
fn names_separated_by_nul() {
    let bench = Bench::new();
    bench.write("odd name\n.pcapng", std::fs::read(bench.path("sample.pcapng")).unwrap());
    bench.write("list", "sample.pcapng\0odd name\n.pcapng\0");
    let ran = bench.run(&["read", "--files0-from", "list", "--json"]);
    assert_eq!(ran.lines()[0]["files_read"], 2);
    let mut command = bench.command(&["read", "--files0-from", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"sample.pcapng\0").unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &ran.lines()[0]["files_read"]), (1, &1.into()));
    bench.write("empty", "");
    assert_eq!(bench.run(&["read", "--files0-from", "empty"]).code, 2);
}

#[test]
fn standard_input_is_a_capture() {
    let bench = Bench::new();
    let mut command = bench.command(&["read", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(bench.path("sample.pcapng")).unwrap()).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &ran.lines()[0]["flagged_flows"]), (1, &3.into()));
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let bench = Bench::new();
    // Far more than a pipe holds.
    let names = vec!["sample.pcapng"; 200];
    let args = [&["read", "--flows", "-", "--quiet"], names.as_slice()].concat();
    let mut child = bench.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('{'));
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
fn text_fits_and_has_no_colour_in_a_pipe() {
    let bench = Bench::new();
    for columns in ["50", "72", "120"] {
        let ran =
            Ran::of(bench.command(&["read", "sample.pcapng"]).env("COLUMNS", columns).output().unwrap());
        let width = columns.parse().unwrap();
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= width), "{}", ran.stdout);
        assert!(!ran.stdout.contains('\x1b'));
    }
    let ran = Ran::of(bench.command(&["read", "sample.pcapng"]).env("NO_COLOR", "1").output().unwrap());
    assert!(!ran.stdout.contains('\x1b'));
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let bench = Bench::new();
    let ran = bench.run(&["read", "\x1b[2Jmissing.pcap"]);
    assert!(!(ran.stdout + &ran.stderr).contains('\x1b'));
}

#[test]
fn configuration() {
    let bench = Bench::new();
    bench.write("quiet.toml", "[events]\nmin_severity = \"high\"\n[policy]\nhome_networks = []\n[policy.severity]\nmismatch = \"low\"\nunrecognised = \"low\"\n");
    let ran = bench.run(&["read", "sample.pcapng", "-c", "quiet.toml", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", pretty(&ran.lines()[0]["flagged"]));
    bench.write("wrong.toml", "[events]\nmin_severty = \"high\"\n");
    let ran = bench.run(&["read", "sample.pcapng", "-c", "wrong.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    assert!(ran.stderr.starts_with("offport: wrong.toml:2:1: error: events.min_severty: "), "{}", ran.stderr);
}
