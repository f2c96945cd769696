//! tcpdump beside the sensor.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::lab::Lab;

/// A capture of what the sensor's tap is sent.
pub(crate) struct Dump {
    child: Child,
    folder: tempfile::TempDir,
    stopped: bool,
}

impl Dump {
    /// Starts it; so many bytes of each packet are kept.
    pub(crate) fn start(lab: &Lab, bytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = lab
            .command(&lab.tap, "tcpdump")
            .args(["-i", "mirror", "-Q", "out", "-U", "-Z", "root", "--immediate-mode", "-B", "65536"])
            .args(["-s", &bytes.to_string(), "-w"])
            .arg(folder.path().join("tap.pcap"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(500));
        Self { child, folder, stopped: false }
    }

    /// The capture, which has lost nothing.
    pub(crate) fn stop(&mut self) -> PathBuf {
        std::thread::sleep(Duration::from_millis(300));
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let mut said = String::new();
        std::io::Read::read_to_string(self.child.stderr.as_mut().unwrap(), &mut said).unwrap();
        self.child.wait().unwrap();
        self.stopped = true;
        assert!(said.contains("\n0 packets dropped by kernel"), "{said}");
        self.folder.path().join("tap.pcap")
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        if !self.stopped {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
