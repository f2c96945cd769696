//! The small commands.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::process::Stdio;

use support::{Bench, Ran};

#[test]
fn protocols() {
    let bench = Bench::new();
    let names = bench.run(&["protocols", "--names"]);
    assert_eq!(names.code, 0);
    let names: Vec<&str> = names.stdout.lines().collect();
    assert!(names.len() >= 40 && names.contains(&"http") && names.is_sorted());
    let json = bench.run(&["protocols", "--json"]).lines().remove(0);
    let of_json: Vec<_> =
        json.as_array().unwrap().iter().map(|row| row["protocol"].as_str().unwrap()).collect();
    assert_eq!(of_json, names);
    let dns = json.as_array().unwrap().iter().find(|row| row["protocol"] == "dns").unwrap();
    assert_eq!(dns["transports"], serde_json::json!(["tcp", "udp"]));
    let table = bench.run(&["protocols"]).stdout;
    assert!(names.iter().all(|name| table.contains(name)));
}

#[test]
fn ports_follow_the_configuration() {
    let bench = Bench::new();
    let row = |args: &[&str], port: u64| {
        let table = bench.run(&[&["ports", "--json"], args].concat()).lines().remove(0);
        let covers = |row: &serde_json::Value| {
            row["first"].as_u64() <= Some(port)
                && Some(port) <= row["last"].as_u64()
                && row["transport"] == "tcp"
        };
        table.as_array().unwrap().iter().find(|row| covers(row)).map(|row| row["expects"].to_string())
    };
    assert_eq!(row(&[], 22).as_deref(), Some(r#"["ssh"]"#));
    bench.write("offport.toml", "[[policy.port]]\nport = 22\ntransport = \"tcp\"\nexpects = []\n");
    assert_eq!(row(&["-c", "offport.toml"], 22), None);
    assert!(bench.run(&["ports"]).stdout.lines().any(|line| line.split_whitespace().eq(["22/tcp", "ssh"])));
}

#[test]
fn the_sample_is_always_the_same() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["sample", "again.pcapng"]).code, 0);
    let (one, other) = (bench.path("sample.pcapng"), bench.path("again.pcapng"));
    assert!(std::fs::read(one).unwrap() == std::fs::read(&other).unwrap());
    let piped = bench.command(&["sample", "-"]).output().unwrap();
    assert!(piped.stdout == std::fs::read(other).unwrap());
    assert_eq!(bench.run(&["sample", "no/such/folder"]).code, 3);
}

#[test]
fn man_pages_and_completions() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["man", "pages"]).code, 0);
    for page in ["offport.1", "offport-read.1", "offport-explain.1"] {
        assert!(bench.text(&format!("pages/{page}")).contains(".TH"), "{page}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(bench.run(&["completions", shell]).stdout.contains("offport"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure_anywhere() {
    let bench = Bench::new();
    for args in
        [&["ports", "--json"][..], &["protocols"], &["sample", "-"], &["completions", "bash"], &["--help"]]
    {
        let mut child = bench.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
    }
}
