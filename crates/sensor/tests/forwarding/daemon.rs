//! A server of a test's own: killed by its own process id, at the latest when dropped.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::lab::Lab;

pub(crate) struct Daemon(Child);

impl Daemon {
    /// Starts a program where the sensor runs, and waits until it listens on a TCP port there.
    pub(crate) fn start<S: AsRef<OsStr>>(lab: &Lab, port: u16, program: &str, arguments: &[S]) -> Self {
        let child = lab
            .command(&lab.tap, program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut daemon = Self(child);
        wait_until(&format!("{program} listens"), || {
            let ended = daemon.0.try_wait().unwrap();
            assert!(ended.is_none(), "{program} has ended: {ended:?}");
            !lab.exec(&lab.tap, "ss", &["-ltnH", &format!("sport = :{port}")]).stdout.is_empty()
        });
        daemon
    }

    /// `kill -9`.
    pub(crate) fn kill(self) {}
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // `ip netns exec` becomes the program.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the test may run: there is root, and the programs are there. Skips loudly, or fails where root is promised.
pub(crate) fn can_run(programs: &[&str]) -> bool {
    if !crate::lab::root() {
        return false;
    }
    let missing = programs.iter().find(|program| {
        !Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    });
    if let Some(missing) = missing {
        let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
        assert!(!promised, "OFFPORT_REQUIRE promises root, and with it {missing}: scripts/setup test");
        eprintln!("SKIPPED: needs {missing}: scripts/setup test");
    }
    missing.is_none()
}

/// Waits, with patience.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
