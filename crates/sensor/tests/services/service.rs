//! The head of a service's file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where `scripts/setup` unpacks packages that cannot be installed beside each other.
const UNPACKED: &str = "/usr/local/lib/offport-services";

/// One service.
pub(crate) struct Service {
    pub(crate) name: String,
    /// What it is, in a few words.
    title: String,
    /// Debian's packages of servers and clients.
    packages: Vec<String>,
    /// Those that are unpacked rather than installed.
    unpacked: Vec<String>,
    /// Workers of the sensor: `# workers: NUMBER (why not two)`.
    pub(crate) workers: u32,
    /// The flows that may be seen; of each that is not optional one at least must be.
    pub(crate) flows: Vec<Expected>,
}

/// Flows of one kind: `# flow: PORT/TRANSPORT PROTOCOL [VERDICT (why it is not expected)]`. `*` is a port that the server
/// chooses, `-` no protocol.
#[derive(Debug)]
pub(crate) struct Expected {
    port: Option<u16>,
    transport: String,
    protocol: Option<String>,
    verdict: String,
}

/// The folder of the services.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services")
}

impl Service {
    pub(crate) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(folder().join(format!("{name}.sh"))).unwrap();
        let head: Vec<(&str, &str)> =
            text.lines().map_while(|line| line.strip_prefix("# ")?.split_once(": ")).collect();
        let all = |key| head.iter().filter(move |(name, _)| *name == key).map(|(_, value)| *value);
        let words = |key| all(key).flat_map(str::split_whitespace).map(str::to_owned).collect();
        let service = Self {
            name: name.to_owned(),
            title: all("service").next().unwrap_or_default().to_owned(),
            packages: words("packages"),
            unpacked: words("unpacked"),
            workers: all("workers").next().map_or(2, |line| {
                let (workers, _why) = line.split_once(" (").expect("a reason");
                workers.parse().unwrap()
            }),
            flows: all("flow").map(Expected::parse).collect(),
        };
        assert!(!service.title.is_empty() && !service.flows.is_empty(), "{name}: no service or no flow");
        service
    }

    /// Its row of docs/services.md.
    pub(crate) fn row(&self) -> String {
        let flows: Vec<String> = self.flows.iter().map(ToString::to_string).collect();
        let packages: Vec<&str> = self.packages.iter().chain(&self.unpacked).map(String::as_str).collect();
        format!("| {} | {} | {} |\n", self.title, flows.join(", "), packages.join(", "))
    }

    /// Whether its packages are there. Skips loudly, or fails where root, which can install them, is promised.
    pub(crate) fn is_installed(&self) -> bool {
        let is_missing = |package: &&String| {
            let output =
                Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]).output();
            !output.is_ok_and(|output| output.stdout == b"installed")
        };
        let mut missing: Vec<&String> = self.packages.iter().filter(is_missing).collect();
        missing.extend(self.unpacked.iter().filter(|package| !Path::new(UNPACKED).join(package).exists()));
        if missing.is_empty() {
            return true;
        }
        let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
        assert!(
            !promised,
            "OFFPORT_REQUIRE promises root, but {missing:?} are not installed: scripts/setup test"
        );
        eprintln!("SKIPPED: {}: {missing:?} are not installed: scripts/setup test", self.name);
        false
    }

    /// `ss` filters of the sockets that the server is ready with, with the table that they are looked for in.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.flows.iter().filter_map(|flow| {
            let table = if flow.transport == "udp" { "-lunH" } else { "-ltnH" };
            Some((table, format!("sport = :{}", flow.port?)))
        })
    }
}

impl Expected {
    fn parse(line: &str) -> Self {
        let (row, _why) = line.split_once(" (").unwrap_or((line, ""));
        let words: Vec<&str> = row.split_whitespace().collect();
        let (port, transport) = words[0].split_once('/').unwrap();
        let verdict = words.get(2).copied().unwrap_or("expected");
        assert!(
            words.len() >= 2 && (verdict == "expected" || line.ends_with(')')),
            "{line}: no protocol or no reason"
        );
        assert!(["expected", "undecided", "displaced", "unknown"].contains(&verdict), "{line}: an alarm");
        Self {
            port: (port != "*").then(|| port.parse().unwrap()),
            transport: transport.to_owned(),
            protocol: (words[1] != "-").then(|| words[1].to_owned()),
            verdict: verdict.to_owned(),
        }
    }

    /// On a port that the server chooses, or undecided: it depends on more than the service.
    pub(crate) fn is_optional(&self) -> bool {
        self.port.is_none() || self.verdict == "undecided"
    }

    /// Whether a flow record is of this kind.
    pub(crate) fn fits(&self, record: &Value) -> bool {
        self.port.is_none_or(|port| record["destination"]["port"] == port)
            && record["network"]["transport"] == self.transport.as_str()
            && record["network"]["protocol"].as_str() == self.protocol.as_deref()
            && record["offport"]["verdict"] == self.verdict.as_str()
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{port}/{}", self.transport)?,
            None => write!(f, "*/{}", self.transport)?,
        }
        write!(f, " {}", self.protocol.as_deref().unwrap_or("–"))?;
        if self.verdict != "expected" {
            write!(f, " *{}*", self.verdict)?;
        }
        Ok(())
    }
}
