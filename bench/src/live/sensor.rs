//! `offportd` itself, as a user runs it, on one core.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// A running sensor and its files. Ended when dropped.
pub struct Sensor {
    child: Child,
    folder: PathBuf,
}

/// What is kept on disk besides events and flow records as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Nothing.
    Nothing,
    /// Packets: the evidence.
    Packets,
}

/// Its metrics: name and labels as they are written, and value.
#[derive(Clone, Debug, Default)]
pub struct Metrics(BTreeMap<String, f64>);

/// Where its listener is by default.
const LISTENER: ([u8; 4], u16) = ([127, 0, 0, 1], 10_217);
const PATIENCE: Duration = Duration::from_secs(20);

impl Sensor {
    /// Starts it on an interface with one worker on `core`, with events, flow records, metrics;
    /// and what `store` says on disk too.
    ///
    /// # Errors
    /// It does not start, or is not ready in time.
    pub fn start(programs: &Path, interface: &str, core: usize, store: Store) -> anyhow::Result<Self> {
        let program = programs.join("offportd");
        ensure!(program.exists(), "{} is not built", program.display());
        let folder = crate::corpus::scratch()?.join(format!("sensor-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let path = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "[sensor]\nname = \"bench\"\n[capture]\ncores = [{core}]\n[events]\npath = \"{}\"\n[records]\npath = \"{}\"\n[store]\npath = \"{}\"\n[store.packets]\nenabled = {}\n[store.flows]\nenabled = false\n",
            path("events.jsonl"),
            path("flows.jsonl"),
            path("store"),
            store == Store::Packets,
        );
        std::fs::write(folder.join("offport.toml"), config)?;
        let log = std::fs::File::create(folder.join("log"))?;
        let child = Command::new(&program)
            .args(["run", "-i", interface, "--workers", "1", "--quiet", "-c", &path("offport.toml")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let mut sensor = Self { child, folder };
        let start = Instant::now();
        while !get("/readyz").is_ok_and(|answer| answer.starts_with("ready")) {
            if let Some(status) = sensor.child.try_wait()? {
                bail!("offportd ended with {status}: {}", sensor.log());
            }
            ensure!(start.elapsed() < PATIENCE, "offportd is not ready: {}", sensor.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(sensor)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its metrics, once they no longer change.
    ///
    /// # Errors
    /// It does not answer.
    pub fn settled(&self) -> anyhow::Result<Metrics> {
        let start = Instant::now();
        let mut before = self.metrics()?;
        loop {
            std::thread::sleep(Duration::from_millis(600));
            let now = self.metrics()?;
            let moved = |name: &str| now.sum(name, &[]) != before.sum(name, &[]);
            if !moved("offport_xdp_packets_total") && !moved("offport_packets_received_total") {
                return Ok(now);
            }
            ensure!(start.elapsed() < PATIENCE, "packets keep coming");
            before = now;
        }
    }

    fn metrics(&self) -> anyhow::Result<Metrics> {
        Ok(Metrics::parse(&get("/metrics")?))
    }

    /// Processor time of the whole process so far, in seconds.
    ///
    /// # Errors
    /// It is gone.
    pub fn processor_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // proc(5): after the name in brackets, utime and stime are fields 14 and 15, in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 =
            fields.get(11..13).into_iter().flatten().filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(ticks as f64 / 100.0)
    }

    /// How it is bound, from its log: native or generic, zero-copy or copy.
    pub fn mode(&self) -> String {
        let log = self.log();
        let line = log.lines().find(|line| line.contains(" XDP, ")).unwrap_or_default();
        line.split_once("queue").map_or_else(String::new, |(_, rest)| format!("queue{rest}"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Metrics {
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.rsplit_once(' '));
        Self(pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// The sum of a metric over all series whose labels contain all of `labels`.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.0
            .iter()
            .filter_map(|(series, value)| Some((series.strip_prefix(name)?, value)))
            .filter(|(rest, _)| rest.is_empty() || rest.starts_with('{'))
            .filter(|(rest, _)| labels.iter().all(|label| rest.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }

    /// Packets lost before a worker had them.
    pub fn lost(&self) -> f64 {
        self.sum("offport_packets_dropped_total", &["stage=\"socket\""])
            + self.sum("offport_packets_dropped_total", &["stage=\"xdp\"", "reason=\"no_socket\""])
    }

    /// The identity of docs/metrics.md, in three parts: packets that are missing (or too many) at the XDP program, between
    /// it and the workers, and in the workers.
    pub fn unaccounted(&self) -> [f64; 3] {
        let dropped = |stage| self.sum("offport_packets_dropped_total", &[stage]);
        let redirected = self.sum("offport_xdp_redirected_packets_total", &[]);
        let received = self.sum("offport_packets_received_total", &[]);
        let shunted = self.sum("offport_xdp_shunted_packets_total", &[]);
        let worker = received + self.sum("offport_packets_taken_over_total", &[])
            - self.sum("offport_packets_processed_total", &[])
            - dropped("stage=\"worker\"")
            - self.sum("offport_packets_held", &[])
            - self.sum("offport_packets_handed_over_total", &[]);
        [
            self.sum("offport_xdp_packets_total", &[]) - redirected - shunted - dropped("stage=\"xdp\""),
            redirected - received - dropped("stage=\"socket\""),
            worker,
        ]
    }
}

/// `GET path` of the listener.
fn get(path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(SocketAddr::from(LISTENER))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}
