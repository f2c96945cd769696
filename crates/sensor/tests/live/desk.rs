//! From the alert to the packets: what `offport` says of what the sensor keeps.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use offport_capture::file::{Batch, CaptureFile};
use offport_wire::{FlowKey, Parsed, TransportHeader, parse};
use serde_json::Value;

use crate::dump::Dump;
use crate::lab::{self, CLIENT, Lab, SERVER};
use crate::sensor::Sensor;
use crate::traffic::{self, Server};
use crate::{ANSWER, RAW, REQUEST};

/// The analyst's program, beside the sensor's: `cargo nextest run --workspace` builds both.
fn offport() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_offportd")).with_file_name("offport");
    assert!(path.exists(), "{} is missing: cargo build -p offport-analyst", path.display());
    path
}

fn desk(sensor: &Sensor<'_>, arguments: &[&str]) -> Output {
    let mut command = Command::new(offport());
    command.args(arguments).arg("--store").arg(sensor.path("store")).env_remove("OFFPORT_STORE");
    command.output().unwrap()
}

fn text(sensor: &Sensor<'_>, arguments: &[&str]) -> String {
    let output = desk(sensor, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {:?} {said}", output.status.code());
    String::from_utf8(output.stdout).unwrap()
}

fn json(sensor: &Sensor<'_>, arguments: &[&str]) -> Vec<Value> {
    let text = text(sensor, arguments);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every TCP packet of a capture, by flow, and whether it is a SYN without ACK.
type Packets = BTreeMap<String, Vec<(Vec<u8>, bool)>>;

fn packets(path: &Path) -> Packets {
    let mut file = CaptureFile::open(path).unwrap();
    let mut batch = Batch::new(64);
    let mut packets = Packets::new();
    while file.next_batch(&mut batch).unwrap() > 0 {
        for frame in batch.frames() {
            let Ok(Parsed::Packet(packet)) = parse(&frame) else { continue };
            let TransportHeader::Tcp(tcp) = packet.transport else { continue };
            let opens = tcp.flags.syn() && !tcp.flags.ack();
            packets.entry(name(&packet.key)).or_default().push((frame.bytes.to_vec(), opens));
        }
    }
    packets
}

fn name(key: &FlowKey) -> String {
    format!("{:?} {:?}", key.low(), key.high())
}

fn sorted(packets: &[(Vec<u8>, bool)]) -> Vec<&Vec<u8>> {
    let mut bytes: Vec<_> = packets.iter().map(|(bytes, _)| bytes).collect();
    bytes.sort();
    bytes
}

/// Waits until the session of that verdict is in the store. Its id.
fn wait_for_session(sensor: &mut Sensor<'_>, verdict: &str) -> String {
    let mut id = String::new();
    sensor.wait_until("the session is in the store", |sensor| {
        let found = json(sensor, &["sessions", "--verdict", verdict, "--json"]);
        id = found.first().map_or("", |found| found["offport"]["flow_id"].as_str().unwrap()).to_owned();
        !id.is_empty()
    });
    id
}

#[test]
fn three_commands_from_the_alert_to_every_packet_of_the_session() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut dump = Dump::start(&lab, 262_144);
    let mut sensor = Sensor::start(&lab, "");
    let _web = Server::start(&lab, 80, ANSWER, 1);
    traffic::connections(&lab, 80, 20, REQUEST, 0);
    sensor.wait_until("packets are kept", |sensor| sensor.metric("offport_evidence_packets_total", &[]) > 0);
    let _raw = Server::start(&lab, 110, "", 1);
    // 2 MB of raw data to POP3's port.
    let script = format!(
        "import socket\n\
         s = socket.create_connection(('{SERVER}', 110), timeout=10)\n\
         s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 49152)\n\
         for number in range(200): s.sendall(bytes.fromhex('{RAW}') * 417)\n\
         s.close()\n"
    );
    traffic::client(&lab, &script);
    let id = wait_for_session(&mut sensor, "unrecognised");
    let event = &sensor.events()[0];
    assert_eq!(event["offport"]["flow_id"], id.as_str(), "the alert names the session");
    let evidence = &event["offport"]["evidence"];
    assert_eq!(evidence["id"], id.as_str());
    assert!(Path::new(evidence["file"].as_str().unwrap()).is_file(), "{evidence}");

    sensor.wait_until("all flows are in the store", |sensor| {
        // The record of the alert, and those of the ends.
        sensor.metric("offport_flow_store_records_total", &[]) >= 22
    });
    // A chunk that is not full is handed on after a tenth of a second.
    std::thread::sleep(Duration::from_millis(400));
    let summary = text(&sensor, &["summary", CLIENT, "--last", "1h"]);
    for part in ["110/tcp (not recognised)", "80/tcp http", "unrecognised", "medium", &id, SERVER] {
        assert!(summary.contains(part), "{part} is missing in\n{summary}");
    }
    let shown = text(&sensor, &["session", &id]);
    for part in ["SYN seq 0", "raw data on 110/tcp", "8f 0e 6c d2 a1 9b", "unrecognised, medium"] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("session.pcapng");
    text(&sensor, &["extract", &id, "-w", capture.to_str().unwrap()]);
    let everything = folder.path().join("all.pcapng");
    text(&sensor, &["extract", "--last", "1h", "-w", everything.to_str().unwrap()]);

    let beside = packets(&dump.stop());
    let (session, all) = (packets(&capture), packets(&everything));
    let [(key, kept)] = &session.iter().collect::<Vec<_>>()[..] else { panic!("one session") };
    assert!(kept[0].1, "the capture begins with the SYN");
    assert!(kept.len() > 1_300, "{}", kept.len());
    assert_eq!(sorted(kept), sorted(&beside[*key]), "every packet of the session");
    assert_eq!(all.len(), 21, "each session is kept");
    for (key, kept) in &all {
        assert!(kept[0].1, "{key}: begins with the SYN");
        assert_eq!(sorted(kept), sorted(&beside[key]), "{key}");
    }
    // What others read: the times, the interface, the verdict.
    let tshark = Command::new("tshark")
        .args(["-r", capture.to_str().unwrap(), "-T", "fields", "-E", "separator=|"])
        .args([
            "-e",
            "frame.interface_name",
            "-e",
            "frame.time_epoch",
            "-e",
            "tcp.flags.str",
            "-e",
            "frame.comment",
        ])
        .output()
        .expect("tshark is installed: scripts/setup test");
    let rows = String::from_utf8(tshark.stdout).unwrap();
    assert_eq!(rows.lines().count(), kept.len(), "{}", String::from_utf8_lossy(&tshark.stderr));
    let first: Vec<_> = rows.lines().next().unwrap().split('|').collect();
    assert_eq!(first[0], "tap0");
    assert_eq!(first[1].split('.').nth(1).map(str::len), Some(9), "nanoseconds: {first:?}");
    assert!(first[2].contains('S') && !first[2].contains('A'), "{first:?}");
    assert!(
        first[3].contains(&id) && first[3].contains("unrecognised, medium: raw data on 110/tcp"),
        "{first:?}"
    );
    // A capture in a pipe.
    let piped = desk(&sensor, &["extract", &id]);
    assert_eq!(piped.stdout, std::fs::read(&capture).unwrap());
    assert_eq!(sensor.metric("offport_evidence_packets_lost_total", &[]), 0);
    let total: usize = beside.values().map(Vec::len).sum();
    assert_eq!(sensor.metric("offport_evidence_packets_total", &[]), total as u64);
    assert_eq!(sensor.end("-TERM"), Some(0));
}

#[test]
fn watch_shows_the_incident_and_its_packets_on_a_terminal() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut sensor = Sensor::start(&lab, "");
    let _raw = Server::start(&lab, 110, "", 1);
    traffic::pour(&lab, 110, RAW, 0.1);
    let id = wait_for_session(&mut sensor, "unrecognised");
    std::thread::sleep(Duration::from_millis(400));
    let store = sensor.path("store");
    let watch = |more: &str| format!("{} watch --store {} {more}", offport().display(), store.display());

    // Once, for a program.
    let once = lab.command(&lab.tap, "sh").args(["-c", &watch("--once --json")]).output().unwrap();
    assert!(once.status.success(), "{}", String::from_utf8_lossy(&once.stderr));
    let now: Value = serde_json::from_slice(&once.stdout).unwrap();
    assert_eq!((&now["sensor"]["state"], &now["pairs_total"]), (&"ready".into(), &1.into()));
    assert_eq!((&now["pairs"][0]["source"], &now["pairs"][0]["port"]), (&CLIENT.into(), &110.into()));
    assert_eq!(now["verdicts"][0]["flagged"], 1, "{now}");
    assert!(now["sensor"]["packets_per_second"].is_number(), "{now}");

    // On a terminal, with keys.
    let script = format!("stty rows 40 cols 120; exec {}", watch("--every 1s"));
    let mut terminal = lab
        .command(&lab.tap, "script")
        .args(["-qefc", &script, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = terminal.stdin.take().unwrap();
    for key in ["", "\r", "\x1b", "q"] {
        std::thread::sleep(Duration::from_millis(1_500));
        keys.write_all(key.as_bytes()).unwrap();
    }
    let output = terminal.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{:?}\n{shown}", output.status);
    // What is drawn is what has changed, so that texts are in pieces.
    for part in ["Flagged pairs", CLIENT, "110/tcp", "ready", &id, "SYN", "seq", "\x1b[?1049h", "\x1b[?1049l"]
    {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown:?}");
    }
    assert_eq!(sensor.end("-TERM"), Some(0));
    for wrong in
        [&["watch", "--once", "--every", "1s"][..], &["watch", "--every", "1s"], &["watch", "--every", "0s"]]
    {
        assert_eq!(desk(&sensor, wrong).status.code(), Some(2), "{wrong:?}");
    }
    // Without a sensor the store is enough; without both nothing is.
    let alone = text(&sensor, &["watch", "--once", "--sensor", "http://127.0.0.1:1"]);
    assert!(alone.contains("sensor not reached") && alone.contains("110/tcp"), "{alone}");
    let nothing = Command::new(offport())
        .args(["watch", "--once", "--store", "/nonexistent", "--sensor", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(nothing.status.code(), Some(3));
}

#[test]
fn the_store_says_what_the_records_say() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut sensor = Sensor::start(&lab, "");
    let _web = Server::start(&lab, 80, ANSWER, 1);
    let _raw = Server::start(&lab, 110, "", 1);
    traffic::connections(&lab, 80, 50, REQUEST, 0);
    traffic::pour(&lab, 110, RAW, 0.1);
    sensor.wait_until("all flows have ended", |sensor| {
        sensor.metric("offport_flows_ended_total", &["reason=\"fin\""]) >= 51
    });
    assert_eq!(sensor.end("-TERM"), Some(0));
    let mut records = sensor.flows();
    assert!(records.len() >= 51);
    // An interim record more for what was flagged.
    let mut exported: Vec<Value> = json(&sensor, &["export", "--last", "1h", "--json"]);
    exported.retain(|record| record["event"]["action"] == "flow_end");
    for list in [&mut records, &mut exported] {
        list.sort_by_key(|record| record["offport"]["flow_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(records, exported, "the columns say all that the lines say");
    let csv = text(&sensor, &["export", "--last", "1h", "--format", "csv", "--port", "110"]);
    let lines: Vec<_> = csv.lines().collect();
    assert!(lines[0].starts_with("event_start,event_end,") && lines.len() >= 2, "{csv}");
    let hosts = &json(&sensor, &["hosts", "--last", "1h", "--json"])[0];
    let client = hosts["hosts"].as_array().unwrap().iter().find(|host| host["host"] == CLIENT).unwrap();
    let of_client = records.iter().filter(|record| record["source"]["ip"] == CLIENT);
    assert_eq!(client["flows"], of_client.clone().count());
    let sent: u64 = of_client.map(|record| record["source"]["bytes"].as_u64().unwrap()).sum();
    assert_eq!((client["bytes_out"].as_u64(), client["flagged"].as_u64()), (Some(sent), Some(1)));
    let nobody = desk(&sensor, &["summary", "192.0.2.1"]);
    assert_eq!(nobody.status.code(), Some(1));
    let missing = desk(&sensor, &["session", "00000000000000000000"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no such session"));
    // What would be ignored, or would find nothing, is wrong usage.
    for wrong in [
        &["session", "abc"][..],
        &["sessions", "--verdict", "unrecognized"],
        &["sessions", "--severity", "critical"],
        &["export", "--json", "--format", "csv"],
        &["extract", "--json"],
        &["sessions", "--since", "yesterday"],
        &["summary", "host.example"],
    ] {
        assert_eq!(desk(&sensor, wrong).status.code(), Some(2), "{wrong:?}");
    }
}
