//! ERSPAN: mirrored frames in GRE (draft-foschiano-erspan), types I, II and III.

use crate::ip::{self, Ip};
use crate::key::Domain;
use crate::link::ethernet;
use crate::link::ethertype::Level;
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::tunnel::overlay;
use crate::view::{View, be16};
use crate::walk::Walk;

/// Type I: the frame follows the GRE header.
pub(crate) fn parse_1<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let walk = walk.enter(Tunnel::between(TunnelKind::Erspan, None, ip.ends))?;
    ethernet::parse_inner(walk, view, Level::Inner)
}

/// Type II: a header of 8 bytes.
pub(crate) fn parse_2<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[version, _, s0, s1, ..], rest) = view.header::<8>().ok_or(Drop::TunnelMalformed)?;
    if version >> 4 != 1 {
        return Err(Drop::TunnelMalformed);
    }
    ethernet::parse_inner(enter(walk, ip, be16(s0, s1))?, rest, Level::Overlay)
}

/// Type III: a header of 12 bytes, and one of 8 that depends on the platform.
pub(crate) fn parse_3<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    const SUBHEADER: u16 = 0x0001;

    let (&[version, _, s0, s1, .., k0, k1], mut rest) = view.header::<12>().ok_or(Drop::TunnelMalformed)?;
    if version >> 4 != 2 {
        return Err(Drop::TunnelMalformed);
    }
    let kind = be16(k0, k1);
    if kind & SUBHEADER != 0 {
        rest = rest.skip(8).ok_or(Drop::TunnelMalformed)?;
    }
    let walk = enter(walk, ip, be16(s0, s1))?;
    match kind >> 10 & 0x1f {
        0 => ethernet::parse_inner(walk, rest, Level::Overlay),
        2 => ip::parse(walk, rest),
        _ => Err(Drop::NotIp),
    }
}

/// The session id is the low 10 bits of the second 16-bit word.
fn enter(walk: Walk, ip: Ip, word: u16) -> Result<Walk, Drop> {
    let id = u32::from(word & 0x03ff);
    let tunnel = Tunnel::between(TunnelKind::Erspan, Some(id), ip.ends);
    walk.enter_overlay(tunnel, Domain::overlay(overlay::ERSPAN, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn gre(sequenced: bool, protocol: u16, header: &[u8], content: &[u8]) -> Vec<u8> {
        let flags: &[u8] = if sequenced { &[0x10, 0] } else { &[0, 0] };
        let sequence: &[u8] = if sequenced { &[0, 0, 0, 1] } else { &[] };
        ether4(47, &[flags, &protocol.to_be_bytes(), sequence, header, content].concat())
    }

    #[test]
    fn all_types() {
        let frame = ethernet(0x0800, &inner4(b"x"));
        let session = (Some(0x207), Domain::overlay(4, 0x207));
        let two = [0x10, 5, 2, 7, 0, 0, 0, 0];
        let three = [0x20, 5, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        let three_with_more = [0x20, 5, 2, 7, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9];
        let three_ip = [0x20, 5, 2, 7, 0, 0, 0, 0, 0, 0, 2 << 2, 0];
        let rows = [
            (gre(false, 0x88be, &[], &frame), (None, Domain::NONE)),
            (gre(true, 0x88be, &two, &frame), session),
            (gre(true, 0x22eb, &three, &frame), session),
            (gre(true, 0x22eb, &three_with_more, &frame), session),
            (gre(true, 0x22eb, &three_ip, &inner6(b"x")), session),
        ];
        for (bytes, (id, domain)) in rows {
            let packet = packet(&bytes);
            assert_inner(&packet, b"x");
            let tunnel = packet.tunnel.unwrap();
            assert_eq!((tunnel.kind, tunnel.id, packet.key.domain()), (TunnelKind::Erspan, id, domain));
        }
    }

    #[test]
    fn impossible_headers() {
        for bytes in [
            gre(true, 0x88be, &[0x20, 0, 0, 0, 0, 0, 0, 0], &[]),
            gre(true, 0x22eb, &[0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[]),
            gre(true, 0x22eb, &[0x20, 0, 0, 0], &[]),
        ] {
            assert_eq!(dropped(&bytes), Drop::TunnelMalformed);
        }
    }
}
