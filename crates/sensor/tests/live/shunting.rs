//! Shunting on live traffic: records are the same as those of a capture of the same packets.

use std::time::Duration;

use serde_json::Value;

use crate::dump::Dump;
use crate::lab::{self, Lab, SERVER};
use crate::sensor::{Sensor, sum};
use crate::traffic::{self, Server};
use crate::{assert_identity, offline};

/// TCP records without time, place and what shunting makes unknown, in order.
fn comparable(flows: Vec<Value>) -> Vec<Value> {
    let mut flows: Vec<_> = flows
        .iter()
        .filter(|flow| flow["network"]["transport"] == "tcp")
        .map(|flow| {
            let mut flow = offline::without_time_and_place(flow);
            flow["offport"].as_object_mut().unwrap().remove("shunted");
            let tcp = flow["offport"]["tcp"].as_object_mut().unwrap();
            // Nobody sees them in the kernel; and in the lab two CPUs send for one socket.
            tcp.retain(|field, _| field != "retransmitted" && field != "out_of_order");
            flow
        })
        .collect();
    flows.sort_by_key(|flow| flow["source"]["port"].as_u64());
    flows
}

/// Plays `traffic` for a sensor with this configuration. Its records are held against a capture's, then returned.
fn hold_against_capture(config: &str, traffic: impl FnOnce(&Lab, &mut Sensor<'_>)) -> Vec<Value> {
    let lab = Lab::new();
    let mut dump = Dump::start(&lab, 256);
    let mut sensor = Sensor::start(&lab, config);
    traffic(&lab, &mut sensor);
    // Servers that end with the traffic send their last packets, and get answers.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(sensor.end("-TERM"), Some(0));
    let (live, offline) = (sensor.flows(), comparable(offline::flows(&dump.stop())));
    assert!(!offline.is_empty());
    assert_eq!(comparable(live.clone()), offline);
    live
}

fn shunted_packets(flow: &Value) -> u64 {
    flow["offport"]["shunted"]["packets"].as_u64().unwrap_or(0)
}

/// The table's own account, at rest.
fn assert_table(sensor: &mut Sensor<'_>, inserts: u64) {
    sensor.wait_until("all entries are free", |sensor| {
        let metrics = sensor.get("/metrics");
        let removed = sum(&metrics, "offport_shunt_removed_total", &[]);
        removed >= inserts && sum(&metrics, "offport_shunt_inserts_total", &[]) == removed
    });
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    let metric = |name| sum(&metrics, name, &[]);
    assert_eq!((metric("offport_shunt_entries"), metric("offport_flows_shunted")), (0, 0));
    assert_eq!(
        metric("offport_xdp_shunted_packets_total"),
        metric("offport_shunted_packets_total") + metric("offport_shunted_late_packets_total")
    );
    assert_eq!(metric("offport_shunted_late_packets_total"), 0);
}

#[test]
fn an_elephant_costs_no_worker_anything_and_its_totals_are_exact() {
    if !lab::root() {
        return;
    }
    const UP: usize = 50_000_000;
    const DOWN: usize = 10_000_000;
    let flows = hold_against_capture("", |lab, sensor| {
        // After the upload the client closes its side: the flow comes up, and is shunted again in the download.
        traffic::transfer(lab, 80, UP, DOWN);
        sensor.wait_until("the flow has ended", |sensor| {
            sensor.metric("offport_flows_ended_total", &["reason=\"fin\""]) >= 1
        });
        assert_table(sensor, 2);
        let received = sensor.metric("offport_packets_received_total", &[]);
        let seen = sensor.metric("offport_xdp_packets_total", &[]);
        eprintln!("of {seen} packets {received} came to a worker");
        assert!(received * 5 < seen, "{received} of {seen} packets came up");
    });
    let flow = flows.iter().find(|flow| flow["destination"]["port"] == 80).unwrap();
    let total =
        flow["source"]["packets"].as_u64().unwrap() + flow["destination"]["packets"].as_u64().unwrap();
    assert!(shunted_packets(flow) * 5 > total * 4, "{flow}");
    assert!(flow["source"]["bytes"].as_u64().unwrap() > UP as u64);
    assert!(flow["destination"]["bytes"].as_u64().unwrap() > DOWN as u64);
    assert_eq!(flow["offport"]["tcp"]["state"], "closed");
}

#[test]
fn flows_without_room_in_the_table_go_on_in_the_worker() {
    if !lab::root() {
        return;
    }
    let flows = hold_against_capture("[shunt]\nentries = 8", |lab, sensor| {
        let _server = Server::start(lab, 80, "", 1);
        traffic::parallel(lab, 80, 12, 100_000);
        sensor.wait_until("all have ended", |sensor| {
            sensor.metric("offport_flows_ended_total", &["reason=\"fin\""]) >= 12
        });
        assert!(sensor.metric("offport_shunt_failed_total", &[]) >= 4);
        assert_eq!(sensor.metric("offport_shunt_capacity", &[]), 8);
        assert_table(sensor, 8);
    });
    let shunted = flows.iter().filter(|flow| shunted_packets(flow) > 0).count();
    assert_eq!((shunted, flows.len()), (8, 12));
}

#[test]
fn a_flow_that_lives_in_the_kernel_neither_ends_nor_is_forgotten_at_the_end() {
    if !lab::root() {
        return;
    }
    let flows = hold_against_capture("[flow.timeouts]\nestablished = \"2s\"", |lab, sensor| {
        let _server = Server::start(lab, 80, "", 1);
        // Twice as long as a silent flow lives, then silent but open when the sensor stops.
        let script = format!(
            "import socket, time\n\
             s = socket.create_connection(('{SERVER}', 80), timeout=10)\n\
             s.sendall(b'POST / HTTP/1.1\\r\\nContent-Length: 1000000\\r\\n\\r\\n' + b'x' * 100000)\n\
             for _ in range(16):\n\
             \x20   time.sleep(0.25)\n\
             \x20   s.sendall(b'y' * 100)\n\
             time.sleep(20)\n"
        );
        // It ends with its namespace.
        let in_background = "exec python3 -c \"$0\" </dev/null >/dev/null 2>&1 &";
        lab.exec(&lab.clients, "sh", &["-c", in_background, &script]);
        std::thread::sleep(Duration::from_millis(5_500));
        assert_eq!(sensor.metric("offport_flows_shunted", &[]), 1);
        assert_eq!(sensor.metric("offport_flows_ended_total", &[]), 0);
    });
    assert_eq!(flows.len(), 1);
    assert!(shunted_packets(&flows[0]) >= 16, "{}", flows[0]);
    assert_eq!(flows[0]["event"]["reason"], "shutdown");
}

#[test]
fn verdicts_named_are_not_shunted() {
    if !lab::root() {
        return;
    }
    let flows = hold_against_capture("[shunt]\nnever = [\"expected\"]", |lab, sensor| {
        traffic::transfer(lab, 80, 1_000_000, 1_000_000);
        traffic::transfer(lab, 8080, 1_000_000, 1_000_000);
        sensor.wait_until("both have ended", |sensor| {
            sensor.metric("offport_flows_ended_total", &["reason=\"fin\""]) >= 2
        });
    });
    for flow in &flows {
        let expected = flow["offport"]["verdict"] == "expected";
        assert_eq!(shunted_packets(flow) == 0, expected, "{flow}");
    }
}
