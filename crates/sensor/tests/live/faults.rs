//! What goes wrong while the sensor runs, and how it goes on: docs/reliability.md has a row for each.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::lab::{self, Lab};
use crate::offline;
use crate::sensor::{Sensor, assert_identity, sum};
use crate::traffic::{self, Server};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: example\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_worker_that_panics_begins_anew() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let _server = Server::start(&lab, 80, ANSWER, 1);
    let mut sensor = Sensor::start_in_environment(&lab, &[("OFFPORT_TEST_PANIC", "poison-9f2c")]);
    traffic::connections(&lab, 80, 20, REQUEST, 0);
    sensor.wait_until("the first flows", |sensor| sensor.metric("offport_flows_created_total", &[]) >= 20);

    let start = Instant::now();
    traffic::connections(&lab, 80, 1, "GET /poison-9f2c HTTP/1.1\r\nHost: example\r\n\r\n", 0);
    sensor.wait_until("a worker has begun anew", |sensor| {
        sensor.metric("offport_worker_restarts_total", &[]) > 0
    });
    let passed = start.elapsed();
    assert!(sensor.get("/readyz").contains("worker"), "/readyz says so");
    // The request is in one packet, and may be sent again.
    let restarts = sensor.metric("offport_worker_restarts_total", &[]);
    eprintln!("{restarts} restarts, the first seen after {passed:?}");

    traffic::connections(&lab, 80, 20, REQUEST, 0);
    sensor.wait_until("flows of both workers", |sensor| {
        let of = |worker: &str| sensor.metric("offport_packets_received_total", &[worker]);
        // Of the poisoned one not always: all its packets may be in the batch that is lost.
        sensor.metric("offport_flows_created_total", &[]) >= 40
            && of("worker=\"0\"") > 0
            && of("worker=\"1\"") > 0
    });
    sensor.wait_until("/readyz is well again", |sensor| sensor.get("/readyz").starts_with("ready"));
    std::thread::sleep(Duration::from_millis(1_200));
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    let lost = sum(&metrics, "offport_packets_dropped_total", &["reason=\"restart\""]);
    // A batch at the most for each.
    assert!(lost > 0 && lost <= 64 * restarts, "{lost} packets were lost with {restarts} panics");
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
    // Each flow has its record, those of the worker's first life too.
    let http = sensor.flows().iter().filter(|flow| flow["network"]["protocol"] == "http").count();
    assert!(http >= 40, "{http} of 40 flows have a record of HTTP");
}

#[test]
fn who_is_ready_has_its_tables() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let _server = Server::start(&lab, 80, ANSWER, 1);
    let mut sensor = Sensor::launch_in_environment(&lab, &[("OFFPORT_TEST_LATE", "5000")]);
    sensor.wait_for_log("watching");
    assert_eq!(sensor.get("/readyz").trim(), "not ready: starting");
    sensor.signal("-HUP");
    // What comes now waits in the rings, as the reload does.
    traffic::connections(&lab, 80, 20, REQUEST, 0);
    sensor.wait_until("it is ready", |sensor| sensor.get("/readyz").starts_with("ready"));
    sensor.wait_until("the flows", |sensor| sensor.metric("offport_flows_created_total", &[]) >= 20);
    sensor.wait_until("it was read", |sensor| sensor.metric("offport_reloads_total", &["done"]) == 1);
    settle();
    assert_identity(&sensor.get("/metrics"));
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
    let http = sensor.flows().iter().filter(|flow| flow["network"]["protocol"] == "http").count();
    assert_eq!(http, 20);
}

#[test]
fn a_clock_that_is_set_back_costs_no_packet() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let _server = Server::start(&lab, 80, ANSWER, 1);
    let mut sensor = Sensor::start_in_environment(&lab, &[("OFFPORT_TEST_SET_BACK", "yesterday-71ac")]);
    traffic::connections(&lab, 80, 20, REQUEST, 0);
    sensor.wait_until("the first flows", |sensor| sensor.metric("offport_flows_created_total", &[]) >= 20);
    traffic::connections(&lab, 80, 1, "GET /yesterday-71ac HTTP/1.1\r\nHost: example\r\n\r\n", 0);
    // Both read the same clock.
    sensor.wait_until("both workers have begun anew", |sensor| {
        sensor.metric("offport_worker_restarts_total", &[]) == 2
    });
    sensor.wait_for_log("the clock was set back by 3");
    traffic::connections(&lab, 80, 20, REQUEST, 0);
    sensor.wait_until("the flows after it", |sensor| sensor.metric("offport_flows_created_total", &[]) >= 41);
    settle();
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    assert_eq!(sum(&metrics, "offport_worker_restarts_total", &[]), 2, "once is enough");
    assert_eq!(dropped(&metrics, "stage=\"worker\""), 0);
    assert_eq!(dropped(&metrics, "stage=\"socket\""), 0);
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
    let flows = sensor.flows();
    let whole = |flow: &&serde_json::Value| {
        flow["network"]["protocol"] == "http" && flow["offport"]["verdict"] == "expected"
    };
    assert!(flows.iter().filter(whole).count() >= 40, "{flows:#?}");
}

#[test]
fn an_mtu_that_changes_costs_nothing() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let _server = Server::start(&lab, 80, ANSWER, 1);
    let mut sensor = Sensor::start(&lab, "");
    for (round, mtu) in (1..).zip([1_400, 1_500, 1_280]) {
        lab.ip(&format!("link set mirror mtu {mtu}"));
        lab.ip(&format!("link set {} mtu {mtu}", lab::TAP));
        traffic::connections(&lab, 80, 20, REQUEST, 0);
        sensor.wait_until("all flows of the round", |sensor| {
            sensor.metric("offport_flows_created_total", &[]) >= 20 * round
        });
    }
    settle();
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    assert_eq!(dropped(&metrics, "stage=\"socket\""), 0);
    assert!(sensor.get("/readyz").starts_with("ready"));
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
    let http = sensor.flows().iter().filter(|flow| flow["network"]["protocol"] == "http").count();
    assert_eq!(http, 60);
}

#[test]
fn a_sensor_that_stood_still_goes_on() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let _server = Server::start(&lab, 80, "", 1);
    let mut sensor = Sensor::start(&lab, "");
    let free = |sensor: &Sensor<'_>| sensor.metric("offport_frames_free", &[]);
    sensor.wait_until("frames are counted", |sensor| free(sensor) > 0);
    let before = free(&sensor);
    sensor.signal("-STOP");
    // Rings have some thousand places.
    traffic::client(
        &lab,
        &format!(
            "import socket\n\
             s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
             for number in range(60000):\n\
             \x20   s.sendto(number.to_bytes(4, 'big') * 20, ('{}', 9999))\n",
            lab::SERVER
        ),
    );
    sensor.signal("-CONT");
    sensor.wait_until("what was lost is counted", |sensor| {
        dropped(&sensor.get("/metrics"), "stage=\"socket\"") > 0
    });
    traffic::pour(&lab, 80, "0102030405060708f0f1f2f3", 0.2);
    sensor.wait_until("raw data is flagged", |sensor| !sensor.events().is_empty());
    settle();
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    // Frames come back, but for those that workers hold in reserve.
    let (after, all) = (free(&sensor), sum(&metrics, "offport_frames", &[]));
    eprintln!("{before} of {all} frames were free before, {after} are after");
    assert!(
        before.abs_diff(after) <= all / 16,
        "{before} of {all} frames were free before, {after} are after"
    );
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
}

#[test]
fn scrapes_and_clients_that_stand_still_cost_nothing() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let _server = Server::start(&lab, 80, "", 1);
    let mut sensor = Sensor::start(&lab, "");
    let scrape = |count: u32, still: u32| {
        let script = format!(
            "import http.client, socket\n\
             still = [socket.create_connection(('127.0.0.1', 10217)) for _ in range({still})]\n\
             for s in still[::2]: s.sendall(b'GET /metrics HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n\
             for _ in range({count}):\n\
             \x20   c = http.client.HTTPConnection('127.0.0.1', 10217, timeout=60)\n\
             \x20   c.request('GET', '/metrics')\n\
             \x20   body = c.getresponse().read()\n\
             \x20   assert b'offport_packets_received_total' in body\n\
             \x20   c.close()\n"
        );
        lab.exec(&lab.tap, "timeout", &["120", "python3", "-c", &script]);
    };
    sensor.wait_until("it publishes", |sensor| {
        sensor.get("/metrics").contains("offport_packets_received_total")
    });
    scrape(500, 0);
    let before = (resident(&sensor), descriptors(&sensor));
    scrape(10_000, 0);
    // Half of them ask and do not read, half say nothing; whoever comes after waits for them, no longer.
    scrape(10, 200);
    sensor.wait_until("their places are free", |sensor| descriptors(sensor) <= before.1);
    let after = resident(&sensor);
    assert!(after <= before.0 + (8 << 10), "{} KiB before, {after} after", before.0);
    traffic::pour(&lab, 80, "0102030405060708f0f1f2f3", 0.2);
    sensor.wait_until("raw data is flagged", |sensor| !sensor.events().is_empty());
    settle();
    assert_identity(&sensor.get("/metrics"));
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
}

#[test]
fn a_flood_of_flows_keeps_nothing_else_waiting() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut sensor = Sensor::start(&lab, "[flow]\nmax_flows = 4096");
    // More flows than records can be written of: in each packet another one, so that the table and its ring are full.
    let file = offline::handshakes();
    let path = file.path().to_str().unwrap();
    let mut flood = lab
        .command(&lab.tap, "tcpreplay")
        .args([
            "-q",
            "--topspeed",
            "--preload-pcap",
            "--loop",
            "400",
            "--duration",
            "40",
            "-i",
            "mirror",
            path,
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut goes_on = || flood.try_wait().unwrap().is_none();
    let lost = |sensor: &Sensor<'_>| sensor.metric("offport_records_lost_total", &[]);
    sensor.wait_until("records have no room", |sensor| lost(sensor) > 0);
    for round in 1..=3 {
        let before = lost(&sensor);
        sensor.signal("-HUP");
        sensor.wait_until("metrics and a reload come meanwhile", |sensor| {
            sensor.metric("offport_reloads_total", &["done"]) == round && lost(sensor) > before
        });
        assert!(goes_on(), "the flood was over before that could be seen");
    }
    flood.kill().unwrap();
    flood.wait().unwrap();
    settle();
    assert_identity(&sensor.get("/metrics"));
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
}

/// All of a datagram's fragments go to one worker, which hands it to the one that has the flow.
#[test]
fn the_end_loses_nothing_between_workers() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    for _ in 0..6 {
        let mut sensor = Sensor::start(&lab, "");
        // Both workers have packets waiting when the end comes. The one that has another flow's, too, is done later: every other
        // time it is the one that hands over.
        sensor.signal("-STOP");
        traffic::client(
            &lab,
            &format!(
                "import socket\n\
                 other, s = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))\n\
                 for number in range(1500): other.sendto(bytes(100), ('{0}', 9998))\n\
                 for number in range(150): s.sendto(number.to_bytes(4, 'big') * 1000, ('{0}', 9999))\n",
                lab::SERVER
            ),
        );
        sensor.signal("-TERM");
        assert_eq!(sensor.end("-CONT"), Some(0), "{}", sensor.logged.join("\n"));
        let last = sensor.logged.iter().find(|line| line.contains(" stopped ")).unwrap();
        eprintln!("{last}");
        let of = |name: &str| -> u64 {
            let (_, rest) = last.split_once(&format!(" {name}=")).unwrap();
            rest.split(' ').next().unwrap().parse().unwrap()
        };
        assert!(of("received") >= 1_950, "{last}");
        assert_eq!(of("received"), of("processed") + of("dropped") + of("held"), "{last}");
        assert!(!sensor.logged.iter().any(|line| line.contains("do not add up")));
    }
}

/// Until what came is counted and published.
fn settle() {
    std::thread::sleep(Duration::from_millis(1_500));
}

fn dropped(metrics: &str, labels: &str) -> u64 {
    sum(metrics, "offport_packets_dropped_total", &[labels])
}

/// KiB of memory that is the process's own.
fn resident(sensor: &Sensor<'_>) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sensor.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn descriptors(sensor: &Sensor<'_>) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", sensor.pid())).unwrap().count()
}
