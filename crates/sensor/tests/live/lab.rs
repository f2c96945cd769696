//! Network namespaces of a test's own: two hosts, a hub, and a tap with two queues.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// Address of the client host.
pub(crate) const CLIENT: &str = "10.217.145.233";
/// Address of the server host.
pub(crate) const SERVER: &str = "10.217.145.10";
/// The interface that the sensor listens on.
pub(crate) const TAP: &str = "tap0";

/// Clients, servers and tap, removed when dropped.
pub(crate) struct Lab {
    /// Namespace of the client host (interface `c0`).
    pub(crate) clients: String,
    /// Namespace of the server host (interface `s0`).
    pub(crate) servers: String,
    /// Namespace of the hub (`hub`, ports `to_clients`, `to_servers`, `mirror`) and of the tap (`tap0`).
    pub(crate) tap: String,
}

/// Whether the test may run: root is there. Skips loudly, or fails where root is promised.
pub(crate) fn root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let root = status
        .lines()
        .any(|line| line.strip_prefix("Uid:").is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0")));
    if !root {
        let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
        assert!(!promised, "OFFPORT_REQUIRE promises root");
        eprintln!("SKIPPED: needs root for network namespaces");
    }
    root
}

impl Lab {
    /// Builds the namespaces and links.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let tag = format!("offport-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let lab = Self {
            clients: format!("{tag}-clients"),
            servers: format!("{tag}-servers"),
            tap: format!("{tag}-tap"),
        };
        for namespace in [&lab.clients, &lab.servers, &lab.tap] {
            run("ip", &["netns", "add", namespace]);
            lab.exec(
                namespace,
                "sysctl",
                &["-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"],
            );
            run("ip", &["-n", namespace, "link", "set", "lo", "up"]);
        }
        lab.ip("link add hub type bridge ageing_time 0 stp_state 0 mcast_snooping 0");
        lab.ip(&format!("link add to_clients type veth peer name c0 netns {}", lab.clients));
        lab.ip(&format!("link add to_servers type veth peer name s0 netns {}", lab.servers));
        lab.add_tap();
        for port in ["to_clients", "to_servers"] {
            lab.plug(port);
        }
        lab.ip("link set hub up");
        for (namespace, interface, address) in [(&lab.clients, "c0", CLIENT), (&lab.servers, "s0", SERVER)] {
            lab.exec(namespace, "ethtool", &["-K", interface, "tso", "off", "gso", "off", "gro", "off"]);
            run("ip", &["-n", namespace, "address", "add", &format!("{address}/24"), "dev", interface]);
            run("ip", &["-n", namespace, "link", "set", interface, "up"]);
        }
        lab
    }

    /// The tap: a veth pair with two queues whose other end is a port of the hub.
    pub(crate) fn add_tap(&self) {
        self.add_tap_with("");
    }

    /// The same with `options` of `ip link` for both ends, each followed by a space.
    pub(crate) fn add_tap_with(&self, options: &str) {
        let link = |name: &str| format!("{name} {options}numtxqueues 2 numrxqueues 2");
        self.ip(&format!("link add {} type veth peer name {}", link("mirror"), link(TAP)));
        self.plug("mirror");
        self.ip("link set tap0 up");
    }

    /// A second tap, `tap1`, whose other end, `wire1`, is no port of the hub.
    pub(crate) fn add_second_tap(&self) {
        self.ip(
            "link add wire1 numtxqueues 2 numrxqueues 2 type veth peer name tap1 numtxqueues 2 numrxqueues 2",
        );
        self.ip("link set wire1 up");
        self.ip("link set tap1 up");
    }

    fn plug(&self, port: &str) {
        self.ip(&format!("link set {port} master hub up"));
        self.ip(&format!("link set {port} type bridge_slave learning off"));
    }

    /// `ip` in the tap's namespace.
    pub(crate) fn ip(&self, arguments: &str) {
        let mut all = vec!["-n", &self.tap];
        all.extend(arguments.split(' '));
        run("ip", &all);
    }

    /// Runs a program in a namespace and expects it to succeed.
    pub(crate) fn exec(&self, namespace: &str, program: &str, arguments: &[&str]) -> Output {
        let mut all = vec!["netns", "exec", namespace, program];
        all.extend(arguments);
        run("ip", &all)
    }

    /// A program to be started in a namespace.
    pub(crate) fn command(&self, namespace: &str, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program.as_ref());
        command
    }

    /// Whether an XDP program is attached to the tap.
    pub(crate) fn has_program(&self) -> bool {
        let output = run("ip", &["-n", &self.tap, "-details", "link", "show", TAP]);
        String::from_utf8_lossy(&output.stdout).contains("prog/xdp")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for namespace in [&self.clients, &self.servers, &self.tap] {
            // What still runs in a namespace that this test made was started by this test.
            if let Ok(output) = Command::new("ip").args(["netns", "pids", namespace]).output() {
                for pid in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                    let _ = Command::new("kill").args(["-KILL", pid]).output();
                }
            }
            let _ = Command::new("ip").args(["netns", "del", namespace]).output();
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {}: {}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
