//! EtherTypes (IANA "IEEE 802 Numbers"): what an Ethernet-like header says is inside.

use crate::ip;
use crate::key::Domain;
use crate::link::llc;
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::tunnel;
use crate::view::{View, be16};
use crate::walk::{MAX_TAGS, Walk};

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
/// IEEE 802.1Q.
const VLAN: u16 = 0x8100;
/// IEEE 802.1ad.
const SERVICE_VLAN: u16 = 0x88a8;
/// Before 802.1ad was.
const OLD_QINQ: u16 = 0x9100;
pub(crate) const MPLS: u16 = 0x8847;
pub(crate) const MPLS_UPSTREAM: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
/// Below: not a type but the length of an IEEE 802.3 frame (IEEE 802.3, clause 3.2.6).
const FIRST_TYPE: u16 = 0x0600;

/// Where tags belong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// The frame's own link header: its tags are recorded.
    Outermost,
    /// Inside a tunnel that names no network: tags replace the domain.
    Inner,
    /// Inside an overlay: its network id is the domain, tags are skipped.
    Overlay,
}

/// What follows an EtherType.
#[inline]
pub(crate) fn parse<'a>(
    mut walk: Walk,
    ethertype: u16,
    view: View<'a>,
    level: Level,
) -> Result<Parsed<'a>, Drop> {
    match ethertype {
        IPV4 => ip::v4::parse(&walk, view),
        IPV6 => ip::v6::parse(&walk, view),
        VLAN | SERVICE_VLAN | OLD_QINQ => {
            let (ethertype, view) = tags(&mut walk, view, level)?;
            match ethertype {
                IPV4 => ip::v4::parse(&walk, view),
                IPV6 => ip::v6::parse(&walk, view),
                other => parse_rare(walk, other, view, level),
            }
        }
        other => parse_rare(walk, other, view, level),
    }
}

/// Tags, from behind the first one's EtherType on. The first two are recorded; 0 is a priority tag, no VLAN
/// (IEEE 802.1Q, clause 9.6), and one direction of a flow may carry it alone.
#[inline]
fn tags<'a>(walk: &mut Walk, mut view: View<'a>, level: Level) -> Result<(u16, View<'a>), Drop> {
    let (mut outer, mut inner) = (0, 0);
    for _ in 0..MAX_TAGS {
        let (&[a, b, c, d], rest) = view.header().ok_or(Drop::LinkTruncated)?;
        view = rest;
        let id = be16(a, b) & 0x0fff;
        if outer == 0 {
            outer = id;
        } else if inner == 0 {
            inner = id;
        }
        let ethertype = be16(c, d);
        if matches!(ethertype, VLAN | SERVICE_VLAN | OLD_QINQ) {
            continue;
        }
        if outer != 0 {
            let inner = (inner != 0).then_some(inner);
            if level == Level::Outermost {
                walk.link.vlan = Some(outer);
                walk.link.inner_vlan = inner;
            }
            if level != Level::Overlay {
                walk.domain = Domain::vlan(outer, inner);
            }
        }
        return Ok((ethertype, view));
    }
    Err(Drop::TooDeep)
}

#[inline(never)]
fn parse_rare<'a>(walk: Walk, ethertype: u16, view: View<'a>, level: Level) -> Result<Parsed<'a>, Drop> {
    match ethertype {
        MPLS | MPLS_UPSTREAM => tunnel::mpls::parse(&walk, view, None),
        PPPOE_SESSION => tunnel::pppoe::parse(walk, view),
        length if length < FIRST_TYPE => {
            // What follows the length is padding; a length past the frame's end is no 802.3 frame.
            let view = view.limit(usize::from(length)).ok_or(Drop::NotIp)?;
            llc::parse(walk, view, level)
        }
        _ => Err(Drop::NotIp),
    }
}
