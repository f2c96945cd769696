//! Files to a server that speaks S3, and to a folder: nothing missing whoever is killed, and nothing sent twice without need.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail in any way"
)]

#[path = "upload/server.rs"]
mod server;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use offport_evidence::flows::{FlowCounts, FlowSettings, FlowWriter};
use offport_evidence::upload::{UploadSettings, Uploader};
use offport_fingerprint::Description;
use server::Server;
use support::{Random, flow_settings, load, record, wait_until};

const FILES: u32 = 150;
const ROWS: u32 = 40;
const FOLDER: &str = "OFFPORT_UPLOAD_FOLDER";
const PORT: &str = "OFFPORT_UPLOAD_PORT";

fn settings(folder: &Path, port: u16) -> UploadSettings {
    let keys = folder.join("keys");
    fs::write(&keys, "[default]\naws_access_key_id = test\naws_secret_access_key = secret\n").unwrap();
    UploadSettings {
        folder: folder.join("flows"),
        url: format!("s3://{}/some/prefix", server::BUCKET),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        region: "us-east-1".to_owned(),
        credentials: Some(keys),
        ca: None,
        allow_http: true,
        retries: 1,
        timeout: Duration::from_secs(1),
        every: Duration::from_millis(100),
    }
}

fn write_files(folder: &Path) {
    let mut writer = FlowWriter::start(&flow_settings(folder, ROWS as usize)).unwrap();
    for number in 0..FILES * ROWS {
        writer.record_patiently(&record(number), &Description::NONE);
    }
    writer.stop();
    assert_eq!(files(&folder.join("flows"), "parquet").len(), FILES as usize);
}

/// The uploader, in a process of its own.
#[test]
#[ignore = "is started by the other test, and killed by it"]
fn uploader() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let _uploader =
        Uploader::start(&settings(Path::new(&folder), std::env::var(PORT).unwrap().parse().unwrap()))
            .unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn nothing_is_lost_whoever_is_killed() {
    let Some(installed) = server::installed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_files(folder);
    let flows = folder.join("flows");
    let port = server::free_port();
    let mut random = Random::new();
    let marked = || files(&flows, "uploaded").len();

    // The server is not there yet.
    let early = start_uploader(folder, port);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(marked(), 0);
    let server = Server::start(&installed, port);
    wait_until("it goes on when the server has come", || marked() > 0);
    kill(early);
    let mut rounds = 0;
    while marked() < FILES as usize * 2 / 3 {
        let child = start_uploader(folder, port);
        std::thread::sleep(Duration::from_millis(20 + random.below(150)));
        kill(child);
        rounds += 1;
    }
    // The server stands still for longer than the uploader waits.
    let mut last = Uploader::start(&settings(folder, port)).unwrap();
    server.signal("STOP");
    wait_until("it notices", || load(&last.counts().failures) > 0);
    server.signal("CONT");
    wait_until("all is there", || marked() == FILES as usize && load(&last.counts().waiting) == 0);
    last.stop();
    eprintln!("{rounds} uploaders were killed, the last one had {} failures", load(&last.counts().failures));

    // What is there is what was sent; DuckDB reads it in the bucket.
    let back = folder.join("back");
    let said = server::read_back(&installed, port, &back);
    assert_eq!(said, format!("{FILES} {}", FILES * ROWS));
    assert_eq!(files(&back.join("some/prefix"), "parquet"), files(&flows, "parquet"));

    // Started once more, it has nothing to do; and without its marks, nothing to send.
    assert_eq!(all_that_was_done(folder, port, 0), [0, 0]);
    for mark in files(&flows, "uploaded").keys() {
        fs::remove_file(flows.join(mark)).unwrap();
    }
    assert_eq!(all_that_was_done(folder, port, FILES.into()), [0, FILES.into()]);
}

/// Sent, and found to be there already, by an uploader that has found so many.
fn all_that_was_done(folder: &Path, port: u16, present: u64) -> [u64; 2] {
    let mut uploader = Uploader::start(&settings(folder, port)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    wait_until("it has looked", || load(&uploader.counts().present) >= present);
    uploader.stop();
    let counts = uploader.counts();
    assert_eq!(load(&counts.failures), 0);
    [load(&counts.files), load(&counts.present)]
}

#[test]
fn what_is_not_uploaded_stays_if_the_budget_permits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_files(folder);
    let (flows, there) = (folder.join("flows"), folder.join("there"));
    let url = format!("file://{}", there.display());
    // All of it is a year old.
    let aged = FlowSettings { keep: Duration::from_secs(3_600), ..flow_settings(folder, ROWS as usize) };
    let reopened = |settings: &FlowSettings| -> [u64; 2] {
        let mut writer = FlowWriter::start_uploaded(settings, Some(url.clone())).unwrap();
        writer.stop();
        let FlowCounts { removed, removed_before_upload, .. } = writer.counts();
        [load(removed), load(removed_before_upload)]
    };
    let before = files(&flows, "parquet");
    assert_eq!(reopened(&aged), [0, 0]);

    let file = before.values().next().unwrap().len() as u64;
    let small = FlowSettings { budget: file * 100, ..aged.clone() };
    let [removed, awaited] = reopened(&small);
    assert!(removed >= 40 && removed == awaited, "{removed} {awaited}");
    let before = files(&flows, "parquet");

    let mut uploader = Uploader::start(&UploadSettings {
        url: url.clone(),
        endpoint: None,
        credentials: None,
        ..settings(folder, 0)
    })
    .unwrap();
    wait_until("all is there", || load(&uploader.counts().files) == before.len() as u64);
    uploader.stop();
    assert_eq!(files(&there, "parquet"), before);
    assert_eq!(reopened(&aged), [before.len() as u64, 0]);
    let left: Vec<_> = fs::read_dir(&flows).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"], "no mark and no folder is left");
}

fn start_uploader(folder: &Path, port: u16) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "uploader", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(PORT, port.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// `kill -9`.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Files with that ending below a folder, by their paths in it, and what is in them.
fn files(root: &Path, ending: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}
