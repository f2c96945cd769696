//! GTP-U (3GPP TS 29.281): user packets of mobile networks.

use crate::ip::{self, Ip};
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::{MAX_EXTENSIONS, Walk};

/// Version 1, protocol type GTP (not GTP').
const VERSION_1: u8 = 0x30;
/// A G-PDU: a user packet follows. All other messages are signalling.
const G_PDU: u8 = 255;
/// An extension header, a sequence number or an N-PDU number is there: then all three fields are.
const OPTIONAL_FIELDS: u8 = 0x07;
const EXTENSION: u8 = 0x04;

/// From the version field on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[flags, kind, l0, l1, t0, t1, t2, t3], rest) = view.header().ok_or(Drop::TunnelMalformed)?;
    if flags & 0xf0 != VERSION_1 || kind != G_PDU {
        return Err(Drop::TunnelMalformed);
    }
    let mut rest = rest.limit(usize::from(be16(l0, l1))).ok_or(Drop::TunnelMalformed)?;
    if flags & OPTIONAL_FIELDS != 0 {
        let (&[_, _, _, mut next], behind) = rest.header().ok_or(Drop::TunnelMalformed)?;
        rest = behind;
        if flags & EXTENSION == 0 {
            next = 0;
        }
        let mut count = 0;
        while next != 0 {
            if count == MAX_EXTENSIONS {
                return Err(Drop::TunnelMalformed);
            }
            count += 1;
            // Its length in units of 4 bytes comes first, the next one's type last (section 5.2.1).
            let len = rest.bytes().first().map_or(0, |&units| usize::from(units) * 4);
            let header = rest.bytes().get(..len).ok_or(Drop::TunnelMalformed)?;
            next = *header.last().ok_or(Drop::TunnelMalformed)?;
            rest = rest.skip(len).ok_or(Drop::TunnelMalformed)?;
        }
    }
    let id = u32::from_be_bytes([t0, t1, t2, t3]);
    let walk = walk.enter(Tunnel::between(TunnelKind::GtpU, Some(id), ip.ends))?;
    ip::parse(walk, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn gtpu(flags: u8, kind: u8, fields: &[u8], content: &[u8]) -> Vec<u8> {
        let len = (fields.len() + content.len()) as u16;
        [&[flags, kind][..], &len.to_be_bytes(), &[0, 0, 1, 5], fields, content].concat()
    }

    #[test]
    fn optional_fields_and_extension_headers() {
        let rows = [
            (0x30, &[][..]),
            (0x32, &[0, 1, 0, 0]),
            // The field is there, but not meant.
            (0x32, &[0, 1, 0, 0x85]),
            (0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0]),
            (0x36, &[0, 1, 0, 0xc0, 1, 2, 3, 0x85, 2, 0, 9, 0, 0, 0, 0, 0]),
        ];
        for (flags, fields) in rows {
            for content in [inner4(b"x"), inner6(b"x")] {
                let bytes = ether4(17, &udp(2152, 2152, &gtpu(flags, G_PDU, fields, &content)));
                let packet = packet(&bytes);
                assert_inner(&packet, b"x");
                let tunnel = packet.tunnel.unwrap();
                assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::GtpU, Some(0x105)));
                // TEIDs differ per direction.
                assert_eq!(packet.key.domain(), crate::Domain::NONE);
            }
        }
    }

    #[test]
    fn signalling_and_junk_stay_udp() {
        let inner = inner4(b"x");
        let mut long = gtpu(0x30, G_PDU, &[], &inner);
        long[3] += 1;
        let endless = [0, 0, 0, 0x85].iter().chain(&[1, 0, 0, 0x85].repeat(9)).copied().collect::<Vec<_>>();
        for payload in [
            gtpu(0x32, 1, &[0, 1, 0, 0], &[]),
            gtpu(0x20, G_PDU, &[], &inner),
            gtpu(0x50, G_PDU, &[], &inner),
            gtpu(0x30, G_PDU, &[], &inner[1..]),
            gtpu(0x34, G_PDU, &[0, 0, 0, 0x85, 0, 0, 0, 0], &inner),
            gtpu(0x34, G_PDU, &endless, &inner),
            long,
        ] {
            let bytes = ether4(17, &udp(1000, 2152, &payload));
            assert_eq!(packet(&bytes).payload, &payload[..]);
        }
    }
}
