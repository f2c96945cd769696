//! What was received, and what was lost where, from the NIC to the worker.
//!
//! All numbers only grow, also when an interface goes and comes back.

use super::program::COUNTERS_SIZE;
use super::skeleton::types::offport_counter;

/// Everything that is counted, read at one moment by [`Control::statistics`](crate::xdp::Control::statistics).
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// In the order in which they were given to [`open`](crate::xdp::open).
    pub interfaces: Vec<InterfaceStatistics>,
    /// One for each worker.
    pub receivers: Vec<ReceiverStatistics>,
    /// The shunt table, all workers together.
    pub shunts: ShuntStatistics,
    /// Packets of queues that no socket is open on (the interface got more queues, or fewer were asked for).
    pub unassigned: XdpCounters,
}

/// One interface.
#[derive(Clone, Debug, Default)]
pub struct InterfaceStatistics {
    /// Its name.
    pub interface: String,
    /// Whether it is there and open.
    pub open: bool,
    /// Whether its link was up, with a carrier, at the last [`tick`](super::Control::tick); `false` while it is not open.
    pub running: bool,
    /// The kernel's own counters; `None` while it is gone.
    pub nic: Option<NicStatistics>,
    /// The driver's counters of loss (`ethtool -S`), under the driver's names. Empty while it is gone.
    pub driver: Vec<(String, u64)>,
    /// One for each queue.
    pub ports: Vec<PortStatistics>,
}

/// Counters of /proc/net/dev. They belong to the interface and start again when it is made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NicStatistics {
    /// Packets received.
    pub packets: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Frames with errors.
    pub errors: u64,
    /// Dropped by driver or stack, missed by the NIC for want of a buffer.
    pub dropped: u64,
    /// FIFO overruns.
    pub fifo: u64,
}

/// One (interface, queue).
#[derive(Clone, Debug, Default)]
pub struct PortStatistics {
    /// The queue.
    pub queue: u32,
    /// UMEM frames in the pool: neither in a ring nor in a worker's cache.
    pub frames_free: u64,
    /// UMEM frames.
    pub frames: u64,
    /// What the XDP program did.
    pub xdp: XdpCounters,
    /// One for each worker.
    pub workers: Vec<SocketStatistics>,
}

/// One worker's socket on one port.
///
/// At rest, `xdp.redirected` of the port is the sum over its workers of `packets + oversized… + rx_dropped +
/// rx_ring_full`: each packet that the program handed on was received or is counted as lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketStatistics {
    /// Handed to the worker.
    pub packets: u64,
    /// Bytes handed to the worker.
    pub bytes: u64,
    /// Lost: larger than the frame without multi-buffer, or no frame free in copy mode.
    pub rx_dropped: u64,
    /// Lost: the worker was too slow and its RX ring full.
    pub rx_ring_full: u64,
    /// Not packets: how often the kernel found the fill ring empty. The ring is shared, so every worker of a port
    /// shows the same number.
    pub fill_ring_empty: u64,
    /// Descriptors of ours that the kernel refused; always 0.
    pub rx_invalid: u64,
}

/// The shunt table. `inserts = removed + entries`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShuntStatistics {
    /// Entries in use (gauge). A flow's entry stays in use for a moment after the flow was released.
    pub entries: u64,
    /// Entries; 0 when flows are not shunted.
    pub capacity: u64,
    /// Flows that were entered.
    pub inserts: u64,
    /// Flows that there was no room for: their set was full.
    pub failed: u64,
    /// Entries that were freed.
    pub removed: u64,
}

/// One worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiverStatistics {
    /// Batches handed over.
    pub batches: u64,
    /// Returns from sleep.
    pub wakeups: u64,
    /// Waits that needed no sleep ([`Options::spin`](crate::xdp::Options::spin)).
    pub spins: u64,
    /// Packets of several frames that were put together.
    pub joined: u64,
    /// Packets of several frames that were too large to be put together, and lost.
    pub oversized: u64,
    /// A fill ring was in another worker's hands, and frames were given back later.
    pub refill_postponed: u64,
}

macro_rules! xdp_counters {
    ($($(#[$doc:meta])* $field:ident = $index:ident,)*) => {
        /// What the XDP program did with the packets of a port. The names of the reasons are those of
        /// [`offport_wire::Drop`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct XdpCounters { $($(#[$doc])* pub $field: u64,)* }

        impl XdpCounters {
            /// Adds the counters of one CPU, as they are in the map.
            pub(crate) fn add_cpu(&mut self, bytes: &[u8]) {
                debug_assert_eq!(bytes.len(), COUNTERS_SIZE);
                $(self.$field += value(bytes, offport_counter::$index);)*
            }

            /// Name and value of each.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field),)*].into_iter()
            }
        }

        /// Each index of bpf/abi.h has a field here.
        #[cfg(test)]
        const INDICES: &[offport_counter] = &[$(offport_counter::$index,)*];
    };
}

xdp_counters! {
    /// Packets that arrived.
    packets = OFFPORT_PACKETS,
    /// Bytes that arrived, from the link header on.
    bytes = OFFPORT_BYTES,
    /// Handed to a worker's socket.
    redirected = OFFPORT_REDIRECTED,
    /// The worker has no socket on this queue.
    no_socket = OFFPORT_NO_SOCKET,
    /// Packets of shunted flows: counted and dropped.
    shunted_packets = OFFPORT_SHUNTED_PACKETS,
    /// Bytes of shunted flows.
    shunted_bytes = OFFPORT_SHUNTED_BYTES,
    /// Fragments among those handed on.
    fragments = OFFPORT_FRAGMENTS,
    /// Packets out of a tunnel among those handed on.
    tunnelled = OFFPORT_TUNNELLED,
    /// Packets whose headers go on beyond what the program reads, among those handed on: to the worker of slot 0.
    unreached = OFFPORT_UNREACHED,
    /// Not IP.
    not_ip = OFFPORT_NOT_IP,
    /// The frame ends inside the link header.
    link_truncated = OFFPORT_LINK_TRUNCATED,
    /// More tags, labels, extension headers or tunnels than are followed.
    too_deep = OFFPORT_TOO_DEEP,
    /// A tunnel header that ends early or contradicts itself.
    tunnel_malformed = OFFPORT_TUNNEL_MALFORMED,
    /// An impossible IPv4 header.
    ipv4_malformed = OFFPORT_IPV4_MALFORMED,
    /// An impossible IPv6 header.
    ipv6_malformed = OFFPORT_IPV6_MALFORMED,
    /// The frame ends inside the IP header.
    ip_truncated = OFFPORT_IP_TRUNCATED,
    /// An impossible TCP header.
    tcp_malformed = OFFPORT_TCP_MALFORMED,
    /// An impossible UDP header.
    udp_malformed = OFFPORT_UDP_MALFORMED,
    /// An impossible SCTP chunk.
    sctp_malformed = OFFPORT_SCTP_MALFORMED,
    /// An impossible ICMP header.
    icmp_malformed = OFFPORT_ICMP_MALFORMED,
    /// The frame ends inside the transport header.
    transport_truncated = OFFPORT_TRANSPORT_TRUNCATED,
}

impl XdpCounters {
    /// Packets that were refused, by all reasons together, but for those whose action is `Worker`:
    /// `packets = redirected + no_socket + shunted_packets + refused`.
    pub fn refused(&self) -> u64 {
        self.not_ip
            + self.link_truncated
            + self.too_deep
            + self.tunnel_malformed
            + self.ipv4_malformed
            + self.ipv6_malformed
            + self.ip_truncated
            + self.tcp_malformed
            + self.udp_malformed
            + self.sctp_malformed
            + self.icmp_malformed
            + self.transport_truncated
    }
}

fn value(bytes: &[u8], index: offport_counter) -> u64 {
    let at = index.0 as usize * 8;
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_of_the_program_has_a_field() {
        assert_eq!(INDICES.len(), offport_counter::OFFPORT_COUNTERS.0 as usize);
        assert_eq!(INDICES.len() * 8, COUNTERS_SIZE);
        for (index, counter) in INDICES.iter().enumerate() {
            assert_eq!(counter.0 as usize, index);
        }
    }

    #[test]
    fn cpus_are_added_up() {
        let mut bytes = vec![0; COUNTERS_SIZE];
        bytes[..8].copy_from_slice(&7u64.to_ne_bytes());
        let not_ip = offport_counter::OFFPORT_NOT_IP.0 as usize * 8;
        bytes[not_ip..not_ip + 8].copy_from_slice(&5u64.to_ne_bytes());
        let mut sum = XdpCounters::default();
        sum.add_cpu(&bytes);
        sum.add_cpu(&bytes);
        assert_eq!((sum.packets, sum.not_ip, sum.refused()), (14, 10, 10));
    }
}
