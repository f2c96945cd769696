//! Teredo (RFC 4380): IPv6 over UDP over IPv4, through NATs.

use crate::ip::{self, Ends, Ip};
use crate::packet::{Parsed, TransportHeader, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::view::View;
use crate::walk::Walk;

/// From the indicators (section 5.1.1) or the IPv6 header on. Only a packet with a real transport counts:
/// bubbles (section 2.8) and fragments stay a flow of the tunnel.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let Ends::V4(..) = ip.ends else { return Err(Drop::TunnelMalformed) };
    let packet = behind_indicators(view).ok_or(Drop::TunnelMalformed)?;
    if packet.nibble() != Some(6) {
        return Err(Drop::TunnelMalformed);
    }
    let walk = walk.enter(Tunnel::between(TunnelKind::Teredo, None, ip.ends))?;
    match ip::v6::parse(walk, packet)? {
        Parsed::Packet(packet) if packet.transport != TransportHeader::Other => Ok(Parsed::Packet(packet)),
        _ => Err(Drop::TunnelMalformed),
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
