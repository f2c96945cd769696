//! VXLAN (RFC 7348) and its generic protocol extension (draft-ietf-nvo3-vxlan-gpe).

use crate::ip::{self, Ip};
use crate::key::Domain;
use crate::link::ethernet;
use crate::link::ethertype::Level;
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::tunnel::overlay;
use crate::view::View;
use crate::walk::Walk;

/// The network id is valid: set in every VXLAN header.
const VALID_ID: u8 = 0x08;
/// GPE: the byte before the network id names the protocol.
const PROTOCOL: u8 = 0x04;

/// From the flags on. All but one are reserved, and to be ignored (RFC 7348, section 5).
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let header = Header::parse(view)?;
    ethernet::parse_inner(header.enter(walk, ip)?, header.rest, Level::Overlay)
}

/// From the flags on, on the port of the extension.
#[inline(never)]
pub(crate) fn parse_gpe<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let header = Header::parse(view)?;
    let walk = header.enter(walk, ip)?;
    match (header.flags & PROTOCOL != 0, header.protocol) {
        (true, 1) => ip::v4::parse(walk, header.rest),
        (true, 2) => ip::v6::parse(walk, header.rest),
        (true, 3) | (false, _) => ethernet::parse_inner(walk, header.rest, Level::Overlay),
        _ => Err(Drop::NotIp),
    }
}

struct Header<'a> {
    flags: u8,
    protocol: u8,
    id: u32,
    rest: View<'a>,
}

impl<'a> Header<'a> {
    fn parse(view: View<'a>) -> Result<Self, Drop> {
        let (&[flags, _, _, protocol, n0, n1, n2, _], rest) = view.header().ok_or(Drop::TunnelMalformed)?;
        if flags & VALID_ID == 0 {
            return Err(Drop::TunnelMalformed);
        }
        Ok(Self { flags, protocol, id: u32::from_be_bytes([0, n0, n1, n2]), rest })
    }

    fn enter(&self, walk: Walk, ip: Ip) -> Result<Walk, Drop> {
        let tunnel = Tunnel::between(TunnelKind::Vxlan, Some(self.id), ip.ends);
        walk.enter_overlay(tunnel, Domain::overlay(overlay::VXLAN, self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn vxlan(flags: u8, protocol: u8, content: &[u8]) -> Vec<u8> {
        [&[flags, 0, 0, protocol, 0x12, 0x34, 0x56, 0][..], content].concat()
    }

    #[test]
    fn the_network_id_is_the_domain() {
        for port in [4789, 8472] {
            let frame = ethernet(0x0800, &inner4(b"x"));
            let bytes = ether4(17, &udp(1000, port, &vxlan(8, 0, &frame)));
            let packet = packet(&bytes);
            assert_inner(&packet, b"x");
            assert_eq!(packet.key.domain(), Domain::overlay(2, 0x12_3456));
            let tunnel = packet.tunnel.unwrap();
            assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Vxlan, Some(0x12_3456)));
            assert_eq!(tunnel.source.zip(tunnel.destination), Some((A4.into(), B4.into())));
            assert_eq!(packet.link.macs, Some((MAC_A, MAC_B)));
        }
    }

    #[test]
    fn tags_inside_are_skipped_and_tags_outside_recorded() {
        let tagged = ethernet(0x8100, &[&[0, 5, 8, 0][..], &inner4(b"x")].concat());
        let outer = ipv4(17, &udp(1000, 4789, &vxlan(8, 0, &tagged)));
        let bytes = ethernet(0x8100, &[&[0, 9, 8, 0][..], &outer].concat());
        let packet = packet(&bytes);
        assert_eq!(packet.key.domain(), Domain::overlay(2, 0x12_3456));
        assert_eq!(packet.link.vlan, Some(9));
    }

    #[test]
    fn generic_protocol_extension() {
        for (protocol, content) in
            [(1, inner4(b"x")), (2, inner6(b"x")), (3, ethernet(0x86dd, &inner6(b"x")))]
        {
            let bytes = ether4(17, &udp(1000, 4790, &vxlan(0x0c, protocol, &content)));
            assert_inner(&packet(&bytes), b"x");
        }
    }

    #[test]
    fn reserved_fields_are_ignored() {
        let frame = ethernet(0x0800, &inner4(b"x"));
        assert_inner(&packet(&ether4(17, &udp(1000, 4789, &vxlan(0xff, 0xf2, &frame)))), b"x");
    }

    #[test]
    fn junk_on_the_port_stays_udp() {
        let frame = ethernet(0x0800, &inner4(b"x"));
        let arp = ethernet(0x0806, &[0; 28]);
        let junk =
            [vxlan(0, 0, &frame), vxlan(8, 0, &frame[..40]), vxlan(8, 0, &arp), vec![8; 7], vec![9; 300]];
        for payload in junk {
            let bytes = ether4(17, &udp(1000, 4789, &payload));
            let packet = packet(&bytes);
            assert_eq!((packet.tunnel, packet.payload), (None, &payload[..]));
            assert_eq!(packet.destination().1, 4789);
        }
        // From the port: an answer is sent to it as well.
        let bytes = ether4(17, &udp(4789, 1000, &vxlan(8, 0, &frame)));
        assert_eq!(packet(&bytes).tunnel, None);
    }

    #[test]
    fn too_many_tunnels_are_too_many() {
        let mut content = inner4(b"x");
        for _ in 0..5 {
            content = ipv4(17, &udp(1000, 4789, &vxlan(8, 0, &ethernet(0x0800, &content))));
        }
        assert_eq!(dropped(&ethernet(0x0800, &content)), Drop::TooDeep);
    }
}
