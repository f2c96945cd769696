//! A network namespace of this process's own, which the kernel removes with it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// The end of the veth pair that packets are sent into.
pub const WIRE: &str = "wire";
/// The end that they come out of.
pub const TAP: &str = "tap";

/// Says that the process is in its namespace.
const INSIDE: &str = "OFFPORT_BENCH_NAMESPACE";

/// Whether this process was started by [`enter`].
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Why there can be no namespace here; `None` when there can.
pub fn obstacle() -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root");
    }
    let has = |program| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has("unshare") { Some("needs unshare (util-linux)") } else { None }
}

/// Starts this program again, with the same kind of arguments, in a namespace of its own, and waits for it. /sys is
/// mounted anew, so that it shows the namespace's interfaces.
///
/// # Errors
/// It cannot be started, or fails.
pub fn enter(arguments: &[String]) -> anyhow::Result<Vec<u8>> {
    let program = std::env::current_exe().context("this program's path")?;
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--", "sh", "-c", "mount -t sysfs sysfs /sys && exec \"$0\" \"$@\""])
        .arg(program)
        .args(arguments)
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("unshare does not start")?;
    ensure!(output.status.success(), "in the namespace: {}", output.status);
    Ok(output.stdout)
}

/// Makes the veth pair. Refuses where there is any interface but `lo`: then this is no namespace of our own.
///
/// # Errors
/// The kernel refuses.
pub fn make_pair() -> anyhow::Result<()> {
    for entry in std::fs::read_dir("/sys/class/net")? {
        let name = entry?.file_name();
        if name != "lo" && !Path::new("/sys/class/net").join(&name).is_file() {
            bail!("{} is here: not a namespace of our own", name.to_string_lossy());
        }
    }
    for command in [
        "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1",
        "ip link set lo up",
        "ip link add wire numtxqueues 1 numrxqueues 1 type veth peer name tap numtxqueues 1 numrxqueues 1",
        "ip link set wire up",
        "ip link set tap up",
    ] {
        let mut words = command.split(' ');
        let status = Command::new(words.next().unwrap_or_default()).args(words).status();
        ensure!(status.with_context(|| command.to_owned())?.success(), "{command} failed");
    }
    Ok(())
}

/// Index of an interface.
///
/// # Errors
/// There is none of that name.
pub fn index(interface: &str) -> anyhow::Result<i32> {
    let index =
        nix::net::if_::if_nametoindex(interface).with_context(|| format!("no interface {interface}"))?;
    Ok(i32::try_from(index)?)
}
