//! A control group that bounds memory: what the disk cache takes is given back, what the tables take is not.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::lab::{self, Lab};
use crate::sensor::{Sensor, assert_identity, sum};
use crate::traffic;

/// A control group of the test's own, of either version; removed when dropped.
struct Group {
    folder: PathBuf,
    /// `memory.max` (version 2) or `memory.limit_in_bytes` (version 1).
    limit: &'static str,
    /// Mounted for this test: to be taken off again.
    mounted: Option<tempfile::TempDir>,
}

impl Group {
    fn new() -> Self {
        let name = format!("offport-test-{}", std::process::id());
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let mounted = mounts.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (place, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
            let is_one = kind == "cgroup" && options.split(',').any(|option| option == "memory");
            (is_one || kind == "cgroup2" && has_memory(Path::new(place)))
                .then(|| (PathBuf::from(place), is_one))
        });
        let (root, is_one, own) = match mounted {
            Some((root, is_one)) => (root, is_one, None),
            // A chroot, mostly.
            None => {
                let own = tempfile::tempdir().unwrap();
                let mount = |arguments: &[&str]| {
                    let status =
                        Command::new("mount").args(arguments).arg(own.path()).stderr(Stdio::null()).status();
                    status.unwrap().success()
                };
                let is_two = mount(&["-t", "cgroup2", "none"]);
                if is_two && !has_memory(own.path()) {
                    assert!(Command::new("umount").arg(own.path()).status().unwrap().success());
                }
                let is_one =
                    !(is_two && has_memory(own.path())) && mount(&["-t", "cgroup", "-o", "memory", "none"]);
                assert!(is_one || has_memory(own.path()), "no control groups for memory");
                (own.path().to_owned(), is_one, Some(own))
            }
        };
        if !is_one {
            // Children have it then.
            std::fs::write(root.join("cgroup.subtree_control"), "+memory").unwrap();
        }
        let folder = root.join(name);
        std::fs::create_dir(&folder).unwrap();
        Self { folder, limit: if is_one { "memory.limit_in_bytes" } else { "memory.max" }, mounted: own }
    }

    fn allow(&self, bytes: u64) {
        std::fs::write(self.folder.join(self.limit), bytes.to_string()).unwrap();
    }

    fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// How often the limit was reached.
    fn reached(&self) -> u64 {
        if let Ok(count) = std::fs::read_to_string(self.folder.join("memory.failcnt")) {
            return count.trim().parse().unwrap();
        }
        let events = std::fs::read_to_string(self.folder.join("memory.events")).unwrap();
        events.lines().find_map(|line| line.strip_prefix("max ")).unwrap().parse().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Empty by now: a process that was killed leaves a moment later.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        if let Some(own) = &self.mounted {
            let _ = Command::new("umount").arg(own.path()).status();
        }
    }
}

fn has_memory(root: &Path) -> bool {
    std::fs::read_to_string(root.join("cgroup.controllers"))
        .is_ok_and(|all| all.split_whitespace().any(|one| one == "memory"))
}

#[test]
fn a_memory_limit_costs_the_disk_cache_and_only_then_the_sensor() {
    if !lab::root() {
        return;
    }
    const LIMIT: u64 = 48 << 20;
    let lab = Lab::new();
    let group = Group::new();
    group.allow(LIMIT);
    let more = "[shunt]\nenabled = false\n[store.packets]\nsession = \"256MiB\"\nflagged = \"256MiB\"";
    let mut sensor = Sensor::start(&lab, more);
    // What it has taken until now stays where it was counted; what it takes from now on is bounded.
    std::fs::write(group.processes(), sensor.pid().to_string()).unwrap();
    // A worker that is behind keeps less of them.
    for _ in 0..16 {
        traffic::transfer(&lab, 80, 24 << 20, 1);
        if sensor.metric("offport_evidence_bytes_total", &[]) > LIMIT * 3 / 2 {
            break;
        }
    }
    let written = sensor.metric("offport_evidence_bytes_total", &[]);
    let lost = sensor.get("/metrics");
    assert!(written > LIMIT * 3 / 2, "{written} bytes are on disk\n{lost}");
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let metrics = sensor.get("/metrics");
    assert!(group.reached() > 0, "the limit was never reached");
    assert!(sensor.get("/readyz").starts_with("ready"));
    assert_eq!(sum(&metrics, "offport_worker_restarts_total", &[]), 0);
    assert_identity(&metrics);
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));

    // Below what a start takes: the kernel ends it, and the interface is as it was.
    group.allow(16 << 20);
    let config = sensor.path("offport.toml");
    // It waits for a word until it is in the group, which its namespace does not show.
    let mut child = lab
        .command(&lab.tap, "sh")
        .args(["-c", "read -r word && exec \"$@\"", "sh"])
        .args([env!("CARGO_BIN_EXE_offportd"), "run", "--quiet", "-i", lab::TAP, "-c"])
        .arg(&config)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::fs::write(group.processes(), child.id().to_string()).unwrap();
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let killed = child.wait().unwrap();
    assert_eq!(killed.signal(), Some(9), "{killed}");
    assert!(!lab.has_program(), "it left its program behind");
    sensor.start_again();
    traffic::transfer(&lab, 80, 1_000, 1_000);
    sensor.wait_until("it watches again", |sensor| sensor.metric("offport_flows_created_total", &[]) > 0);
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
}
