//! Golden cases: `tests/cases/README.md`.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::path::Path;

use serde_json::json;
use support::{Bench, golden, lines, pretty};

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 10, "cases are missing: {names:?}");
    for name in names {
        eprintln!("case {name}");
        case(&folder, &name);
    }
}

fn case(folder: &Path, name: &str) {
    let bench = Bench::new();
    let mut capture = "capture.pcapng";
    match std::fs::read_to_string(folder.join(name).join("capture.txt")) {
        Ok(script) => {
            let mut bytes = Vec::new();
            support::script::scene(&script).write(&mut bytes).unwrap();
            bench.write(capture, bytes);
        }
        Err(_) => {
            let there = |file: &&str| folder.join(name).join(file).exists();
            capture = ["capture.pcapng", "capture.pcap"].into_iter().find(there).unwrap();
            bench.write(capture, std::fs::read(folder.join(name).join(capture)).unwrap());
        }
    }
    let mut args = vec!["read", capture, "--flows", "flows", "--events", "events", "--quiet"];
    if let Ok(config) = std::fs::read(folder.join(name).join("offport.toml")) {
        bench.write("offport.toml", config);
        args.extend(["-c", "offport.toml"]);
    }
    let ran = bench.run(&args);
    assert_eq!(ran.stderr, "", "{name}");
    let found = json!({
        "exit": ran.code,
        "flows": lines(&bench.text("flows")),
        "events": lines(&bench.text("events")),
    });
    golden(&format!("cases/{name}/expected.json"), &pretty(&found));
}
