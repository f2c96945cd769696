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
