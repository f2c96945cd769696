//! IP: the ends of a packet, and what its protocol field leads to.

pub(crate) mod v4;
pub(crate) mod v6;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::fragment::Fragment;
use crate::key::{Direction, Domain, FlowKey, Transport};
use crate::packet::{Parsed, TransportHeader};
use crate::reason::Drop;
use crate::view::View;
use crate::walk::{Context, Walk};
use crate::{transport, tunnel};

/// IP protocol numbers (IANA) that lead further down.
pub(crate) mod number {
    pub(crate) const IPV4: u8 = 4;
    pub(crate) const IPV6: u8 = 41;
    pub(crate) const GRE: u8 = 47;
    pub(crate) const MPLS: u8 = 137;
    pub(crate) const AUTH: u8 = 51;
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const DESTINATION: u8 = 60;
    pub(crate) const MOBILITY: u8 = 135;
    pub(crate) const HIP: u8 = 139;
    pub(crate) const SHIM6: u8 = 140;
}

/// Source and destination address of one family.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ends {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Ends {
    #[inline(always)]
    pub(crate) fn key(self, ports: (u16, u16), transport: Transport, domain: Domain) -> (FlowKey, Direction) {
        match self {
            Self::V4(source, destination) => {
                FlowKey::v4((source, ports.0), (destination, ports.1), transport, domain)
            }
            Self::V6(source, destination) => {
                FlowKey::v6((source, ports.0), (destination, ports.1), transport, domain)
            }
        }
    }

    pub(crate) const fn source(self) -> IpAddr {
        match self {
            Self::V4(source, _) => IpAddr::V4(source),
            Self::V6(source, _) => IpAddr::V6(source),
        }
    }

    pub(crate) const fn destination(self) -> IpAddr {
        match self {
            Self::V4(_, destination) => IpAddr::V4(destination),
            Self::V6(_, destination) => IpAddr::V6(destination),
        }
    }
}

/// What the walk knows once an IP header is behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ip {
    pub(crate) ends: Ends,
    /// IP total length.
    pub(crate) bytes: u32,
}

/// Ports, header and payload of a transport: what differs between the packets of [`Ip::packet`].
pub(crate) struct Segment<'a> {
    pub(crate) transport: Transport,
    pub(crate) ports: (u16, u16),
    pub(crate) header: TransportHeader,
    pub(crate) payload: View<'a>,
}

impl Ip {
    /// The flow that a segment belongs to, and which end of it sent it.
    #[inline(always)]
    pub(crate) fn key(self, segment: &Segment<'_>, domain: Domain) -> (FlowKey, Direction) {
        self.ends.key(segment.ports, segment.transport, domain)
    }

    /// A packet whose protocol is not looked into: no ports, no payload.
    pub(crate) fn other<'a>(self, walk: Walk, protocol: u8) -> Parsed<'a> {
        walk.packet(
            self,
            Segment {
                transport: Transport(protocol),
                ports: (0, 0),
                header: TransportHeader::Other,
                payload: View::new(&[], 0),
            },
        )
    }
}

/// One fragment's place in its datagram, as IPv4 and IPv6 both give it.
pub(crate) struct Place {
    pub(crate) id: u32,
    pub(crate) protocol: u8,
    /// In bytes.
    pub(crate) offset: u16,
    pub(crate) more: bool,
}

impl Ip {
    #[inline(never)]
    pub(crate) fn fragment<'a>(self, walk: Walk, place: Place, data: View<'a>) -> Parsed<'a> {
        Parsed::Fragment(Fragment {
            source: self.ends.source(),
            destination: self.ends.destination(),
            id: place.id,
            protocol: Transport(place.protocol),
            offset: place.offset,
            more: place.more,
            data: data.bytes(),
            data_len: data.wire() as u32,
            ip_bytes: self.bytes,
            packets: walk.packets,
            link: walk.link,
            domain: walk.domain,
            tunnel: walk.tunnel,
            depth: walk.depth,
            time: walk.time,
            interface: walk.interface,
        })
    }
}

/// An IP packet of the version that it says it is.
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match view.nibble() {
        Some(4) => v4::parse(walk, view),
        Some(6) => v6::parse(walk, view),
        Some(_) => Err(Drop::NotIp),
        None => Err(Drop::IpTruncated),
    }
}

/// What follows the IP header and its extensions.
#[inline(never)]
pub(crate) fn content<'a>(walk: Walk, ip: Ip, protocol: u8, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    content_in(walk, ip, protocol, view)
}

/// [`content`], for the hot path.
#[inline(always)]
pub(crate) fn content_in<'a, C: Context>(
    context: C,
    ip: Ip,
    protocol: u8,
    view: View<'a>,
) -> Result<C::Answer<'a>, Drop> {
    match Transport(protocol) {
        Transport::TCP => transport::tcp::parse(context, ip, view),
        Transport::UDP => transport::udp::parse(context, ip, view),
        _ => context.rare(|walk| content_rare(walk, ip, protocol, view)),
    }
}

#[inline(never)]
fn content_rare<'a>(walk: Walk, ip: Ip, protocol: u8, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match (Transport(protocol), ip.ends) {
        (Transport::SCTP, _) => return transport::sctp::parse(walk, ip, view),
        (Transport::ICMP, Ends::V4(..)) => return transport::icmp::parse_v4(walk, ip, view),
        (Transport::ICMPV6, Ends::V6(..)) => return transport::icmp::parse_v6(walk, ip, view),
        _ => {}
    }
    let inner = match protocol {
        number::IPV4 | number::IPV6 => tunnel::ipip::parse(walk, ip, protocol, view),
        number::GRE => tunnel::gre::parse(walk, ip, view),
        number::MPLS => tunnel::mpls::parse(walk, view, Some(ip.ends)),
        _ => Err(Drop::NotIp),
    };
    match inner {
        // A tunnel round something else, or no tunnel at all: the outer packet is the innermost one.
        Err(Drop::NotIp) => Ok(ip.other(walk, protocol)),
        inner => inner,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;
    use crate::{Drop, TransportHeader};

    #[test]
    fn protocols_that_are_not_looked_into() {
        // ESP, OSPF, IGMP; GRE round something that is not IP.
        for (protocol, content) in
            [(50, &[1; 40][..]), (89, &[1; 40]), (2, &[1; 8]), (47, &[0, 0, 8, 6, 0, 1])]
        {
            for bytes in [ether4(protocol, content), ether6(protocol, content)] {
                let packet = packet(&bytes);
                assert_eq!(packet.transport, TransportHeader::Other);
                assert_eq!((packet.key.transport().0, packet.source().1), (protocol, 0));
                assert_eq!((packet.payload.len(), packet.payload_len), (0, 0));
            }
        }
    }

    #[test]
    fn icmp_of_the_other_family_is_none() {
        assert_eq!(packet(&ether6(1, &[8; 16])).transport, TransportHeader::Other);
        assert_eq!(packet(&ether4(58, &[128; 16])).transport, TransportHeader::Other);
    }

    #[test]
    fn tunnels_to_a_depth_of_four() {
        let nest = |depth: usize| {
            let mut content = inner4(b"x");
            for _ in 0..depth {
                content = ipv4(4, &content);
            }
            ethernet(0x0800, &content)
        };
        assert_inner(&packet(&nest(4)), b"x");
        assert_eq!(dropped(&nest(5)), Drop::TooDeep);
    }
}
