//! Where a flow was first seen: the same for many flows, so interned.

use std::net::IpAddr;

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

    /// Whether this is a packet's path: without making that.
    pub(crate) fn is_of(&self, packet: &Packet<'_>) -> bool {
        let LinkInfo { macs, vlan, inner_vlan } = packet.link;
        let macs = match packet.direction {
            Direction::LowToHigh => macs,
            Direction::HighToLow => macs.map(|(source, destination)| (destination, source)),
        };
        self.interface == packet.interface
            && self.link == LinkInfo { macs, vlan, inner_vlan }
            && match (&self.tunnel, &packet.tunnel) {
                (None, None) => true,
                (Some(_), Some(_)) => *self == Self::of(packet),
                _ => false,
            }
    }

    /// Tells most of the paths of one link apart, whatever the direction.
    pub(crate) fn near(packet: &Packet<'_>) -> u16 {
        let LinkInfo { macs, vlan, .. } = packet.link;
        let sum = |[.., a, b, c]: [u8; 6]| u16::from_be_bytes([b, c]).wrapping_add(u16::from(a) << 3);
        let macs = macs.map_or(0, |(source, destination)| sum(source).wrapping_add(sum(destination)));
        let low = |address: Option<IpAddr>| match address {
            Some(IpAddr::V4(address)) => u32::from(address) as u16,
            Some(IpAddr::V6(address)) => u128::from(address) as u16,
            None => 0,
        };
        let tunnel = packet.tunnel.map_or(0, |tunnel| {
            let ends = low(tunnel.source).wrapping_add(low(tunnel.destination));
            ends.wrapping_add(tunnel.id.unwrap_or(0) as u16) << 1
        });
        macs ^ packet.interface ^ vlan.map_or(0, |vlan| vlan << 2) ^ tunnel
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
