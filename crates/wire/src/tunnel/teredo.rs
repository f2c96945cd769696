//! Teredo (RFC 4380): IPv6 over UDP over IPv4, through NATs.

use crate::ip::{self, Ends, Ip};
use crate::packet::{Parsed, TransportHeader, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::view::View;
use crate::walk::Walk;

/// ICMPv6 types (RFC 4861, section 4).
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;

/// From the indicators (section 5.1.1) or the IPv6 header on. Only a packet with a real transport counts:
/// what keeps the tunnel up, which is bubbles (section 2.8) and router discovery (section 5.2.1), stays a flow
/// of the tunnel, and so do fragments.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let Ends::V4(..) = ip.ends else { return Err(Drop::TunnelMalformed) };
    let packet = behind_indicators(view).ok_or(Drop::TunnelMalformed)?;
    if packet.nibble() != Some(6) {
        return Err(Drop::TunnelMalformed);
    }
    let walk = walk.enter(Tunnel::between(TunnelKind::Teredo, None, ip.ends))?;
    match ip::v6::parse(walk, packet)? {
        Parsed::Packet(packet) => match packet.transport {
            TransportHeader::Other => Err(Drop::TunnelMalformed),
            TransportHeader::Icmp { kind: ROUTER_SOLICITATION | ROUTER_ADVERTISEMENT, .. } => {
                Err(Drop::TunnelMalformed)
            }
            _ => Ok(Parsed::Packet(packet)),
        },
        Parsed::Fragment(_) => Err(Drop::TunnelMalformed),
    }
}

/// Skips an authentication and an origin indicator, each at most once, in this order.
fn behind_indicators(mut view: View<'_>) -> Option<View<'_>> {
    if let Some((&[0, 1, id_len, auth_len], rest)) = view.header() {
        // Client identifier, authentication value, nonce, confirmation byte.
        view = rest.skip(usize::from(id_len) + usize::from(auth_len) + 8 + 1)?;
    }
    if let Some((&[0, 0, ..], rest)) = view.header::<8>() {
        view = rest;
    }
    Some(view)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    const ORIGIN: [u8; 8] = [0, 0, 0x63, 0xbf, 0x3f, 0xff, 0xfd, 0xd2];
    const AUTHENTICATION: [u8; 18] = [0, 1, 3, 2, 1, 1, 1, 2, 2, 9, 9, 9, 9, 9, 9, 9, 9, 0];

    #[test]
    fn indicators() {
        let rows = [&[][..], &ORIGIN, &AUTHENTICATION, &[&AUTHENTICATION[..], &ORIGIN].concat()];
        for indicators in rows {
            for ports in [(3544, 1000), (1000, 3544)] {
                let payload = [indicators, &inner6(b"x")].concat();
                let bytes = ether4(17, &udp(ports.0, ports.1, &payload));
                let packet = packet(&bytes);
                assert_inner(&packet, b"x");
                assert_eq!(packet.tunnel.unwrap().kind, TunnelKind::Teredo);
            }
        }
    }

    #[test]
    fn upkeep_fragments_and_junk_stay_udp() {
        let fragment = ipv6(44, &[&[17, 0, 0, 1, 0, 0, 0, 7][..], &[0; 8]].concat());
        let solicitation = ipv6(58, &[133, 0, 0, 0, 0, 0, 0, 0]);
        let mut long = inner6(b"x");
        long[5] += 1;
        for payload in [
            ipv6(59, &[]),
            solicitation,
            fragment,
            long,
            inner4(b"x"),
            AUTHENTICATION.to_vec(),
            vec![0, 1, 255, 255],
        ] {
            let bytes = ether4(17, &udp(1000, 3544, &payload));
            assert_eq!(packet(&bytes).payload, &payload[..]);
        }
        // Not over IPv6.
        let bytes = ether6(17, &udp(1000, 3544, &inner6(b"x")));
        assert_eq!(packet(&bytes).tunnel, None);
    }
}
