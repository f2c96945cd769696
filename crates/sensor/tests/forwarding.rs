//! Events of a running `offportd` to real servers: NATS JetStream, Alertmanager, rsyslog. Everything runs in network namespaces
//! of the test's own, and is killed now and then.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "a test may fail in any way; the helpers are those of other tests too"
)]

#[path = "forwarding/alertmanager.rs"]
mod alertmanager;
#[path = "forwarding/daemon.rs"]
mod daemon;
#[path = "forwarding/full_disk.rs"]
mod full_disk;
#[path = "live/lab.rs"]
mod lab;
#[path = "forwarding/nats.rs"]
mod nats;
#[path = "forwarding/raw_flows.rs"]
mod raw_flows;
#[path = "forwarding/rfc5424.rs"]
mod rfc5424;
#[path = "forwarding/secrets.rs"]
mod secrets;
#[path = "live/sensor.rs"]
mod sensor;
#[path = "forwarding/syslog.rs"]
mod syslog;
#[path = "live/traffic.rs"]
mod traffic;

use std::collections::BTreeSet;

/// The families of a scrape that docs/metrics.md has under the heading about forwarding: all of them, and no others.
fn assert_documented(metrics: &str) {
    let families: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| name.starts_with("offport_forward_"))
        .collect();
    let page = include_str!("../../../docs/metrics.md");
    let (_, section) = page.split_once("\n## Do events leave the sensor?\n").unwrap();
    let rows =
        section.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let documented: BTreeSet<&str> =
        rows.flat_map(|names| names.split('`').filter(|name| name.contains('_'))).collect();
    assert_eq!(documented, families);
}
