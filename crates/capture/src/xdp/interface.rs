//! What the system says about an interface, by name. All of it follows the network namespace of the calling thread,
//! but for sysfs, which shows the namespace that it was mounted in.

use std::fs;

use super::statistics::NicStatistics;
use super::{ethtool, sys};

/// Receive queues in use: what the driver says, else what sysfs lists, else 1.
pub fn receive_queues(interface: &str) -> u32 {
    if let Ok(queues @ 1..) = ethtool::receive_queues(interface) {
        return queues;
    }
    let listed = fs::read_dir(format!("/sys/class/net/{interface}/queues")).map_or(0, |entries| {
        entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"rx-")).count()
    });
    (listed as u32).max(1)
}

/// Name of the driver.
pub(crate) fn driver(interface: &str) -> String {
    ethtool::driver(interface).map_or_else(|_| "unknown driver".to_owned(), |(name, _)| name)
}

/// NUMA node of the NIC; `None` where there is only one, or no hardware.
pub fn numa_node(interface: &str) -> Option<u32> {
    let node = fs::read_to_string(format!("/sys/class/net/{interface}/device/numa_node")).ok()?;
    node.trim().parse().ok() // -1: unknown
}

/// Whether the link is up and has a carrier.
pub(crate) fn is_running(interface: &str) -> bool {
    let wanted = libc::IFF_UP | libc::IFF_RUNNING;
    sys::interface_flags(interface).is_ok_and(|flags| flags & wanted == wanted)
}

/// The kernel's counters.
pub(crate) fn nic_statistics(interface: &str) -> Option<NicStatistics> {
    // Not /proc/net, which is the main thread's namespace.
    parse_proc_net_dev(&fs::read_to_string("/proc/thread-self/net/dev").ok()?, interface)
}

/// The line is "name: bytes packets errs drop fifo frame compressed multicast …" (net/core/net-procfs.c).
fn parse_proc_net_dev(text: &str, interface: &str) -> Option<NicStatistics> {
    let (_, numbers) =
        text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.trim() == interface)?;
    let mut numbers = numbers.split_whitespace().map_while(|number| number.parse().ok());
    let (bytes, packets) = (numbers.next()?, numbers.next()?);
    Some(NicStatistics {
        packets,
        bytes,
        errors: numbers.next()?,
        dropped: numbers.next()?,
        fifo: numbers.next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_net_dev() {
        let text = "Inter-|   Receive                    |  Transmit\n \
                    face |bytes    packets errs drop fifo frame compressed multicast|bytes\n    \
                    lo:     100       2    0    0    0     0          0         0      100       2\n  \
                    eth1: 9000000000000 12 3 4 5 0 0 0 1 1 0 0 0 0 0 0\n";
        let expected =
            NicStatistics { packets: 12, bytes: 9_000_000_000_000, errors: 3, dropped: 4, fifo: 5 };
        assert_eq!(parse_proc_net_dev(text, "eth1"), Some(expected));
        assert_eq!(parse_proc_net_dev(text, "eth"), None);
    }

    #[test]
    fn the_loopback_interface_is_there() {
        assert!(sys::interface_index("lo").is_some());
        assert_eq!(receive_queues("lo"), 1);
        assert!(nic_statistics("lo").is_some());
        assert!(sys::interface_mtu("lo").is_ok_and(|mtu| mtu > 0));
    }
}
