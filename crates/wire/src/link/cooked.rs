//! Linux "cooked" captures: what the kernel knows of a packet, in place of its link header
//! (tcpdump.org, LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2).

use crate::link::ethertype::{self, Level};
use crate::link::llc;
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::Walk;

/// ARPHRD_NETLINK, include/uapi/linux/if_arp.h: the protocol is a netlink family, not an EtherType.
const NETLINK: u16 = 824;
/// ETH_P_802_2, include/uapi/linux/if_ether.h: LLC follows.
const LLC: u16 = 0x0004;

/// Version 1, 16 bytes.
pub(crate) fn parse_v1<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[_, _, h0, h1, .., p0, p1], rest) = view.header::<16>().ok_or(Drop::LinkTruncated)?;
    protocol(walk, be16(h0, h1), be16(p0, p1), rest)
}

/// Version 2, 20 bytes.
pub(crate) fn parse_v2<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (header, rest) = view.header::<20>().ok_or(Drop::LinkTruncated)?;
    let &[p0, p1, _, _, _, _, _, _, h0, h1, ..] = header;
    protocol(walk, be16(h0, h1), be16(p0, p1), rest)
}

fn protocol<'a>(walk: Walk, hardware: u16, protocol: u16, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match protocol {
        _ if hardware == NETLINK => Err(Drop::NotIp),
        LLC => llc::parse(walk, view, Level::Outermost),
        kind @ 0x0600.. => ethertype::parse(walk, kind, view, Level::Outermost),
        _ => Err(Drop::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkType::{LinuxSll, LinuxSll2};
    use crate::testing::*;

    fn v1(hardware: u16, protocol: u16, content: &[u8]) -> Vec<u8> {
        let hardware = hardware.to_be_bytes();
        [&[0, 0][..], &hardware, &[0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &protocol.to_be_bytes(), content].concat()
    }

    fn v2(hardware: u16, protocol: u16, content: &[u8]) -> Vec<u8> {
        let hardware = hardware.to_be_bytes();
        let rest = [0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        [&protocol.to_be_bytes()[..], &[0, 0, 0, 0, 0, 3], &hardware, &rest, content].concat()
    }

    #[test]
    fn both_versions() {
        for build in [v1, v2] {
            let link = if build(1, 0, &[]).len() == 16 { LinuxSll } else { LinuxSll2 };
            assert_inner(&packet_on(link, &build(1, 0x0800, &inner4(b"x"))), b"x");
            assert_inner(&packet_on(link, &build(512, 0x86dd, &inner6(b"x"))), b"x");
            let tagged = [&[0, 9, 8, 0][..], &inner4(b"x")].concat();
            assert_eq!(packet_on(link, &build(1, 0x8100, &tagged)).link.vlan, Some(9));
            let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner4(b"x")].concat();
            assert_inner(&packet_on(link, &build(1, LLC, &snap)), b"x");
            assert_eq!(dropped_on(link, &build(1, 1, &[0; 20])), Drop::NotIp);
            assert_eq!(dropped_on(link, &build(NETLINK, 0x0800, &inner4(b"x"))), Drop::NotIp);
            assert_eq!(dropped_on(link, &build(1, 0x0800, &[])[..15]), Drop::LinkTruncated);
        }
    }
}
