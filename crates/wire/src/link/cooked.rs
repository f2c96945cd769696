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
