//! Ethernet (IEEE 802.3).

use crate::ip;
use crate::link::ethertype::{self, Level};
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::{Context, Tags, Walk};

/// The Ethernet header that a frame starts with: its tags are recorded.
#[inline(always)]
pub(crate) fn parse_outermost<'a, C: Context>(
    view: View<'a>,
    context: impl FnOnce(Tags) -> C,
) -> Result<C::Answer<'a>, Drop> {
    let (&[.., t0, t1], mut rest) = view.header::<14>().ok_or(Drop::LinkTruncated)?;
    let mut ethertype = be16(t0, t1);
    let mut tags = Tags::default();
    if ethertype::is_tag(ethertype) {
        (ethertype, tags, rest) = ethertype::tags(rest)?;
    }
    let context = context(tags);
    match ethertype {
        ethertype::IPV4 => ip::v4::parse_in(context, rest),
        ethertype::IPV6 => ip::v6::parse_in(context, rest),
        other => context.rare(|walk| ethertype::parse(walk, other, rest, Level::Outermost)),
    }
}

/// An Ethernet header inside a tunnel.
#[inline(never)]
pub(crate) fn parse_inner<'a>(walk: Walk, view: View<'a>, level: Level) -> Result<Parsed<'a>, Drop> {
    let (&[.., t0, t1], rest) = view.header::<14>().ok_or(Drop::LinkTruncated)?;
    ethertype::parse(walk, be16(t0, t1), rest, level)
}

#[cfg(test)]
mod tests {
    use crate::testing::*;
    use crate::{Domain, Drop};

    #[test]
    fn addresses_are_recorded() {
        let bytes = ethernet(0x0800, &inner4(b"x"));
        let packet = packet(&bytes);
        assert_inner(&packet, b"x");
        assert_eq!(packet.link.macs, Some((MAC_A, MAC_B)));
        assert_eq!((packet.link.vlan, packet.key.domain()), (None, Domain::NONE));
        assert_eq!((packet.time.as_nanos(), packet.interface, packet.packets), (5, 3, 1));
    }

    #[test]
    fn padding_is_no_payload() {
        let mut bytes = ethernet(0x0800, &inner4(b"x"));
        bytes.resize(60, 0);
        assert_inner(&packet(&bytes), b"x");
        let mut bytes = ethernet(0x86dd, &inner6(b"x"));
        bytes.resize(90, 0);
        assert_inner(&packet(&bytes), b"x");
    }

    #[test]
    fn what_is_not_ip() {
        assert_eq!(dropped(&ethernet(0x0806, &[0; 28])), Drop::NotIp);
        assert_eq!(dropped(&[0; 13]), Drop::LinkTruncated);
        assert_eq!(dropped(&ethernet(0x0800, &[])), Drop::IpTruncated);
    }
}
