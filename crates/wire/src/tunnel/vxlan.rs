//! VXLAN (RFC 7348), with the protocol field of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe).

use crate::ip::{self, Ip};
use crate::key::Domain;
use crate::link::ethernet;
use crate::link::ethertype::Level;
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::tunnel::overlay;
use crate::view::View;
use crate::walk::Walk;

/// The network id is valid: set in every VXLAN header.
const VALID_ID: u8 = 0x08;
/// GPE: the byte before the network id names the protocol.
const PROTOCOL: u8 = 0x04;

/// From the flags on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[flags, _, _, protocol, n0, n1, n2, _], rest) = view.header().ok_or(Drop::TunnelMalformed)?;
    if flags & VALID_ID == 0 {
        return Err(Drop::TunnelMalformed);
    }
    let id = u32::from_be_bytes([0, n0, n1, n2]);
    let tunnel = Tunnel::between(TunnelKind::Vxlan, Some(id), ip.ends);
    let walk = walk.enter_overlay(tunnel, Domain::overlay(overlay::VXLAN, id))?;
    match (flags & PROTOCOL != 0, protocol) {
        (false, _) | (true, 3) => ethernet::parse_inner(walk, rest, Level::Overlay),
        (true, 1) => ip::v4::parse(walk, rest),
        (true, 2) => ip::v6::parse(walk, rest),
        _ => Err(Drop::NotIp),
    }
}
