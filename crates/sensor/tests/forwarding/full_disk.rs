//! A spool whose disk is full, and then read-only: what comes waits in memory, and all of it is sent in the end.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::daemon::can_run;
use crate::lab::Lab;
use crate::nats;
use crate::raw_flows::RawFlows;
use crate::sensor::Sensor;

/// A small file system of the test's own.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn new(at: &'a Path) -> Self {
        let disk = Self(at);
        disk.mount("size=128k");
        disk
    }

    fn mount(&self, options: &str) {
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_that_fits_into_memory() {
    if !can_run(&["nats-server", "mount"]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    let mount = tempfile::tempdir().unwrap();
    let disk = Disk::new(mount.path());
    let filler = mount.path().join("filler");
    // It ends with an error, when no more fits.
    let _ = std::fs::write(&filler, vec![1; 1 << 20]);

    let config = nats::config(&mount.path().join("spool"));
    let nats = |sensor: &Sensor<'_>, name: &str| sensor.metric(name, &["sink=\"nats\""]);
    let mut sensor = Sensor::start(&lab, &config);
    flows.run(1..11, 0.02);
    sensor.wait_until("all wait", |sensor| nats(sensor, "offport_forward_waiting") >= 10);
    assert!(nats(&sensor, "offport_forward_spool_errors_total") > 0);
    std::fs::remove_file(&filler).unwrap();
    sensor.wait_for_log("the spool is written again");
    let mut events = BTreeSet::new();
    nats::kill(sensor, &mut events);
    assert!(events.len() >= 10);

    // Read-only: what is on it is sent, and what comes waits in memory.
    disk.mount("remount,ro");
    let mut sensor = Sensor::start(&lab, &config);
    flows.run(11..21, 0.02);
    sensor.wait_until("it is noticed", |sensor| nats(sensor, "offport_forward_spool_errors_total") > 0);
    let _server = nats::server(&lab, &folder.path().join("store"));
    nats::client(&lab, "make");
    sensor.wait_until("all is sent", |sensor| {
        sensor.events().len() >= 20
            && nats(sensor, "offport_forward_waiting") == 0
            && nats(sensor, "offport_forward_connected") == 1
    });
    assert_eq!(nats(&sensor, "offport_forward_dropped_total"), 0);
    assert_eq!(sensor.end("-TERM"), Some(0));
    events.extend(sensor.events().iter().map(nats::name));
    let stored: BTreeSet<_> = nats::stored(&lab, "offport.events").into_values().collect();
    let missing: Vec<_> = events.difference(&stored).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
