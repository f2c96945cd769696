//! EtherTypes (IANA "IEEE 802 Numbers"): what an Ethernet-like header says is inside.

use crate::ip;
use crate::link::llc;
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::tunnel;
use crate::view::{View, be16};
use crate::walk::{MAX_TAGS, Tags, Walk};

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
/// IEEE 802.1Q.
const VLAN: u16 = 0x8100;
/// IEEE 802.1ad.
const SERVICE_VLAN: u16 = 0x88a8;
/// Before 802.1ad was.
const OLD_QINQ: u16 = 0x9100;
const OLD_QINQ_2: u16 = 0x9200;
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
#[inline(never)]
pub(crate) fn parse<'a>(
    mut walk: Walk,
    mut ethertype: u16,
    mut view: View<'a>,
    level: Level,
) -> Result<Parsed<'a>, Drop> {
    if is_tag(ethertype) {
        let found;
        (ethertype, found, view) = tags(view)?;
        if level == Level::Outermost {
            walk.link.vlan = found.outer();
            walk.link.inner_vlan = found.inner();
        }
        if level != Level::Overlay && found.outer().is_some() {
            walk.domain = found.domain();
        }
    }
    match ethertype {
        IPV4 => ip::v4::parse(walk, view),
        IPV6 => ip::v6::parse(walk, view),
        MPLS | MPLS_UPSTREAM => tunnel::mpls::parse(walk, view, None),
        PPPOE_SESSION => tunnel::pppoe::parse(walk, view),
        length if length < FIRST_TYPE => {
            // What follows the length is padding; a length past the frame's end is no 802.3 frame.
            let view = view.limit(usize::from(length)).ok_or(Drop::NotIp)?;
            llc::parse(walk, view, level)
        }
        _ => Err(Drop::NotIp),
    }
}

/// Whether a VLAN tag follows.
#[inline(always)]
pub(crate) const fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, VLAN | SERVICE_VLAN | OLD_QINQ | OLD_QINQ_2)
}

/// Tags, from behind the first one's EtherType on: the EtherType behind the last.
#[inline(always)]
pub(crate) fn tags(mut view: View<'_>) -> Result<(u16, Tags, View<'_>), Drop> {
    let mut tags = Tags::default();
    for _ in 0..MAX_TAGS {
        let (&[control0, control1, t0, t1], rest) = view.header().ok_or(Drop::LinkTruncated)?;
        view = rest;
        tags.push([control0, control1]);
        let ethertype = be16(t0, t1);
        if !is_tag(ethertype) {
            return Ok((ethertype, tags, view));
        }
    }
    Err(Drop::TooDeep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::{Domain, Drop};

    fn tagged(tags: &[(u16, u16)]) -> Vec<u8> {
        let mut bytes = [MAC_B, MAC_A].concat();
        for (ethertype, control) in tags {
            bytes.extend(ethertype.to_be_bytes());
            bytes.extend(control.to_be_bytes());
        }
        bytes.extend([0x08, 0x00]);
        bytes.extend(inner4(b"x"));
        bytes
    }

    #[track_caller]
    fn assert_tags(tags: &[(u16, u16)], vlan: Option<u16>, inner: Option<u16>) {
        let bytes = tagged(tags);
        let packet = packet(&bytes);
        assert_inner(&packet, b"x");
        assert_eq!((packet.link.vlan, packet.link.inner_vlan), (vlan, inner));
        let domain = vlan.map_or(Domain::NONE, |vlan| Domain::vlan(vlan, inner));
        assert_eq!(packet.key.domain(), domain);
    }

    #[test]
    fn vlan_tags() {
        assert_tags(&[(VLAN, 0xe123)], Some(0x123), None);
        assert_tags(&[(SERVICE_VLAN, 5), (VLAN, 6)], Some(5), Some(6));
        assert_tags(&[(OLD_QINQ, 5), (OLD_QINQ_2, 6), (VLAN, 7), (VLAN, 8)], Some(5), Some(6));
        assert_eq!(dropped(&tagged(&[(VLAN, 1); MAX_TAGS + 1])), Drop::TooDeep);
        assert_eq!(dropped(&tagged(&[(VLAN, 1)])[..17]), Drop::LinkTruncated);
    }

    #[test]
    fn a_priority_tag_is_no_vlan() {
        assert_tags(&[(VLAN, 0xe000)], None, None);
        assert_tags(&[(VLAN, 0), (VLAN, 9)], Some(9), None);
    }
}
