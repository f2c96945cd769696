//! What goes wrong while the sensor runs, and how it goes on: docs/reliability.md has a row for each.

use std::time::{Duration, Instant};

use crate::lab::{self, Lab};
use crate::sensor::{Sensor, assert_identity};
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
        sensor.metric("offport_flows_created_total", &[]) >= 41
            && of("worker=\"0\"") > 0
            && of("worker=\"1\"") > 0
    });
    sensor.wait_until("/readyz is well again", |sensor| sensor.get("/readyz").starts_with("ready"));
    std::thread::sleep(Duration::from_millis(1_200));
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    let lost = crate::sensor::sum(&metrics, "offport_packets_dropped_total", &["reason=\"panic\""]);
    // A batch at the most for each.
    assert!(lost > 0 && lost <= 64 * restarts, "{lost} packets were lost with {restarts} panics");
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
    // Each flow has its record, those of the worker's first life too.
    let http = sensor.flows().iter().filter(|flow| flow["network"]["protocol"] == "http").count();
    assert!(http >= 40, "{http} of 40 flows have a record of HTTP");
}
