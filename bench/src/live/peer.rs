//! Other programs on the same interface, on the same core, by their own counts.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::parts::peers::SURICATA;

/// A program that can watch an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// libpcap, i.e. AF_PACKET with its ring.
    NdpiReader,
    /// AF_PACKET with its ring, no rules, no logs.
    Suricata,
}

/// A running one, and its files. Ended when dropped.
pub(super) struct Running {
    peer: Peer,
    child: Child,
    folder: PathBuf,
}

/// How long ndpiReader runs: it has no other end at which it tells.
const BESIDES: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(30);

impl Peer {
    /// As rows name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NdpiReader => "ndpiReader -i",
            Self::Suricata => "Suricata --af-packet, no rules",
        }
    }

    /// Starts it on an interface and a core, to watch for `time`.
    ///
    /// # Errors
    /// It is not installed, or does not come up.
    pub(super) fn start(self, interface: &str, core: usize, time: Duration) -> anyhow::Result<Running> {
        let folder = crate::corpus::scratch()?.join(format!("peer-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let output = std::fs::File::create(folder.join("output"))?;
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]);
        match self {
            Self::NdpiReader => {
                let seconds = (time + BESIDES).as_secs().to_string();
                command.args(["ndpiReader", "-i", interface, "-s", &seconds]);
            }
            Self::Suricata => {
                command.arg("suricata").args(SURICATA).arg(format!("--af-packet={interface}"));
                command.arg("-l").arg(&folder);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output)
            .spawn()
            .context("taskset does not start")?;
        let mut running = Running { peer: self, child, folder };
        running.wait_until_it_watches()?;
        Ok(running)
    }
}

impl Running {
    fn wait_until_it_watches(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "{} ended: {}", self.peer.name(), self.output());
            let ready = match self.peer {
                // It says nothing until its end.
                Peer::NdpiReader => start.elapsed() > Duration::from_secs(1),
                Peer::Suricata => self.output().contains("Engine started"),
            };
            if ready {
                return Ok(());
            }
            ensure!(start.elapsed() < PATIENCE, "{} does not come up: {}", self.peer.name(), self.output());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it. How many packets it has had.
    ///
    /// # Errors
    /// It does not end, or does not say.
    pub(super) fn finish(mut self) -> anyhow::Result<u64> {
        if self.peer == Peer::Suricata {
            Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        }
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(start.elapsed() < PATIENCE, "{} does not end", self.peer.name());
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = self.output();
        let packets = match self.peer {
            // IP packets:            2382780       of 2483108 packets total
            Peer::NdpiReader => number_after(&output, "IP packets:", " of "),
            // device: tap: packets: 12345, drops: 67 (0.54%), invalid chksum: 0
            Peer::Suricata => number_after(&output, "device: ", "packets: ")
                .zip(number_after(&output, "device: ", "drops: "))
                .map(|(all, lost)| all.saturating_sub(lost)),
        };
        packets
            .with_context(|| format!("{} does not say how many packets it had: {output}", self.peer.name()))
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.folder.join("output")).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether a program is there.
pub(super) fn is_installed(peer: Peer) -> bool {
    let program = match peer {
        Peer::NdpiReader => "ndpiReader",
        Peer::Suricata => "suricata",
    };
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| Path::new(&folder).join(program).is_file())
}

/// The number behind `before` in the line that has `mark`.
fn number_after(text: &str, mark: &str, before: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains(mark) && line.contains(before))?;
    let (_, rest) = line.split_once(before)?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_they_say() {
        let ndpi = "Traffic statistics:\n\tIP packets:            2382780       of 2483108 packets total\n";
        assert_eq!(number_after(ndpi, "IP packets:", " of "), Some(2_483_108));
        let suricata = "i: device: tap: packets: 12345, drops: 67 (0.54%), invalid chksum: 0\n";
        assert_eq!(number_after(suricata, "device: ", "packets: "), Some(12_345));
        assert_eq!(number_after(suricata, "device: ", "drops: "), Some(67));
        assert_eq!(number_after("", "device: ", "drops: "), None);
    }
}
