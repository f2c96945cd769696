//! GENEVE (RFC 8926). Options are skipped.

use crate::ip::{self, Ip};
use crate::key::Domain;
use crate::link::ethernet;
use crate::link::ethertype::{self, Level};
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::tunnel::gre::TRANSPARENT_ETHERNET;
use crate::tunnel::overlay;
use crate::view::{View, be16};
use crate::walk::Walk;

/// From the version field on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[version, _, p0, p1, n0, n1, n2, _], rest) = view.header().ok_or(Drop::TunnelMalformed)?;
    if version >> 6 != 0 {
        return Err(Drop::TunnelMalformed);
    }
    let options = usize::from(version & 0x3f) * 4;
    let rest = rest.skip(options).ok_or(Drop::TunnelMalformed)?;
    let id = u32::from_be_bytes([0, n0, n1, n2]);
    let tunnel = Tunnel::between(TunnelKind::Geneve, Some(id), ip.ends);
    let walk = walk.enter_overlay(tunnel, Domain::overlay(overlay::GENEVE, id))?;
    match be16(p0, p1) {
        TRANSPARENT_ETHERNET => ethernet::parse_inner(walk, rest, Level::Overlay),
        ethertype::IPV4 => ip::v4::parse(walk, rest),
        ethertype::IPV6 => ip::v6::parse(walk, rest),
        _ => Err(Drop::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn geneve(options: u8, protocol: u16, content: &[u8]) -> Vec<u8> {
        let [p0, p1] = protocol.to_be_bytes();
        let options_bytes = vec![0xee; usize::from(options) * 4];
        [&[options, 0, p0, p1, 0, 0, 9, 0][..], &options_bytes, content].concat()
    }

    #[test]
    fn contents_behind_options() {
        let rows = [
            (0, 0x6558, ethernet(0x0800, &inner4(b"x"))),
            (3, 0x6558, ethernet(0x86dd, &inner6(b"x"))),
            (63, 0x0800, inner4(b"x")),
            (1, 0x86dd, inner6(b"x")),
        ];
        for (options, protocol, content) in rows {
            let bytes = ether6(17, &udp(1000, 6081, &geneve(options, protocol, &content)));
            let packet = packet(&bytes);
            assert_inner(&packet, b"x");
            assert_eq!(packet.key.domain(), Domain::overlay(3, 9));
            let tunnel = packet.tunnel.unwrap();
            assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Geneve, Some(9)));
            assert_eq!(tunnel.source, Some(A6.into()));
        }
    }

    #[test]
    fn junk_on_the_port_stays_udp() {
        let mut version = geneve(0, 0x0800, &inner4(b"x"));
        version[0] |= 0x40;
        for payload in [version, geneve(0, 0x1234, &inner4(b"x")), vec![63, 0, 8, 0, 0, 0, 0, 0, 0x45]] {
            let bytes = ether4(17, &udp(1000, 6081, &payload));
            assert_eq!(packet(&bytes).payload, &payload[..]);
        }
    }
}
