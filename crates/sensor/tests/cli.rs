//! The command line of `offportd`: exit codes and messages are a contract.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test may fail in any way"
)]

use std::process::{Command, Output};

fn offportd(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_offportd")).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn check_names_line_key_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("offport.toml");
    let name = path.to_str().unwrap();

    std::fs::write(&path, "[capture]\nworkers = 2\n").unwrap();
    let (code, out, _) = offportd(&["check", "-c", name]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("correct"));

    std::fs::write(&path, "[capture]\nworker = 2\nrx_ring = 100\n").unwrap();
    let (code, out, _) = offportd(&["check", "-c", name]);
    assert_eq!(code, Some(1), "{out}");
    for part in [":2:", "capture.worker", "workers", ":3:", "capture.rx_ring", "power of two"] {
        assert!(out.contains(part), "{part} is missing in {out}");
    }

    let (code, _, error) = offportd(&["check", "-c", "/nowhere/offport.toml"]);
    assert_eq!(code, Some(3));
    assert!(error.contains("/nowhere/offport.toml"), "{error}");
}

#[test]
fn check_reads_signature_files_and_runs_their_tests() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("offport.toml");
    let name = path.to_str().unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/signatures.d");
    let port = "[[policy.port]]\nport = 9000\ntransport = \"tcp\"\nexpects = [\"acme-telemetry\"]\n";
    std::fs::write(&path, format!("[fingerprint]\nsignatures = \"{example}\"\n{port}")).unwrap();
    let (code, out, _) = offportd(&["check", "-c", name]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("3 signatures, their tests passed"), "{out}");

    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let text = std::fs::read_to_string(format!("{example}/example.toml")).unwrap();
    std::fs::write(own.join("acme.toml"), text.replace("42 06 00 00 01", "42 05 00 00 01")).unwrap();
    std::fs::write(&path, format!("[fingerprint]\nsignatures = \"own\"\n{port}")).unwrap();
    let (code, out, _) = offportd(&["check", "-c", name]);
    assert_eq!(code, Some(1), "{out}");
    for part in [
        "own/acme.toml:65:10: error: signature[3].test[2].expect",
        "the payload is acme-beat",
        "1 to correct",
    ] {
        assert!(out.contains(part), "{part} is missing in {out}");
    }
    let (code, _, error) = offportd(&["run", "-i", "no-such-if", "-c", name]);
    assert_eq!(code, Some(3));
    assert!(
        error.contains("the payload is acme-beat"),
        "a test that fails keeps the sensor from starting: {error}"
    );

    std::fs::remove_dir_all(&own).unwrap();
    let (code, _, error) = offportd(&["check", "-c", name]);
    assert_eq!(code, Some(3));
    assert!(error.contains("own: cannot be read"), "{error}");
}

#[test]
fn the_shipped_configuration_is_correct() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/offport.toml");
    let (code, out, error) = offportd(&["check", "-c", path]);
    assert_eq!(code, Some(0), "{out}{error}");
}

#[test]
fn run_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("offport.toml");
    let config = format!(
        "[events]\npath = \"{0}/events.jsonl\"\n[records]\npath = \"{0}/flows.jsonl\"\n[store]\npath = \"{0}/store\"\n[http]\nlisten = \"127.0.0.1:0\"\n",
        folder.path().display()
    );
    std::fs::write(&path, config).unwrap();
    let name = path.to_str().unwrap();

    let (code, _, error) = offportd(&["run", "-c", name]);
    assert_eq!(code, Some(3));
    assert!(error.contains("-i"), "{error}");

    let (code, _, error) = offportd(&["run", "-i", "no-such-if", "-c", name]);
    assert_eq!(code, Some(3));
    assert!(error.contains("no-such-if") && error.contains("ip -br link"), "{error}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    std::fs::write(&path, format!("[http]\nlisten = \"{}\"\n", taken.local_addr().unwrap())).unwrap();
    let (code, _, error) = offportd(&["run", "-i", "no-such-if", "-c", name]);
    assert_eq!(code, Some(3));
    assert!(error.contains("http.listen"), "{error}");
}

#[test]
fn wrong_usage_help_pages_and_completions() {
    let (code, _, error) = offportd(&["chek"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("check"), "{error}");

    let (code, out, _) = offportd(&["--help"]);
    assert_eq!(code, Some(0));
    for part in ["run", "check", "doctor", "Exit codes"] {
        assert!(out.contains(part), "{part} is missing in {out}");
    }

    let (code, out, _) = offportd(&["completions", "bash"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("_offportd"));

    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = offportd(&["man", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{error}");
    let page = std::fs::read_to_string(folder.path().join("offportd.1")).unwrap();
    assert!(page.contains("offportd"));
    assert!(folder.path().join("offportd-run.1").exists());
}
