//! One service and its clients under the eyes of a sensor.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{self, CLIENT, Lab, SERVER, TAP};
use crate::sensor::{Sensor, assert_identity, sum};
use crate::service::{self, Service};

/// What a server may take until it listens, and its clients until they are done.
const PATIENCE: Duration = Duration::from_secs(40);

/// Runs the service and asserts that its flows are those that it declares, and nothing else happened.
pub(crate) fn raises_no_alarm(name: &str) {
    let service = Service::read(name);
    if !lab::root() || !service.is_installed() {
        return;
    }
    let keep = std::env::var_os("OFFPORT_KEEP");
    let folder = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .permissions(PermissionsExt::from_mode(0o755))
        .disable_cleanup(keep.is_some())
        .tempdir_in(keep.clone().map_or_else(std::env::temp_dir, PathBuf::from))
        .unwrap();
    let folder = folder.path();

    let lab = Lab::new();
    let mut sensor = Sensor::start_with(&lab, &[TAP], service.workers, "");
    let capture = keep.is_some().then(|| Side::capture(&lab, folder));
    let mut server = Side::start(&lab, &lab.servers, &service, "serve", folder);
    server.wait_until_it_listens(&lab, &service);
    let mut visitor = Side::start(&lab, &lab.clients, &service, "visit", folder);
    let status = visitor.wait();
    let logs = format!("visit: {status:?}\n{}\nserve:\n{}", visitor.tail(), server.tail());
    drop(server);
    // Some servers speak up by themselves now and then.
    let metrics = metrics_at_rest(&sensor);
    assert_eq!(sensor.end("-TERM"), Some(0));
    if keep.is_some() {
        for name in ["events.jsonl", "flows.jsonl"] {
            // There is no file before there is a line.
            let _ = std::fs::copy(sensor.path(name), folder.join(name));
        }
    }
    drop(capture);

    assert!(status.is_some_and(|status| status.success()), "{logs}");
    assert_silent(&sensor.events(), &logs);
    assert_quiet(&metrics);
    assert_flows(&service, &sensor.flows());
}

/// The metrics once no packet comes any more: counters of the kernel and of workers are of different moments.
fn metrics_at_rest(sensor: &Sensor<'_>) -> String {
    const PACKETS: &str = "offport_xdp_packets_total";
    let mut metrics = sensor.get("/metrics");
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(700));
        let before = std::mem::replace(&mut metrics, sensor.get("/metrics"));
        if sum(&metrics, PACKETS, &[]) == sum(&before, PACKETS, &[]) {
            return metrics;
        }
    }
    panic!("packets came for 14 s");
}

/// No event. The events come last: where a long report is cut in the middle, its end is read.
fn assert_silent(events: &[Value], logs: &str) {
    let events: Vec<String> = events.iter().map(Value::to_string).collect();
    assert!(events.is_empty(), "{logs}\nevents:\n{}", events.join("\n"));
}

fn assert_quiet(metrics: &str) {
    assert_identity(metrics);
    for stage in ["stage=\"socket\"", "stage=\"worker\""] {
        assert_eq!(sum(metrics, "offport_packets_dropped_total", &[stage]), 0, "{stage}");
    }
    for alarm in ["mismatch", "unrecognised", "imposter", "forbidden"] {
        let label = format!("verdict=\"{alarm}\"");
        assert_eq!(sum(metrics, "offport_flows_judged_total", &[&label]), 0, "{label}");
    }
}

/// Every flow with a verdict is one of those that the service declares, and of each kind that is not optional there is one.
fn assert_flows(service: &Service, records: &[Value]) {
    let judged: Vec<&Value> =
        records.iter().filter(|record| record["offport"]["verdict"].is_string()).collect();
    let odd: Vec<&&Value> =
        judged.iter().filter(|record| !service.flows.iter().any(|flow| flow.fits(record))).collect();
    for flow in &service.flows {
        let count = judged.iter().filter(|record| flow.fits(record)).count();
        eprintln!("{}: {count} flows of {flow}", service.name);
        assert!(count > 0 || flow.is_optional(), "{}: no flow of {flow}, but {odd:#?}", service.name);
    }
    assert!(odd.is_empty(), "{}: {odd:#?}", service.name);
}

/// A process tree in namespaces of its own, which ends with its first process.
struct Side {
    child: Child,
    log: PathBuf,
}

impl Side {
    fn start(lab: &Lab, namespace: &str, service: &Service, part: &str, folder: &Path) -> Self {
        let mut command = lab.command(namespace, "unshare");
        command.args([
            "--mount",
            "--uts",
            "--ipc",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "bash",
        ]);
        command.arg(service::folder().join("prelude.sh")).args([&service.name, part]);
        command.envs([("work", folder.to_str().unwrap()), ("server", SERVER), ("client", CLIENT)]);
        Self::spawn(command, folder, part)
    }

    fn capture(lab: &Lab, folder: &Path) -> Self {
        let mut command = lab.command(&lab.tap, "tcpdump");
        command.args(["-i", "mirror", "-Q", "out", "-U", "-Z", "root", "-s", "0", "-w"]);
        command.arg(folder.join("capture.pcap"));
        Self::spawn(command, folder, "capture")
    }

    fn spawn(mut command: Command, folder: &Path, part: &str) -> Self {
        let log = folder.join(format!("{part}.log"));
        let file = File::create(&log).unwrap();
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    fn wait_until_it_listens(&mut self, lab: &Lab, service: &Service) {
        let start = Instant::now();
        for (table, filter) in service.sockets() {
            while lab.exec(&lab.servers, "ss", &[table, &filter]).stdout.is_empty() {
                let ended = self.child.try_wait().unwrap();
                let late = start.elapsed() > PATIENCE;
                assert!(ended.is_none() && !late, "{}: nothing at {filter}:\n{}", service.name, self.tail());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Waits for its end; `None` if that takes too long.
    fn wait(&mut self) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// The end of its log.
    fn tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4_000)..]).into_owned()
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // The children of `unshare` end with it: it is the parent of their namespace's first process.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
