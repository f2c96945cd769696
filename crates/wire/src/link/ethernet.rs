//! Ethernet (IEEE 802.3).

use crate::ip;
use crate::link::ethertype::{self, Level};
use crate::packet::{Frame, Parsed};
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::{Context, Outermost, Tags, Walk};

/// The Ethernet header that a frame starts with: its addresses and tags are recorded.
#[inline(always)]
pub(crate) fn parse_outermost<'a>(frame: &Frame<'a>, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[.., t0, t1], mut rest) = view.header::<14>().ok_or(Drop::LinkTruncated)?;
    let mut ethertype = be16(t0, t1);
    let mut tags = Tags::default();
    if ethertype::is_tag(ethertype) {
        (ethertype, tags, rest) = ethertype::tags(rest)?;
    }
    let context = Outermost { frame, tags };
    match ethertype {
        ethertype::IPV4 => ip::v4::parse_in(context, rest),
        ethertype::IPV6 => ip::v6::parse_in(context, rest),
        other => parse_rare(context, other, rest),
    }
}

#[inline(never)]
fn parse_rare<'a>(context: Outermost<'_>, ethertype: u16, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    ethertype::parse(context.walk(), ethertype, view, Level::Outermost)
}

/// An Ethernet header inside a tunnel.
#[inline(never)]
pub(crate) fn parse_inner<'a>(walk: Walk, view: View<'a>, level: Level) -> Result<Parsed<'a>, Drop> {
    let (&[.., t0, t1], rest) = view.header::<14>().ok_or(Drop::LinkTruncated)?;
    ethertype::parse(walk, be16(t0, t1), rest, level)
}
