//! PPPoE sessions (RFC 2516).

use crate::link::ppp;
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::Walk;

/// From the version field on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[version, code, i0, i1, l0, l1], rest) = view.header().ok_or(Drop::TunnelMalformed)?;
    if version != 0x11 || code != 0 {
        return Err(Drop::TunnelMalformed);
    }
    let content = rest.limit(usize::from(be16(l0, l1))).ok_or(Drop::TunnelMalformed)?;
    let walk = walk.enter(Tunnel {
        kind: TunnelKind::Pppoe,
        id: Some(u32::from(be16(i0, i1))),
        source: None,
        destination: None,
    })?;
    ppp::parse(walk, content)
}
