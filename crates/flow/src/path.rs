//! Where a flow was first seen: the same for many flows, so interned.

use offport_wire::{Direction, LinkInfo, Packet, Tunnel};

/// Link addresses, tags, tunnel and interface of a flow's first packet, as sent from the key's low end to its
/// high end: both directions of one link give one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Index of the interface.
    pub interface: u16,
    /// Link addresses (low end's, high end's) and tags.
    pub link: LinkInfo,
    /// The innermost tunnel, its ends as for a packet from the low to the high end.
    pub tunnel: Option<Tunnel>,
}

impl Path {
    pub(crate) fn of(packet: &Packet<'_>) -> Self {
        Self { interface: packet.interface, link: packet.link, tunnel: packet.tunnel }
            .seen_from(packet.direction)
    }

    /// Tells most of the paths of one link apart.
    pub(crate) fn near(&self) -> u8 {
        let macs = self.link.macs.map_or(0, |(low, high)| low[5] ^ high[5].rotate_left(3));
        macs ^ self.interface as u8 ^ self.link.vlan.map_or(0, |vlan| vlan as u8)
    }

    /// The path as a packet of that direction shows it.
    pub fn seen_from(mut self, direction: Direction) -> Self {
        if direction == Direction::HighToLow {
            self.link.macs = self.link.macs.map(|(source, destination)| (destination, source));
            self.tunnel = self.tunnel.map(|tunnel| Tunnel {
                source: tunnel.destination,
                destination: tunnel.source,
                ..tunnel
            });
        }
        self
    }
}
