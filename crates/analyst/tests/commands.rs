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

/// The raw data on port 80 of the sample, as a protocol of one's own that the port is reserved for.
fn with_signatures() -> Bench {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("own")).unwrap();
    bench.write(
        "own/acme.toml",
        "[[signature]]\nname = \"acme\"\ntransport = [\"tcp\", \"udp\"]\nmatch = [{ bytes = \"4cfb efdd 6cbc\" }]\n",
    );
    bench.write(
        "offport.toml",
        "[fingerprint]\nsignatures = \"own\"\n[[policy.port]]\nport = 80\ntransport = \"tcp\"\nexpects = [\"http\", \"acme\"]\n",
    );
    bench
}

#[test]
fn signatures_of_ones_own_count_like_what_is_built_in() {
    let bench = with_signatures();
    let names = bench.run(&["protocols", "--names", "-c", "offport.toml"]).stdout;
    assert_eq!(names.lines().last(), Some("acme"));
    assert!(!bench.run(&["protocols", "--names"]).stdout.contains("acme"));
    let table = bench.run(&["protocols", "-c", "offport.toml"]).stdout;
    let row = table.lines().last().unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["acme", "tcp,", "udp", "80/tcp"]);

    let of_port_80 = |args: &[&str]| {
        let ran = bench.run(&[&["read", "sample.pcapng", "-q", "--flows", "-"], args].concat());
        let flows = ran.lines().into_iter();
        flows
            .filter(|flow| flow["destination"]["port"] == 80 && flow["offport"]["verdict"] != "displaced")
            .collect::<Vec<_>>()
    };
    let own: Vec<_> = of_port_80(&["-c", "offport.toml"])
        .into_iter()
        .filter(|flow| flow["network"]["protocol"] == "acme")
        .collect();
    assert!(!own.is_empty() && own.iter().all(|flow| flow["offport"]["verdict"] == "expected"), "{own:?}");
    let id = own[0]["offport"]["flow_id"].as_str().unwrap();
    let before = of_port_80(&[]).into_iter().find(|flow| flow["offport"]["flow_id"] == id).unwrap();
    assert_eq!(before["offport"]["verdict"], "unrecognised");

    let summary = bench.run(&["read", "sample.pcapng", "--json", "-c", "offport.toml"]).lines().remove(0);
    let counted = summary["protocols"].as_array().unwrap();
    assert!(counted.iter().any(|row| row["protocol"] == "acme"), "{counted:?}");
    let explained = bench.run(&["explain", "sample.pcapng", id, "-c", "offport.toml"]);
    assert!(explained.stdout.contains("acme (proof: banner)"), "{}", explained.stdout);
    let supposed = [
        "explain",
        "--protocol",
        "acme",
        "--port",
        "443/tcp",
        "--client",
        "10.1.2.3",
        "--server",
        "192.0.2.7",
    ];
    assert_eq!(bench.run(&supposed).code, 2);
    let supposed = bench.run(&[&supposed[..], &["-c", "offport.toml"]].concat());
    assert!(supposed.stdout.contains("mismatch"), "{}", supposed.stderr);
}

#[test]
fn signatures_with_problems_are_not_used() {
    let bench = with_signatures();
    bench.write("own/acme.toml", "[[signature]]\nname = \"acme\"\ntransport = \"tcp\"\n");
    let ran = bench.run(&["read", "sample.pcapng", "-c", "offport.toml"]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("own/acme.toml:1:1: error: signature[1]: would match anything"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("is not a protocol"), "{}", ran.stderr);
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
