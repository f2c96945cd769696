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
