//! What an interface, its driver and this machine can do, and what to change.
//!
//! Whether native XDP and zero-copy are to be had is found out by trying: the program is attached for a moment with no
//! queue assigned to it, so that every packet goes on to the network stack, and a socket is bound to queue 0. Some
//! drivers reset the link on that.

use std::fs;
use std::num::NonZeroU16;

use super::error::CaptureError;
use super::options::{Action, Mode, MultiBuffer, NoSocket, Options, ZeroCopy};
use super::program::{Buffers, Program};
use super::{attach, ethtool, interface, port, sys};

/// How good a finding is; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, not as well as it could.
    Warning,
    /// It does not work.
    Bad,
}

impl Health {
    /// For tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How good it is.
    pub health: Health,
    /// What was found.
    pub detail: String,
    /// What to do about it; `None` where nothing needs doing.
    pub remedy: Option<String>,
}

impl Finding {
    fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, health: Health::Good, detail: detail.into(), remedy: None }
    }

    fn warning(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, health: Health::Warning, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    fn bad(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, health: Health::Bad, detail: detail.into(), remedy: Some(remedy.into()) }
    }
}

/// The machine: kernel, capabilities, locked memory, huge pages, JIT.
pub fn examine_machine() -> Vec<Finding> {
    vec![kernel(), capabilities(), locked_memory(), huge_pages(), jit()]
}

/// One interface. Needs the capabilities that capture needs; without them the tries are findings of their own.
pub fn examine_interface(name: &str) -> Vec<Finding> {
    let Some(index) = sys::interface_index(name) else {
        let error = CaptureError::NotFound { interface: name.to_owned() };
        return vec![Finding::bad("interface", error.to_string(), "name one that exists")];
    };
    let mut findings = vec![driver(name), link(name)];
    let native = native_xdp(name, index);
    let has_native = native.health == Health::Good;
    findings.push(native);
    findings.push(zero_copy(name, index, has_native));
    findings.extend([
        queues(name),
        rss(name),
        mtu(name),
        vlan_offload(name),
        merging(name),
        promiscuous(name),
        ring(name),
        numa(name),
    ]);
    findings
}

/// Linux 6.1 is the oldest that is tested.
fn kernel() -> Finding {
    let release = read("/proc/sys/kernel/osrelease");
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= (6, 1) {
        Finding::good("kernel", format!("Linux {release}"))
    } else {
        Finding::bad("kernel", format!("Linux {release}"), "Linux 6.1 or newer is needed")
    }
}

/// Bits of linux/capability.h.
const NEEDED: [(u32, &str); 4] =
    [(12, "CAP_NET_ADMIN"), (13, "CAP_NET_RAW"), (39, "CAP_BPF"), (38, "CAP_PERFMON")];
const CAP_SYS_ADMIN: u32 = 21;
const CAP_IPC_LOCK: u32 = 14;

fn effective_capabilities() -> u64 {
    let status = read("/proc/self/status");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or("0");
    u64::from_str_radix(line.trim(), 16).unwrap_or(0)
}

fn capabilities() -> Finding {
    let held = effective_capabilities();
    let has = |bit: u32| held & 1 << bit != 0;
    // CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON, as it did before Linux 5.8.
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|&&(bit, _)| !(has(bit) || bit >= 38 && has(CAP_SYS_ADMIN)))
        .map(|&(_, name)| name)
        .collect();
    if missing.is_empty() {
        Finding::good("capabilities", "all that are needed")
    } else {
        let remedy =
            format!("run as root, or grant {} (AmbientCapabilities= in a systemd unit)", missing.join(", "));
        Finding::bad("capabilities", format!("missing: {}", missing.join(", ")), remedy)
    }
}

fn locked_memory() -> Finding {
    let limits = read("/proc/self/limits");
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max locked memory"))
        .and_then(|rest| rest.split_whitespace().next().map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned());
    let lock = effective_capabilities() & 1 << CAP_IPC_LOCK != 0;
    let needed = u64::from(Options::default().frames_per_queue()) * 4096;
    match limit.parse::<u64>() {
        _ if lock => Finding::good("locked memory", format!("limit {limit}, lifted by CAP_IPC_LOCK")),
        Ok(bytes) if bytes < needed => Finding::bad(
            "locked memory",
            format!("limit {} KiB, {} KiB per queue are needed", bytes / 1024, needed / 1024),
            "LimitMEMLOCK=infinity in the systemd unit, or `ulimit -l unlimited`",
        ),
        _ => Finding::good("locked memory", format!("limit {limit}")),
    }
}

fn huge_pages() -> Finding {
    let memory = read("/proc/meminfo");
    let number = |name: &str| {
        let line = memory.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
        line.trim_start_matches(':').split_whitespace().next().and_then(|value| value.parse::<u64>().ok())
    };
    match number("HugePages_Free") {
        Some(free @ 1..) => Finding::good("huge pages", format!("{free} of 2 MiB free")),
        _ => Finding::warning(
            "huge pages",
            "none free: packet memory lies in 4 KiB pages",
            "sysctl vm.nr_hugepages=N, 16 for each queue with default rings",
        ),
    }
}

fn jit() -> Finding {
    match read("/proc/sys/net/core/bpf_jit_enable").as_str() {
        "0" => Finding::bad(
            "BPF JIT",
            "off: the program is interpreted, many times slower",
            "sysctl net.core.bpf_jit_enable=1",
        ),
        _ => Finding::good("BPF JIT", "on"),
    }
}

fn driver(name: &str) -> Finding {
    let detail = match ethtool::driver(name) {
        Ok((driver, bus)) if bus.is_empty() => driver,
        Ok((driver, bus)) => format!("{driver} at {bus}"),
        Err(error) => format!("not told: {error}"),
    };
    Finding::good("driver", detail)
}

fn link(name: &str) -> Finding {
    if interface::is_running(name) {
        Finding::good("link", "up")
    } else {
        Finding::bad(
            "link",
            "down, or no carrier",
            format!("ip link set {name} up; check the cable or mirror port"),
        )
    }
}

/// Options under which every packet goes on to the network stack.
fn harmless(mode: Mode, zero_copy: ZeroCopy) -> Options {
    Options {
        workers: NonZeroU16::MIN,
        mode,
        zero_copy,
        multi_buffer: MultiBuffer::Off,
        huge_pages: false,
        promiscuous: false,
        not_ip: Action::Pass,
        malformed: Action::Pass,
        no_socket: NoSocket::Pass,
        ..Options::default()
    }
}

fn native_xdp(name: &str, index: u32) -> Finding {
    let tried = Program::load(&harmless(Mode::Native, ZeroCopy::Off), 1, false)
        .and_then(|program| attach::attach(&program, name, index, Mode::Native, Buffers::One).map(drop));
    match tried {
        Ok(()) => Finding::good("native XDP", "attached, and detached again"),
        Err(error @ CaptureError::Attach { .. }) => Finding::warning(
            "native XDP",
            error.to_string(),
            "generic mode works everywhere, at a fraction of the rate; a driver with XDP is better",
        ),
        Err(error) => Finding::bad("native XDP", error.to_string(), "see the text: it names the cause"),
    }
}

fn zero_copy(name: &str, index: u32, native: bool) -> Finding {
    const CHECK: &str = "zero-copy";
    if !native {
        return Finding::warning(CHECK, "not to be had without native XDP", "see native XDP");
    }
    let options = harmless(Mode::Native, ZeroCopy::Required);
    let tried = Program::load(&options, 1, false).and_then(|program| {
        let _attached = attach::attach(&program, name, index, Mode::Native, Buffers::One)?;
        port::try_queue(&options, name, 0)
    });
    match tried {
        Ok(()) if port::is_known_to_stall(name) => Finding::warning(
            CHECK,
            "granted on queue 0, but igb (seen with Linux 6.18) loses packets then, or brings none",
            "capture.zero_copy = \"auto\" takes copy mode",
        ),
        Ok(()) => Finding::good(CHECK, "granted on queue 0"),
        Err(error @ CaptureError::ZeroCopy { .. }) => Finding::warning(
            CHECK,
            error.to_string(),
            "copy mode works; for line rate take a driver with zero-copy (ixgbe, i40e, ice, igc, mlx5)",
        ),
        Err(error) => Finding::bad(CHECK, error.to_string(), "see the text: it names the cause"),
    }
}

fn queues(name: &str) -> Finding {
    let queues = interface::receive_queues(name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let detail = format!("{queues} receive queues, {cores} cores");
    if queues as usize > cores {
        let remedy = format!("ethtool -L {name} combined {cores}: a queue more than cores gains nothing");
        Finding::warning("queues", detail, remedy)
    } else {
        Finding::good("queues", detail)
    }
}

fn rss(name: &str) -> Finding {
    const CHECK: &str = "RSS";
    match ethtool::rss(name) {
        Ok(rss) if rss.is_symmetric() => {
            Finding::good(CHECK, "the hash is symmetric: steering = \"rss\" is possible")
        }
        Ok(rss) if !rss.key.is_empty() => Finding::good(
            CHECK,
            "the hash is not symmetric, which steering = \"flow\" (the default) does not mind; steering = \"rss\" \
             sets a symmetric key",
        ),
        _ => Finding::good(CHECK, "no key to be read; steering = \"flow\" (the default) needs none"),
    }
}

fn mtu(name: &str) -> Finding {
    const CHECK: &str = "MTU";
    let Ok(mtu) = sys::interface_mtu(name) else {
        return Finding::bad(CHECK, "cannot be read", "check the interface");
    };
    let options = Options { frame_size: super::options::FrameSize::Bytes4096, ..Options::default() };
    let capacity = options.frame_capacity();
    if mtu + port::LINK_HEADERS <= capacity {
        Finding::good(CHECK, format!("{mtu}: a frame fits one buffer of {capacity} bytes"))
    } else {
        Finding::warning(
            CHECK,
            format!(
                "{mtu}: larger than one buffer of {capacity} bytes; multi-buffer is used, frames are put together"
            ),
            format!("ip link set {name} mtu 1500 unless the mirrored network has jumbo frames"),
        )
    }
}

fn vlan_offload(name: &str) -> Finding {
    const CHECK: &str = "VLAN offload";
    match ethtool::strips_vlan(name) {
        Ok(true) => Finding::warning(
            CHECK,
            "the NIC takes VLAN tags out of frames: records lack VLAN ids, equal addresses of two VLANs mix",
            format!("ethtool -K {name} rxvlan off"),
        ),
        _ => Finding::good(CHECK, "tags stay in the frame"),
    }
}

fn merging(name: &str) -> Finding {
    const CHECK: &str = "LRO";
    match ethtool::merges_packets(name) {
        Ok(true) => Finding::warning(
            CHECK,
            "the NIC merges packets: counts are of merged ones, and native XDP may be refused",
            format!("ethtool -K {name} lro off"),
        ),
        _ => Finding::good(CHECK, "off"),
    }
}

fn promiscuous(name: &str) -> Finding {
    /// net/if.h.
    const IFF_PROMISC: i32 = 0x100;
    match sys::interface_flags(name) {
        Ok(flags) if flags & IFF_PROMISC != 0 => Finding::good("promiscuous", "on"),
        Ok(_) => Finding::good("promiscuous", "off; offportd sets it while it runs (capture.promiscuous)"),
        Err(error) => Finding::bad("promiscuous", error.to_string(), "check the interface"),
    }
}

fn ring(name: &str) -> Finding {
    const CHECK: &str = "receive ring";
    match ethtool::receive_ring(name) {
        Ok((now, most)) if now < most => Finding::warning(
            CHECK,
            format!("{now} descriptors of {most}"),
            format!("ethtool -G {name} rx {most}: bursts are lost here first"),
        ),
        Ok((now, _)) => Finding::good(CHECK, format!("{now} descriptors, the most there are")),
        Err(_) => Finding::good(CHECK, "the driver does not say"),
    }
}

fn numa(name: &str) -> Finding {
    const CHECK: &str = "NUMA";
    let Some(node) = interface::numa_node(name) else {
        return Finding::good(CHECK, "one node, or no hardware behind the interface");
    };
    let cores = read(&format!("/sys/devices/system/node/node{node}/cpulist"));
    Finding {
        check: CHECK,
        health: Health::Good,
        detail: format!("node {node}, cores {cores}"),
        remedy: Some(format!("capture.cores: take cores of {cores}")),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_examined_without_rights() {
        let findings = examine_machine();
        assert_eq!(findings.len(), 5);
        for finding in &findings {
            assert!(!finding.detail.is_empty(), "{finding:?}");
            assert_eq!(finding.remedy.is_none(), finding.health == Health::Good, "{finding:?}");
        }
    }

    #[test]
    fn an_interface_that_is_not_there() {
        let findings = examine_interface("no-such-if");
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].health, Health::Bad);
        assert!(findings[0].detail.contains("no-such-if"));
    }
}
