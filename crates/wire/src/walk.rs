//! What the walk down a frame has learnt so far.

use crate::key::Domain;
use crate::packet::{Frame, LinkInfo, Tunnel};
use crate::reason::Drop;
use crate::time::Timestamp;

/// Tunnels inside one another.
pub const MAX_TUNNELS: u8 = 4;
/// VLAN tags on one Ethernet header.
pub const MAX_TAGS: usize = 4;
/// Labels of one MPLS stack.
pub const MAX_LABELS: usize = 8;
/// Extension headers of one IPv6 header; those of a GTP-U header.
pub const MAX_EXTENSIONS: usize = 8;

/// The state of a walk. Copied at each tunnel, so that a failed attempt leaves no trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    pub(crate) link: LinkInfo,
    pub(crate) domain: Domain,
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) depth: u8,
    /// Frames that the packet is made of.
    pub(crate) packets: u16,
    pub(crate) time: Timestamp,
    pub(crate) interface: u16,
}

impl Walk {
    #[inline]
    pub(crate) fn new(frame: &Frame<'_>) -> Self {
        Self {
            link: LinkInfo::default(),
            domain: Domain::NONE,
            tunnel: None,
            depth: 0,
            packets: 1,
            time: frame.time,
            interface: frame.interface,
        }
    }

    /// The state inside a tunnel.
    pub(crate) fn enter(&self, tunnel: Tunnel) -> Result<Self, Drop> {
        if self.depth >= MAX_TUNNELS {
            return Err(Drop::TooDeep);
        }
        Ok(Self { tunnel: Some(tunnel), depth: self.depth + 1, ..*self })
    }

    /// The state inside an overlay whose network id keeps equal 5-tuples apart.
    pub(crate) fn enter_overlay(&self, tunnel: Tunnel, domain: Domain) -> Result<Self, Drop> {
        Ok(Self { domain, ..self.enter(tunnel)? })
    }
}
