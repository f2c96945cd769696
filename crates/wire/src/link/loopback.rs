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
