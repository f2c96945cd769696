//! What the sensor says of itself.

use std::time::Duration;

use crate::lab::{self, Lab};
use crate::sensor::Sensor;
use crate::{assert_identity, offline, sum};

#[test]
fn no_level_has_a_line_for_a_packet_or_a_flow() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    // Most packets are the first of a flow that finds the table full; some are malformed, some no IP.
    let mut sensor = Sensor::start(&lab, "[log]\nlevel = \"trace\"\n[flow]\nmax_flows = 1024");
    sensor.wait_for_log("TRACE");
    let received = |metrics: &str| sum(metrics, "offport_packets_received_total", &[]);
    let before = received(&sensor.get("/metrics"));
    sensor.read_log();
    let already = sensor.logged.len();

    const PACKETS: u32 = 10_000;
    let capture = offline::flood(PACKETS);
    lab.exec(
        &lab.tap,
        "tcpreplay",
        &["--quiet", "--pps=5000", "-i", "mirror", capture.path().to_str().unwrap()],
    );
    std::thread::sleep(Duration::from_millis(500));
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    assert!(received(&metrics) - before > u64::from(PACKETS) / 2, "most of them came");
    assert!(sum(&metrics, "offport_flows_evicted_total", &[]) > 1_000, "the table was full");
    sensor.read_log();
    // Of one place the log takes 200 lines a minute, so that these would be at least as many.
    let said = &sensor.logged[already..];
    assert!(said.len() < 100, "{} lines:\n{}", said.len(), said[..100.min(said.len())].join("\n"));
    assert_eq!(sensor.end("-TERM"), Some(0));
}
