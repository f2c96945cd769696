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
