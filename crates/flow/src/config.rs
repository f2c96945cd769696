//! Limits and timeouts.

use std::time::Duration;

use crate::keep::Keep;
use crate::role::ServicePorts;

/// Bytes that can be kept of the first payload of one direction: the ceiling of [`Config::payload_bound`].
pub const PAYLOAD_BOUND: usize = 512;

/// The ceiling of [`Config::payload_packets`].
pub const MAX_PAYLOAD_PACKETS: u8 = 32;

/// How much a [`crate::Tracker`] may hold, and for how long. Memory is reserved once, at start.
#[derive(Clone, Debug)]
pub struct Config {
    /// IPv4 flows at most. 7/16 of a power of two wastes least: 95.4 B a flow for 917,504.
    pub max_flows: u32,
    /// IPv6 flows at most.
    pub max_flows_v6: u32,
    /// When a silent flow is over.
    pub timeouts: Timeouts,
    /// Bytes of first payload kept per direction; at most [`PAYLOAD_BOUND`].
    pub payload_bound: u16,
    /// Payload packets of both directions after which a flow is judged on what is there; at most
    /// [`MAX_PAYLOAD_PACKETS`].
    pub payload_packets: u8,
    /// Time since the first payload after which a flow is judged on what is there.
    pub decide_after: Duration,
    /// Payload packets of one direction that a gap in its first payload may last; when the flow is judged, it is
    /// over in any case. The default waits for as long as the flow may, since a judgement on a part is worse than a
    /// late one.
    pub gap_packets: u8,
    /// Flows whose first payload is being assembled at the same time (1.4 KB each).
    pub max_undecided: u32,
    /// Flagged flows whose first payload is kept until they end (1 KB each).
    pub max_flagged: u32,
    /// Settled flows that have more to count than a packed entry holds: 4 GiB of bytes, holes in the sequence
    /// space, ICMP errors (128 B each).
    pub max_extras: u32,
    /// Settled flows of TCP that are watched at the same time ([`crate::Settlement::watch`]), and four times as many as of
    /// UDP (216 B each).
    pub max_watched: u32,
    /// Distinct paths (link addresses, tags, tunnel, interface) at the same time; at most 65,535.
    pub max_paths: u16,
    /// Bytes of one direction; whenever a settled flow has grown by so much, [`crate::Observer::shunt`] is asked. Rounded
    /// down to a power of two; 0, the default: never.
    pub offer_step: u32,
    /// Which packets are kept; the default: none.
    pub keep: Keep,
    /// Ports that are served, beyond those below 1024: they decide who is the server when nothing better does.
    pub service_ports: ServicePorts,
}

/// Idle timeouts by class of flow, and the active timeout.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// TCP and SCTP: handshake not complete.
    pub half_open: Duration,
    /// TCP and SCTP: open, or closed by one side.
    pub established: Duration,
    /// TCP and SCTP: closed by both sides or reset.
    pub closed: Duration,
    /// UDP.
    pub udp: Duration,
    /// ICMP and protocols without ports.
    pub other: Duration,
    /// Between two interim reports of a flow that goes on.
    pub active: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            half_open: Duration::from_secs(10),
            established: Duration::from_secs(300),
            closed: Duration::from_secs(2),
            udp: Duration::from_secs(60),
            other: Duration::from_secs(30),
            active: Duration::from_secs(60),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_flows: 917_504,
            max_flows_v6: 229_376,
            timeouts: Timeouts::default(),
            payload_bound: PAYLOAD_BOUND as u16,
            payload_packets: 24,
            decide_after: Duration::from_secs(5),
            gap_packets: 24,
            max_undecided: 16_384,
            max_flagged: 8_192,
            max_extras: 65_536,
            max_watched: 65_536,
            max_paths: u16::MAX,
            offer_step: 0,
            keep: Keep::default(),
            service_ports: ServicePorts::default(),
        }
    }
}
