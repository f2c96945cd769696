//! An overloaded worker gives slots away.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::lab::{self, Lab};
use crate::offline::udp_capture;
use crate::sensor::{Sensor, sum};

/// Flows that go on all the time.
const OLD: u32 = 200;
/// Packets of one flow between two of others: what overloads a worker, for a test's idea of that.
const ELEPHANT: u32 = 50;
const STEPS: u32 = 4_000;
/// A new flow says something twice, so many steps apart.
const APART: u32 = 500;

/// The number of the flow of each packet. New flows have the numbers from 1,000 on.
fn script() -> Vec<u32> {
    let mut flows = Vec::new();
    for step in 0..STEPS {
        flows.extend([0].repeat(ELEPHANT as usize));
        flows.push(1 + step % OLD);
        if step + APART < STEPS {
            flows.push(1_000 + step);
        }
        if let Some(earlier) = step.checked_sub(APART) {
            flows.push(1_000 + earlier);
        }
    }
    flows
}

#[test]
fn an_overloaded_worker_gives_new_flows_away_and_keeps_its_own() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    // Without a store: its writers would share the two cores with the workers, whose loads are what is looked at.
    // With rings that hold more than half a second of what is sent: a machine that stands still for a moment loses
    // packets as any sensor would there, and what moving costs is the question.
    let mut sensor = Sensor::start(
        &lab,
        "[capture]\nrebalance_above = 1\nframe_size = 2048\nrx_ring = 16384\nfill_ring = 32768\n\
         [shunt]\nenabled = false\n[store.packets]\nenabled = false\n[store.flows]\nenabled = false",
    );
    let script = script();
    let capture = udp_capture(&script);
    lab.exec(
        &lab.tap,
        "tcpreplay",
        &["--quiet", "--pps=25000", "-i", "mirror", capture.path().to_str().unwrap()],
    );
    std::thread::sleep(Duration::from_millis(500));
    let metrics = sensor.get("/metrics");
    crate::assert_identity(&metrics);
    let begun = sum(&metrics, "offport_steering_moves_total", &["result=\"begun\""]);
    assert!(begun > 0, "no slot has moved");
    assert_eq!(sum(&metrics, "offport_steering_moves_total", &["result=\"given_up\""]), 0);
    assert_eq!(sum(&metrics, "offport_steering_slots", &[]), 512);
    let dropped: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("offport_packets_dropped_total") && !line.ends_with(" 0"))
        .collect();
    assert!(dropped.is_empty(), "{dropped:#?}");
    sensor.wait_for_log("new flows of");
    assert_eq!(sensor.end("-TERM"), Some(0));

    let mut sent: HashMap<u32, u64> = HashMap::new();
    script.iter().for_each(|flow| *sent.entry(*flow).or_default() += 1);
    let flows = sensor.flows();
    assert_eq!(flows.len(), sent.len(), "one record for each flow");
    let number = |flow: &Value| {
        let ip: std::net::Ipv4Addr = flow["source"]["ip"].as_str().unwrap().parse().unwrap();
        u32::from(ip) & 0xff_ffff
    };
    let worker = |flow: &Value| flow["offport"]["worker"].as_u64().unwrap();
    for flow in &flows {
        assert_eq!(flow["source"]["packets"].as_u64(), sent.get(&number(flow)).copied(), "{flow}");
    }
    let donor = flows.iter().find(|flow| number(flow) == 0).map(worker).unwrap();
    let share = |from: u32, to: u32| {
        let late: Vec<_> = flows.iter().filter(|flow| (from..to).contains(&number(flow))).collect();
        late.iter().filter(|flow| worker(flow) == donor).count() as f64 / late.len() as f64
    };
    let (before, after) = (share(1_000, 1_300), share(1_000 + STEPS / 2, 1_000 + STEPS - APART));
    assert!(after < before - 0.05, "{before} of the first new flows, {after} of the last");
    assert!(share(1, 1 + OLD) > 0.0, "it has flows of before");
}
