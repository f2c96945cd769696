//! `offportd` on live traffic: real kernel, real sockets, namespaces of the test's own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test may fail in any way"
)]

#[path = "live/balance.rs"]
mod balance;
#[path = "live/desk.rs"]
mod desk;
#[path = "live/dump.rs"]
mod dump;
#[path = "live/faults.rs"]
mod faults;
#[path = "live/lab.rs"]
mod lab;
#[path = "live/log.rs"]
mod log;
#[path = "live/memory_limit.rs"]
mod memory_limit;
#[path = "live/offline.rs"]
mod offline;
#[path = "live/privileges.rs"]
mod privileges;
#[path = "live/reload.rs"]
mod reload;
#[path = "live/sensor.rs"]
mod sensor;
#[path = "live/shunting.rs"]
mod shunting;
#[path = "live/signatures.rs"]
mod signatures;
#[path = "live/subflows.rs"]
mod subflows;
#[path = "live/traffic.rs"]
mod traffic;

use std::collections::{BTreeSet, HashMap};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::lab::{CLIENT, Lab, SERVER, TAP};
use crate::sensor::{Sensor, assert_identity, sum};
use crate::traffic::Server;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: example\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// Raw data: no protocol starts like this.
const RAW: &str = "8f0e6cd2a19be30c55f7aa013c9d4e7781f2c06b9a5d3e4f";

fn unix_time() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn raw_data_on_port_80_is_known_within_a_second() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut sensor = Sensor::start(&lab, "");
    let _server = Server::start(&lab, 80, "", 1);
    let mut delays = Vec::new();
    for round in 1..=11 {
        // Each round another first byte and a new port; suppression would make repeats of one pair wait.
        let hex = format!("{round:02x}{RAW}");
        let (lab, hex) = (&lab, &hex);
        let delay = std::thread::scope(|scope| {
            let pouring = scope.spawn(move || traffic::pour(lab, 80, hex, 1.5));
            let mut seen_event = None;
            let mut seen_metric = None;
            let start = Instant::now();
            while (seen_event.is_none() || seen_metric.is_none()) && start.elapsed() < Duration::from_secs(5)
            {
                if seen_event.is_none() && round == 1 && !sensor.events().is_empty() {
                    seen_event = Some(unix_time());
                }
                if round > 1 {
                    seen_event = Some(0.0);
                }
                let judged = sensor
                    .metric("offport_flows_judged_total", &["verdict=\"unrecognised\"", "transport=\"tcp\""]);
                if judged >= round {
                    seen_metric = Some(unix_time());
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let sent = pouring.join().unwrap();
            if round == 1 {
                let delay = seen_event.expect("no event in five seconds") - sent;
                eprintln!("event in the file {delay:.3} s after the first byte");
                assert!(delay < 1.0);
            }
            seen_metric.expect("no counter in five seconds") - sent
        });
        delays.push(delay);
    }
    delays.sort_by(f64::total_cmp);
    eprintln!(
        "counter in /metrics after the first byte: median {:.3} s, worst {:.3} s",
        delays[delays.len() / 2],
        delays[delays.len() - 1]
    );
    assert!(delays[delays.len() - 1] < 1.0, "{delays:?}");

    let event = &sensor.events()[0];
    assert_eq!(event["event"]["kind"], "alert");
    assert_eq!(event["offport"]["verdict"], "unrecognised");
    assert_eq!(event["source"]["ip"], CLIENT);
    assert_eq!(event["destination"]["port"], 80);
    assert!(event["offport"]["payload"]["client"]["printable"].as_str().unwrap().starts_with("\\x01\\x8f"));
    // docs/metrics.md names every family of a live scrape, and no other but those of sinks that are off here.
    let metrics = sensor.get("/metrics");
    let families: BTreeSet<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let page = include_str!("../../../docs/metrics.md");
    let (page, _) = page.split_once("\n## Do events leave the sensor?\n").unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let documented: BTreeSet<&str> =
        rows.flat_map(|names| names.split('`').filter(|name| name.contains('_'))).collect();
    // Nothing is uploaded here.
    let documented: BTreeSet<&str> =
        documented.into_iter().filter(|name| !name.starts_with("offport_upload_")).collect();
    assert_eq!(documented, families);
    assert_eq!(sensor.end("-TERM"), Some(0));
}

#[test]
fn both_directions_of_every_flow_meet_in_one_worker() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    // The CPU that sends decides the queue, so requests and answers arrive on different ones.
    for (queue, cpus) in [("tx-0", "1"), ("tx-1", "2")] {
        let path = format!("/sys/class/net/mirror/queues/{queue}/xps_cpus");
        lab.exec(&lab.tap, "sh", &["-c", &format!("echo {cpus} > {path}")]);
    }
    let mut sensor = Sensor::start(&lab, "");
    let _server = Server::start(&lab, 80, ANSWER, 1);
    const FLOWS: u32 = 600;
    traffic::connections(&lab, 80, FLOWS, REQUEST, 0);
    sensor.wait_until("the last flow has ended", |sensor| {
        sensor.metric("offport_flows_ended_total", &["reason=\"fin\""]) >= u64::from(FLOWS)
    });
    std::thread::sleep(Duration::from_millis(1_000));
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    assert_eq!(sum(&metrics, "offport_packets_dropped_total", &["stage=\"socket\""]), 0);
    for queue in ["queue=\"0\"", "queue=\"1\""] {
        let packets = sum(&metrics, "offport_xdp_packets_total", &[queue]);
        assert!(packets > u64::from(FLOWS), "{queue} saw {packets} packets only: directions did not split");
    }
    for worker in ["worker=\"0\"", "worker=\"1\""] {
        let packets = sum(&metrics, "offport_packets_received_total", &[worker]);
        assert!(packets > u64::from(FLOWS), "{worker} saw {packets} packets only");
    }
    assert_eq!(sensor.end("-TERM"), Some(0));

    let mut seen: HashMap<u64, u32> = HashMap::new();
    let flows: Vec<Value> =
        sensor.flows().into_iter().filter(|flow| flow["destination"]["port"] == 80).collect();
    for flow in &flows {
        *seen.entry(flow["source"]["port"].as_u64().unwrap()).or_default() += 1;
        assert_eq!(flow["source"]["ip"], CLIENT);
        assert_eq!(flow["network"]["protocol"], "http", "{flow}");
        assert_eq!(flow["offport"]["verdict"], "expected");
        assert_eq!(flow["offport"]["tcp"]["state"], "closed");
        assert_eq!(flow["event"]["reason"], "fin");
        for side in ["source", "destination"] {
            assert!(flow[side]["packets"].as_u64().unwrap() >= 4, "{flow}");
        }
    }
    assert_eq!(seen.len(), FLOWS as usize);
    assert!(seen.values().all(|&count| count == 1), "a flow was seen twice");
}

#[test]
fn live_and_offline_give_the_same_records() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("tap.pcap");
    let mut tcpdump = lab
        .command(&lab.tap, "tcpdump")
        .args(["-i", "mirror", "-Q", "out", "-w"])
        .arg(&capture)
        .args(["-U", "-Z", "root", "--immediate-mode", "-s", "0", "--nano", "-B", "16384"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let mut sensor = Sensor::start(&lab, "");
    let _web = Server::start(&lab, 80, ANSWER, 1);
    let _ssh = Server::start(&lab, 443, "SSH-2.0-OpenSSH_9.2\r\n", 0);
    traffic::connections(&lab, 80, 40, REQUEST, 0);
    traffic::connections(&lab, 443, 3, "SSH-2.0-OpenSSH_9.2\r\n", 1);
    traffic::pour(&lab, 80, RAW, 0.1);
    // A datagram in fragments, answered by ICMP port unreachable; and an echo.
    traffic::client(
        &lab,
        &format!(
            "import socket\n\
             s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
             for _ in range(4): s.sendto(bytes(range(256)) * 20, ('{SERVER}', 4000))\n"
        ),
    );
    lab.exec(&lab.clients, "ping", &["-c", "2", "-i", "0.2", SERVER]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(sensor.end("-TERM"), Some(0));
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &tcpdump.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    tcpdump.wait().unwrap();

    let mut live: Vec<Value> = sensor.flows().iter().map(offline::without_time_and_place).collect();
    let mut offline: Vec<Value> =
        offline::flows(&capture).iter().map(offline::without_time_and_place).collect();
    live.sort_by_key(ToString::to_string);
    offline.sort_by_key(ToString::to_string);
    assert!(live.len() >= 45, "{} records", live.len());
    for (live, offline) in live.iter().zip(&offline) {
        assert_eq!(live, offline);
    }
    assert_eq!(live.len(), offline.len());
    let asked = live.iter().filter(|flow| flow["http"]["request"]["method"] == "GET");
    assert_eq!(asked.count(), 40, "requests are described");
}

#[test]
fn signals_leave_the_interface_clean_and_the_records_whole() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let _server = Server::start(&lab, 80, ANSWER, 1);
    for signal in ["-TERM", "-INT"] {
        let mut sensor = Sensor::start(&lab, "");
        assert!(lab.has_program());
        traffic::connections(&lab, 80, 5, REQUEST, 0);
        sensor.wait_until("all is received", |sensor| sensor.metric("offport_flows_created_total", &[]) >= 5);
        assert_eq!(sensor.end(signal), Some(0), "{signal}");
        assert!(!lab.has_program(), "{signal} left the program");
        let flows = sensor.flows();
        assert_eq!(flows.iter().filter(|flow| flow["destination"]["port"] == 80).count(), 5, "{signal}");
        assert!(sensor.logged.iter().any(|line| line.contains("stopped")), "{:?}", sensor.logged);
    }

    let mut sensor = Sensor::start(&lab, "[flow.timeouts]\nclosed = \"1s\"");
    traffic::connections(&lab, 80, 5, REQUEST, 0);
    sensor.wait_until("the flows' records are written", |sensor| {
        sensor.flows().iter().filter(|flow| flow["destination"]["port"] == 80).count() == 5
    });
    assert_eq!(sensor.end("-KILL"), None);
    assert!(!lab.has_program(), "kill -9 left the program");
    assert_eq!(sensor.flows().iter().filter(|flow| flow["destination"]["port"] == 80).count(), 5);
    // A restart works at once.
    let mut sensor = Sensor::start(&lab, "");
    assert_eq!(sensor.end("-TERM"), Some(0));
}

#[test]
fn an_interface_that_goes_is_taken_up_again() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let _server = Server::start(&lab, 80, ANSWER, 1);
    let mut sensor = Sensor::start(&lab, "");
    traffic::connections(&lab, 80, 5, REQUEST, 0);
    sensor.wait_until("the first flows", |sensor| sensor.metric("offport_flows_created_total", &[]) >= 5);

    lab.ip(&format!("link set {TAP} down"));
    sensor.wait_for_log("link down");
    sensor.wait_until("the metric says so", |sensor| sensor.metric("offport_link_up", &[]) == 0);
    assert_eq!(sensor.metric("offport_interface_up", &[]), 1, "it is there and open all the time");
    lab.ip(&format!("link set {TAP} up"));
    sensor.wait_for_log("link up");
    sensor.wait_until("the metric says so", |sensor| sensor.metric("offport_link_up", &[]) == 1);
    traffic::connections(&lab, 80, 5, REQUEST, 0);
    sensor
        .wait_until("flows after the flap", |sensor| sensor.metric("offport_flows_created_total", &[]) >= 10);

    lab.ip("link delete mirror");
    sensor.wait_for_log("gone");
    sensor.wait_until("/readyz says so", |sensor| sensor.get("/readyz").contains(TAP));
    assert_eq!(sensor.metric("offport_interface_up", &[]), 0);
    assert_eq!(sensor.metric("offport_capture_mode_info", &[]), 0, "nothing is bound");
    // It is bound otherwise than before: frames may be larger than one buffer.
    lab.add_tap_with("mtu 9000 ");
    sensor.wait_for_log("back");
    sensor.wait_until("/readyz is well again", |sensor| sensor.get("/readyz").starts_with("ready"));
    assert!(lab.has_program());
    let bound = |labels: &[&str]| sensor.metric("offport_capture_mode_info", labels);
    assert_eq!((bound(&[]), bound(&["multi_buffer=\"true\""])), (2, 2), "each queue once, as it is now");
    traffic::connections(&lab, 80, 5, REQUEST, 0);
    sensor.wait_until("flows on the new interface", |sensor| {
        sensor.metric("offport_flows_created_total", &[]) >= 15
    });
    std::thread::sleep(Duration::from_millis(1_000));
    assert_identity(&sensor.get("/metrics"));
    assert_eq!(sensor.end("-TERM"), Some(0));
    assert_eq!(sensor.flows().iter().filter(|flow| flow["destination"]["port"] == 80).count(), 15);
}

#[test]
fn the_two_directions_may_come_on_two_interfaces() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    lab.add_second_tap();
    let mut sensor = Sensor::start_on(&lab, &[TAP, "tap1"], "");
    const FLOWS: u32 = 500;
    let files = offline::halves(FLOWS, REQUEST.as_bytes());
    let replay = |interface: &str, file: &tempfile::NamedTempFile| {
        let path = file.path().to_str().unwrap();
        lab.exec(&lab.tap, "tcpreplay", &["--quiet", "--pps=2000", "-i", interface, path]);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| replay("mirror", &files[0]));
        scope.spawn(|| replay("wire1", &files[1]));
    });
    sensor.wait_until("the last flow has ended", |sensor| {
        sensor.metric("offport_flows_ended_total", &["reason=\"fin\""]) >= u64::from(FLOWS)
    });
    std::thread::sleep(Duration::from_millis(1_000));
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    for interface in ["interface=\"tap0\"", "interface=\"tap1\""] {
        assert_eq!(sum(&metrics, "offport_xdp_redirected_packets_total", &[interface]), 3 * u64::from(FLOWS));
    }
    for worker in ["worker=\"0\"", "worker=\"1\""] {
        let packets = sum(&metrics, "offport_packets_received_total", &[worker]);
        assert!(packets > u64::from(FLOWS), "{worker} saw {packets} packets only");
    }

    // One goes: the other goes on, and who asks is told.
    lab.ip("link delete wire1");
    sensor.wait_for_log("gone");
    sensor.wait_until("/readyz says so", |sensor| sensor.get("/readyz").contains("tap1"));
    replay("mirror", &files[0]);
    sensor.wait_until("the other goes on", |sensor| {
        sensor.metric("offport_xdp_redirected_packets_total", &["interface=\"tap0\""]) == 6 * u64::from(FLOWS)
    });
    assert_eq!(sensor.end("-TERM"), Some(0));
    let flows = sensor.flows();
    let whole: Vec<&Value> = flows.iter().filter(|flow| flow["destination"]["packets"] == 3).collect();
    assert_eq!(whole.len(), FLOWS as usize);
    for flow in whole {
        assert_eq!(flow["source"]["packets"], 3, "{flow}");
        assert_eq!(flow["destination"]["port"], 80, "{flow}");
        assert_eq!(flow["network"]["protocol"], "http", "{flow}");
        assert_eq!(flow["offport"]["verdict"], "expected", "{flow}");
    }
}

/// Nothing tells in which order packets arrived on two queues: a worker that was kept from its core reads one of them first,
/// and whichever that is, raw data does not pass for what it was answered with.
#[test]
fn a_worker_that_reads_the_answers_first_judges_by_what_was_asked() {
    if !lab::root() {
        return;
    }
    const FLOWS: u32 = 200;
    let files = offline::halves(FLOWS, RAW.as_bytes());
    let mut read_first = BTreeSet::new();
    for taps in [[TAP, "tap1"], ["tap1", TAP]] {
        let lab = Lab::new();
        lab.add_second_tap();
        let mut sensor = Sensor::start_on(&lab, &taps, "");
        let pid = sensor.pid().to_string();
        let signal = |signal: &str| {
            assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        };
        signal("-STOP");
        for (interface, file) in ["mirror", "wire1"].iter().zip(&files) {
            let path = file.path().to_str().unwrap();
            lab.exec(&lab.tap, "tcpreplay", &["--quiet", "--pps=20000", "-i", interface, path]);
        }
        signal("-CONT");
        sensor.wait_until("the last flow has ended", |sensor| {
            sensor.metric("offport_flows_ended_total", &["reason=\"fin\""]) >= u64::from(FLOWS)
        });
        assert_eq!(sensor.end("-TERM"), Some(0));
        let flows = sensor.flows();
        assert_eq!(flows.len(), FLOWS as usize);
        for flow in flows {
            assert_eq!(flow["offport"]["verdict"], "unrecognised", "{flow}");
            assert_eq!(flow["destination"]["port"], 80, "{flow}");
            assert_eq!([&flow["source"]["packets"], &flow["destination"]["packets"]], [3, 3], "{flow}");
            let interface = &flow["observer"]["ingress"]["interface"]["name"];
            read_first.insert(interface.as_str().unwrap().to_owned());
        }
    }
    assert_eq!(
        read_first,
        BTreeSet::from([TAP.to_owned(), "tap1".to_owned()]),
        "requests first, and answers first"
    );
}

#[test]
fn every_packet_is_accounted_for_at_saturation() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut sensor = Sensor::start(&lab, "");
    let capture = offline::flood(20_000);
    // As fast as it goes, from both CPUs at once: more than the workers can take.
    let path = capture.path().to_str().unwrap();
    std::thread::scope(|scope| {
        for cpu in ["0", "1"] {
            let lab = &lab;
            scope.spawn(move || {
                lab.exec(
                    &lab.tap,
                    "taskset",
                    &[
                        "-c",
                        cpu,
                        "tcpreplay",
                        "--quiet",
                        "--topspeed",
                        "--preload-pcap",
                        "--loop",
                        "20",
                        "-i",
                        "mirror",
                        path,
                    ],
                )
            });
        }
    });
    const SENT: u64 = 2 * 20 * 20_000;
    let mut before = 0;
    sensor.wait_until("nothing more comes", |sensor| {
        std::thread::sleep(Duration::from_millis(600));
        let now = sensor.metric("offport_packets_received_total", &[]);
        let still = now == before && now > 0;
        before = now;
        still
    });
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    for labels in [["stage=\"worker\"", "reason=\"ipv4_malformed\""], ["stage=\"xdp\"", "reason=\"not_ip\""]]
    {
        assert!(sum(&metrics, "offport_packets_dropped_total", &labels) > 1_000, "{labels:?}");
    }
    let seen = sum(&metrics, "offport_xdp_packets_total", &[]);
    let lost = sum(&metrics, "offport_packets_dropped_total", &["stage=\"socket\""]);
    eprintln!("sent {SENT}, reached XDP {seen}, lost before a worker {lost}");
    assert!(seen > SENT / 2, "only {seen} of {SENT} packets reached the tap");
    assert_eq!(sensor.end("-TERM"), Some(0));
}

#[test]
fn doctor_says_what_the_tap_can_do_and_leaves_it_as_it_was() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let examine = || {
        let output = lab
            .command(&lab.tap, env!("CARGO_BIN_EXE_offportd"))
            .args(["doctor", "-i", TAP, "--json"])
            .output()
            .unwrap();
        let findings: Vec<Value> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        (output.status.code(), findings)
    };
    let health = |findings: &[Value], check: &str| {
        let finding = findings.iter().find(|finding| finding["check"] == check);
        finding.unwrap_or_else(|| panic!("no check {check}"))["health"].as_str().unwrap().to_owned()
    };
    let (code, findings) = examine();
    assert_eq!(code, Some(0), "{findings:?}");
    assert_eq!(health(&findings, "native XDP"), "good");
    // veth has no zero-copy.
    assert_eq!(health(&findings, "zero-copy"), "warning");
    assert_eq!(health(&findings, "link"), "good");
    let layout = findings.iter().find(|finding| finding["check"] == "workers").unwrap();
    assert!(layout["remedy"].as_str().unwrap().contains("capture.cores = ["), "{layout}");
    assert!(layout["detail"].as_str().unwrap().contains("2 queues"), "{layout}");
    assert!(!lab.has_program());

    lab.ip(&format!("link set {TAP} down"));
    let (code, findings) = examine();
    assert_eq!(code, Some(1));
    assert_eq!(health(&findings, "link"), "bad");

    // Beside a running sensor it says who is there.
    lab.ip(&format!("link set {TAP} up"));
    let sensor = Sensor::start(&lab, "");
    let (_, findings) = examine();
    let native = findings.iter().find(|finding| finding["check"] == "native XDP").unwrap();
    assert_ne!(native["health"], "good", "{native}");
    assert!(native["detail"].as_str().unwrap().contains("attached already"), "{native}");
    assert!(lab.has_program());
    drop(sensor);
}
