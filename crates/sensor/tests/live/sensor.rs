//! A running `offportd` of a test's own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::lab::{Lab, TAP};

/// The sensor, its files and its listener. Killed when dropped.
pub(crate) struct Sensor<'a> {
    lab: &'a Lab,
    child: Child,
    folder: TempDir,
    log: std::sync::mpsc::Receiver<String>,
    /// What was logged so far.
    pub(crate) logged: Vec<String>,
}

impl<'a> Sensor<'a> {
    /// Starts it on the tap with two workers and waits until it is ready. `more` is added to the configuration.
    pub(crate) fn start(lab: &'a Lab, more: &str) -> Self {
        Self::start_on(lab, &[TAP], more)
    }

    /// The same on several interfaces.
    pub(crate) fn start_on(lab: &'a Lab, interfaces: &[&str], more: &str) -> Self {
        Self::start_with(lab, interfaces, 2, more)
    }

    /// The same with so many workers.
    pub(crate) fn start_with(lab: &'a Lab, interfaces: &[&str], workers: u32, more: &str) -> Self {
        Self::launch_in(tempfile::tempdir().unwrap(), lab, interfaces, workers, more, &[]).when_ready()
    }

    /// As [`Sensor::start`], with files in a folder that belongs to a user.
    pub(crate) fn start_as(lab: &'a Lab, user: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        assert!(Command::new("chown").arg(user).arg(folder.path()).status().unwrap().success());
        Self::launch_in(folder, lab, &[TAP], 2, more, &[]).when_ready()
    }

    /// As [`Sensor::start`], with variables in its environment.
    pub(crate) fn start_in_environment(lab: &'a Lab, environment: &[(&str, &str)]) -> Self {
        Self::launch_in_environment(lab, environment).when_ready()
    }

    /// The same, not waiting until it is ready.
    pub(crate) fn launch_in_environment(lab: &'a Lab, environment: &[(&str, &str)]) -> Self {
        Self::launch_in(tempfile::tempdir().unwrap(), lab, &[TAP], 2, "", environment)
    }

    /// It, when it is ready.
    fn when_ready(mut self) -> Self {
        self.wait_until("it is ready", |sensor| sensor.get("/readyz").starts_with("ready"));
        self
    }

    fn launch_in(
        folder: TempDir,
        lab: &'a Lab,
        interfaces: &[&str],
        workers: u32,
        more: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "[sensor]\nname = \"test\"\n[events]\npath = \"{}\"\n[records]\npath = \"{}\"\n[store]\npath = \"{}\"\n{more}\n",
            path("events.jsonl"),
            path("flows.jsonl"),
            path("store"),
        );
        std::fs::write(folder.path().join("offport.toml"), config).unwrap();
        let mut command = lab.command(&lab.tap, env!("CARGO_BIN_EXE_offportd"));
        command
            .args(["run", "--workers", &workers.to_string(), "--quiet", "-c", &path("offport.toml")])
            .envs(environment.iter().copied())
            .args(interfaces.iter().flat_map(|interface| ["-i", interface]));
        let (child, log) = spawn(&mut command);
        Self { lab, child, folder, log, logged: Vec::new() }
    }

    /// On the tap with two workers and the same files, after its end.
    pub(crate) fn start_again(&mut self) {
        let mut command = self.lab.command(&self.lab.tap, env!("CARGO_BIN_EXE_offportd"));
        command.args(["run", "--workers", "2", "--quiet", "-i", TAP, "-c"]).arg(self.path("offport.toml"));
        (self.child, self.log) = spawn(&mut command);
        self.wait_until("it is ready again", |sensor| sensor.get("/readyz").starts_with("ready"));
    }

    /// `GET path` of the listener; empty when nobody answers.
    pub(crate) fn get(&self, path: &str) -> String {
        let url = format!("http://127.0.0.1:10217{path}");
        let output =
            self.lab.command(&self.lab.tap, "curl").args(["-s", "--max-time", "5", &url]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The sum of a metric over all series whose labels contain all of `labels`.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        sum(&self.get("/metrics"), name, labels)
    }

    /// Waits, with patience, and fails with the log.
    pub(crate) fn wait_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.read_log();
                panic!("offportd ended with {status} before {what}:\n{}", self.logged.join("\n"));
            }
            if start.elapsed() > Duration::from_secs(20) {
                self.read_log();
                panic!("waited in vain until {what}:\n{}", self.logged.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a line in the log.
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        self.wait_until(&format!("the log says {text:?}"), |sensor| {
            sensor.read_log();
            sensor.logged.iter().any(|line| line.contains(text))
        });
    }

    /// Takes over what was logged so far.
    pub(crate) fn read_log(&mut self) {
        self.logged.extend(self.log.try_iter());
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        // `ip netns exec` becomes the program.
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap().success());
    }

    /// Sends a signal and waits for the end. The exit code, if it was not killed.
    pub(crate) fn end(&mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                std::thread::sleep(Duration::from_millis(50));
                self.read_log();
                return status.code();
            }
            assert!(start.elapsed() < Duration::from_secs(20), "offportd does not end on {signal}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The flow records written so far.
    pub(crate) fn flows(&self) -> Vec<Value> {
        lines(&self.path("flows.jsonl"))
    }

    /// The events written so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        lines(&self.path("events.jsonl"))
    }

    /// What another file of its own has in its whole lines.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        lines(&self.path(name))
    }

    /// Where a file of its own is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Sensor<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command) -> (Child, std::sync::mpsc::Receiver<String>) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = follow(child.stderr.take().unwrap());
    (child, log)
}

fn follow(stderr: ChildStderr) -> std::sync::mpsc::Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The whole lines of a file; none when it is not there.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The sum over the series of `name` whose labels contain all of `labels`, in the text exposition format.
pub(crate) fn sum(metrics: &str, name: &str, labels: &[&str]) -> u64 {
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label)))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}

/// The sensor's own account, from one scrape: what each stage received is what it passed on and what it dropped.
pub(crate) fn assert_identity(metrics: &str) {
    let xdp = sum(metrics, "offport_xdp_packets_total", &[]);
    let refused = sum(metrics, "offport_packets_dropped_total", &["stage=\"xdp\""]);
    let redirected = sum(metrics, "offport_xdp_redirected_packets_total", &[]);
    let shunted = sum(metrics, "offport_xdp_shunted_packets_total", &[]);
    assert_eq!(xdp, redirected + shunted + refused, "XDP");
    let lost = sum(metrics, "offport_packets_dropped_total", &["stage=\"socket\""]);
    let received = sum(metrics, "offport_packets_received_total", &[]);
    assert_eq!(redirected, received + lost, "sockets");
    let processed = sum(metrics, "offport_packets_processed_total", &[]);
    let dropped = sum(metrics, "offport_packets_dropped_total", &["stage=\"worker\""]);
    let held = sum(metrics, "offport_packets_held", &[]);
    let over = sum(metrics, "offport_packets_handed_over_total", &[]);
    let taken = sum(metrics, "offport_packets_taken_over_total", &[]);
    assert_eq!(received + taken, processed + dropped + held + over, "workers");
    assert_eq!(over, taken, "hand-over");
}
