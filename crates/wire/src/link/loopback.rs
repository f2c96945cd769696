//! Links that have next to no header: BSD loopback, and bare IP.

use crate::ip;
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::View;
use crate::walk::Walk;

/// LINKTYPE_NULL and LINKTYPE_LOOP: an address family in the byte order of the capturing host (NULL) or of
/// the network (LOOP). AF_INET6 has another number on each BSD, and on Linux and Windows.
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (family, rest) = view.header().ok_or(Drop::LinkTruncated)?;
    // Some capturing hosts write an EtherType into the last two bytes; no address family looks like that.
    match *family {
        [_, _, 0x08, 0x00] => return ip::v4::parse(walk, rest),
        [_, _, 0x86, 0xdd] => return ip::v6::parse(walk, rest),
        _ => {}
    }
    let (big, little) = (u32::from_be_bytes(*family), u32::from_le_bytes(*family));
    match big.min(little) {
        2 => ip::v4::parse(walk, rest),
        10 | 23 | 24 | 26 | 28 | 30 => ip::v6::parse(walk, rest),
        _ => Err(Drop::NotIp),
    }
}

/// LINKTYPE_RAW: the version tells.
pub(crate) fn parse_raw<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match view.nibble() {
        Some(_) => ip::parse(walk, view),
        None => Err(Drop::LinkTruncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkType::{Loopback, RawIp};
    use crate::testing::*;

    #[test]
    fn families() {
        for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            assert_inner(&packet_on(Loopback, &[&family[..], &inner4(b"x")].concat()), b"x");
        }
        for family in [10, 23, 24, 28, 30] {
            assert_inner(&packet_on(Loopback, &[&[family, 0, 0, 0][..], &inner6(b"x")].concat()), b"x");
            assert_inner(&packet_on(Loopback, &[&[0, 0, 0, family][..], &inner6(b"x")].concat()), b"x");
        }
        assert_inner(&packet_on(Loopback, &[&[15, 0, 8, 0][..], &inner4(b"x")].concat()), b"x");
        assert_eq!(dropped_on(Loopback, &[7, 0, 0, 0, 0x45]), Drop::NotIp);
        assert_eq!(dropped_on(Loopback, &[2, 0, 0]), Drop::LinkTruncated);
    }

    #[test]
    fn raw() {
        assert_inner(&packet_on(RawIp, &inner4(b"x")), b"x");
        assert_inner(&packet_on(RawIp, &inner6(b"x")), b"x");
        assert_eq!(packet_on(RawIp, &inner4(b"x")).link.macs, None);
        assert_eq!(dropped_on(RawIp, &[0x50; 40]), Drop::NotIp);
        assert_eq!(dropped_on(RawIp, &[]), Drop::LinkTruncated);
    }
}
