//! GRE (RFC 2784, RFC 2890) and the version of it that PPTP uses (RFC 2637).

use crate::ip::{self, Ip};
use crate::link::ethertype::{self, Level};
use crate::link::{ethernet, ppp};
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::tunnel::{erspan, mpls};
use crate::view::{View, be16};
use crate::walk::Walk;

/// Protocol type of bridged frames (RFC 1701); GENEVE uses it too.
pub(crate) const TRANSPARENT_ETHERNET: u16 = 0x6558;
const PPP: u16 = 0x880b;
const WCCP: u16 = 0x883e;
const ERSPAN_1_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;

const CHECKSUM: u16 = 0x8000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// Version 1 only: an acknowledgement number.
const ACK: u16 = 0x0080;
/// Version 0: routing, strict source route, recursion control. RFC 2784, section 2.3: to be discarded.
const OBSOLETE: u16 = 0x4f00;

/// From the flags on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[f0, f1, p0, p1], rest) = view.header().ok_or(Drop::TunnelMalformed)?;
    let (flags, protocol) = (be16(f0, f1), be16(p0, p1));
    match flags & 0x7 {
        0 if flags & OBSOLETE == 0 => parse_v0(walk, ip, flags, protocol, rest),
        1 if protocol == PPP => parse_v1(walk, ip, flags, rest),
        _ => Err(Drop::TunnelMalformed),
    }
}

fn parse_v0<'a>(
    walk: Walk,
    ip: Ip,
    flags: u16,
    protocol: u16,
    mut view: View<'a>,
) -> Result<Parsed<'a>, Drop> {
    let mut word = |wanted: u16| -> Result<Option<u32>, Drop> {
        if flags & wanted == 0 {
            return Ok(None);
        }
        let (word, rest) = view.header().ok_or(Drop::TunnelMalformed)?;
        view = rest;
        Ok(Some(u32::from_be_bytes(*word)))
    };
    word(CHECKSUM)?;
    let key = word(KEY)?;
    let sequenced = word(SEQUENCE)?.is_some();
    match protocol {
        // Type I has no header of its own, and no sequence number.
        ERSPAN_1_2 if !sequenced => return erspan::parse_1(walk, ip, view),
        ERSPAN_1_2 => return erspan::parse_2(walk, ip, view),
        ERSPAN_3 => return erspan::parse_3(walk, ip, view),
        _ => {}
    }
    let walk = walk.enter(Tunnel::between(TunnelKind::Gre, key, ip.ends))?;
    match protocol {
        ethertype::IPV4 => ip::v4::parse(walk, view),
        ethertype::IPV6 => ip::v6::parse(walk, view),
        TRANSPARENT_ETHERNET => ethernet::parse_inner(walk, view, Level::Inner),
        ethertype::MPLS | ethertype::MPLS_UPSTREAM => mpls::parse(walk, view, None),
        PPP => ppp::parse(walk, view),
        // Version 2 puts a redirect header of 4 bytes before the packet, version 1 nothing; its first byte
        // is no IPv4 version and length.
        WCCP if view.nibble() == Some(4) => ip::v4::parse(walk, view),
        WCCP => ip::parse(walk, view.skip(4).ok_or(Drop::TunnelMalformed)?),
        _ => Err(Drop::NotIp),
    }
}

/// RFC 2637, section 4.1: the key is payload length and call id.
fn parse_v1<'a>(walk: Walk, ip: Ip, flags: u16, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[l0, l1, c0, c1], mut rest) = view.header().ok_or(Drop::TunnelMalformed)?;
    if flags & KEY == 0 {
        return Err(Drop::TunnelMalformed);
    }
    for wanted in [SEQUENCE, ACK] {
        if flags & wanted != 0 {
            rest = rest.skip(4).ok_or(Drop::TunnelMalformed)?;
        }
    }
    if flags & SEQUENCE == 0 {
        // Only acknowledges.
        return Err(Drop::NotIp);
    }
    let content = rest.limit(usize::from(be16(l0, l1))).ok_or(Drop::TunnelMalformed)?;
    let id = u32::from(be16(c0, c1));
    let walk = walk.enter(Tunnel::between(TunnelKind::Gre, Some(id), ip.ends))?;
    ppp::parse(walk, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::{Domain, TransportHeader};

    fn gre(flags: u16, protocol: u16, fields: &[u8], content: &[u8]) -> Vec<u8> {
        [&flags.to_be_bytes()[..], &protocol.to_be_bytes(), fields, content].concat()
    }

    #[track_caller]
    fn assert_gre(content: &[u8], id: Option<u32>) {
        for bytes in [ether4(47, content), ether6(47, content)] {
            let packet = packet(&bytes);
            assert_inner(&packet, b"x");
            assert_eq!(packet.tunnel.map(|tunnel| (tunnel.kind, tunnel.id)), Some((TunnelKind::Gre, id)));
        }
    }

    #[test]
    fn optional_fields() {
        let inner = inner4(b"x");
        assert_gre(&gre(0, 0x0800, &[], &inner), None);
        assert_gre(&gre(0x8000, 0x0800, &[1, 2, 0, 0], &inner), None);
        assert_gre(&gre(0x2000, 0x0800, &[0, 0, 1, 2], &inner), Some(0x102));
        assert_gre(&gre(0x1000, 0x0800, &[9; 4], &inner), None);
        assert_gre(&gre(0xb000, 0x0800, &[9, 9, 9, 9, 0, 0, 0, 7, 9, 9, 9, 9], &inner), Some(7));
    }

    #[test]
    fn contents() {
        assert_gre(&gre(0, 0x86dd, &[], &inner6(b"x")), None);
        assert_gre(&gre(0, TRANSPARENT_ETHERNET, &[], &ethernet(0x0800, &inner4(b"x"))), None);
        assert_gre(&gre(0, PPP, &[], &[&[0xff, 3, 0, 0x21][..], &inner4(b"x")].concat()), None);
        assert_gre(&gre(0, WCCP, &[], &inner4(b"x")), None);
        assert_gre(&gre(0, WCCP, &[0, 1, 2, 3], &inner4(b"x")), None);
        let mpls = gre(0, 0x8847, &[], &[&[0, 0, 0x21, 64][..], &inner4(b"x")].concat());
        assert_inner(&packet(&ether4(47, &mpls)), b"x");
    }

    #[test]
    fn tags_of_a_bridged_frame_are_the_domain() {
        let tagged = ethernet(0x8100, &[&[0, 5, 8, 0][..], &inner4(b"x")].concat());
        let bytes = ether4(47, &gre(0, TRANSPARENT_ETHERNET, &[], &tagged));
        let packet = packet(&bytes);
        assert_eq!((packet.key.domain(), packet.link.vlan), (Domain::vlan(5, None), None));
    }

    #[test]
    fn pptp() {
        let ppp = [&[0xff, 3, 0, 0x21][..], &inner4(b"x")].concat();
        let len = ppp.len() as u8;
        assert_gre(&gre(0x3001, PPP, &[0, len, 0, 5, 0, 0, 0, 1], &ppp), Some(5));
        assert_gre(&gre(0x3081, PPP, &[0, len, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1], &ppp), Some(5));
        let acknowledgement = gre(0x2081, PPP, &[0, 0, 0, 5, 0, 0, 0, 1], &[]);
        assert_eq!(packet(&ether4(47, &acknowledgement)).transport, TransportHeader::Other);
    }

    #[test]
    fn impossible_headers() {
        let inner = inner4(b"x");
        for content in [
            gre(0x4000, 0x0800, &[0; 8], &inner),
            gre(2, 0x0800, &[], &inner),
            gre(1, 0x0800, &[], &inner),
            gre(0x1001, PPP, &[0; 8], &[]),
            gre(0x3001, PPP, &[0, 200, 0, 5, 0, 0, 0, 1], &[0, 0x21]),
            vec![0, 0, 8],
            gre(0x8000, 0x0800, &[0; 3], &[]),
        ] {
            assert_eq!(dropped(&ether4(47, &content)), Drop::TunnelMalformed);
        }
    }
}
