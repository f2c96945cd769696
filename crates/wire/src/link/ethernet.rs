//! Ethernet (IEEE 802.3).

use crate::link::ethertype::{self, Level};
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::Walk;

/// The Ethernet header that a frame starts with: its addresses and tags are recorded.
#[inline]
pub(crate) fn parse_outermost<'a>(mut walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (header, rest) = view.header::<14>().ok_or(Drop::LinkTruncated)?;
    let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = header;
    walk.link.macs = Some(([s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]));
    ethertype::parse(walk, be16(t0, t1), rest, Level::Outermost)
}

/// An Ethernet header inside a tunnel.
#[inline(never)]
pub(crate) fn parse_inner<'a>(walk: Walk, view: View<'a>, level: Level) -> Result<Parsed<'a>, Drop> {
    let (header, rest) = view.header::<14>().ok_or(Drop::LinkTruncated)?;
    let &[.., t0, t1] = header;
    ethertype::parse(walk, be16(t0, t1), rest, level)
}
