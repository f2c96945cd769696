//! teredo: IPv6 in UDP: RFC 4380, sections 2.7 to 2.10 (addresses), 5.1.1 (encapsulation).
//!
//! Proven from either side by structure: authentication and origin in front, if any, then an IPv6 packet that fills the
//! datagram, but for trailers (\[MS-TERE\], section 2.2), and has an end in the service's prefix; or the solicitation and advertisement of a router, which use
//! link-local addresses.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Teredo,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0 || byte >> 4 == 6)]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let mut room = message.total;
    for _ in 0..2 {
        let rest = scan.rest();
        let length = match *rest {
            // Lengths of a client's id and of authentication; a nonce, a confirmation.
            [0, 1, id, authentication, ..] => 4 + usize::from(id) + usize::from(authentication) + 9,
            [0, 0, ..] => 8,
            _ => break,
        };
        room = room.checked_sub(length).ok_or(Stop::Wrong)?;
        scan.skip(length)?;
    }
    ipv6(&mut scan, room)
}

fn ipv6(scan: &mut Scan<'_>, room: usize) -> Step<Proof> {
    const HEADER_LEN: usize = 40;
    const SERVICE: [u8; 4] = [0x20, 0x01, 0, 0];
    const LINK_LOCAL: [u8; 8] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0];
    const ALL_ROUTERS: [u8; 2] = [0xff, 0x02];
    const ICMPV6: u8 = 58;
    const ROUTER_SOLICITATION: u8 = 133;
    const ROUTER_ADVERTISEMENT: u8 = 134;
    scan.u8_if(|first| first >> 4 == 6)?;
    scan.skip(3)?;
    let most = room.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)?;
    let payload = scan.be(2, 0..=most as u64)? as usize;
    let behind = scan.rest().get(2 + 16 + 16 + payload..).unwrap_or_default();
    require(payload == most || trailers(behind, most - payload))?;
    let next = scan.u8()?;
    scan.skip(1)?;
    let (source, destination) = (scan.take(16)?, scan.take(16)?);
    if source.starts_with(&SERVICE) || destination.starts_with(&SERVICE) {
        return Ok(Proof::Structure);
    }
    let local = destination.starts_with(&LINK_LOCAL) || destination.starts_with(&ALL_ROUTERS);
    require(next == ICMPV6 && source.starts_with(&LINK_LOCAL) && local)?;
    scan.u8_if(|kind| matches!(kind, ROUTER_SOLICITATION | ROUTER_ADVERTISEMENT))?;
    scan.expect(&[0])?;
    Ok(Proof::Structure)
}

/// Trailers that fill what is left: nonce, alternate address, neighbour discovery option, random port; each with its
/// length.
fn trailers(mut bytes: &[u8], length: usize) -> bool {
    if bytes.len() != length {
        return false;
    }
    for _ in 0..8 {
        bytes = match *bytes {
            [] => return true,
            [1, 4, ref rest @ ..] => rest.get(4..),
            [3, length, ref rest @ ..] if length >= 8 => rest.get(usize::from(length)..),
            [4, length, ref rest @ ..] => rest.get(usize::from(length)..),
            [5, 2, ref rest @ ..] => rest.get(2..),
            _ => None,
        }
        .unwrap_or(&[0]);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn ipv6_of(next: u8, source: &[u8], destination: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, payload.len() as u8, next, 21];
        for address in [source, destination] {
            packet.extend(address);
            packet.extend(vec![7; 16 - address.len()]);
        }
        packet.extend(payload);
        packet
    }

    #[test]
    fn bubbles_packets_and_solicitations() {
        let udp = Trial::udp(check);
        let bubble = ipv6_of(59, &[0x20, 1, 0, 0], &[0x20, 1, 0, 0], b"");
        udp.client_proves(&bubble, Proof::Structure);
        udp.server_proves(&[&[0, 0, 0xef, 1, 2, 3, 4, 5][..], &bubble].concat(), Proof::Structure);
        udp.client_proves(
            &ipv6_of(58, &[0x20, 1, 0, 0], &[0x2a, 0, 0x14, 0x50], &[128, 0, 1, 2]),
            Proof::Structure,
        );
        let nonce = [&bubble[..], &[1, 4, 0x5e, 0x76, 0xa0, 0x77], &[5, 2, 0xdf, 0x78]].concat();
        udp.client_proves(&nonce, Proof::Structure);
        assert_eq!(udp.client(&nonce[..nonce.len() - 1]), Match::No);
        let local = [0xfe, 0x80, 0, 0, 0, 0, 0, 0];
        let solicitation = ipv6_of(58, &local, &[0xff, 2, 0, 0], &[133, 0, 1, 2, 0, 0, 0, 0]);
        let authenticated = [&[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0][..], &solicitation].concat();
        udp.client_proves(&authenticated, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let strangers = ipv6_of(59, &[0x2a, 0, 0, 0], &[0x2a, 1, 0, 0], b"");
        assert_eq!(udp.client(&strangers), Match::No);
        let bubble = ipv6_of(59, &[0x20, 1, 0, 0], &[0x20, 1, 0, 0], b"");
        assert_eq!(udp.client(&[&bubble[..], &[0]].concat()), Match::No);
        assert_eq!(udp.client(&bubble[..39]), Match::No);
        assert_eq!(udp.client(&[0; 64]), Match::No);
        assert_eq!(udp.both(&bubble, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
