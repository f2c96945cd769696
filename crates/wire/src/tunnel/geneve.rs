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
