//! PPP (RFC 1661), its framings (RFC 1662), and Cisco HDLC.

use crate::ip;
use crate::link::ethertype::{self, Level};
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::tunnel;
use crate::view::{View, be16};
use crate::walk::Walk;

/// Address and control field of HDLC-like framing (RFC 1662, section 3.1).
const ADDRESS_CONTROL: [u8; 2] = [0xff, 0x03];
/// Address of a Cisco HDLC unicast or multicast frame, seen on LINKTYPE_PPP_HDLC too.
const CISCO: [u8; 2] = [0x0f, 0x8f];

/// A capture's PPP link.
pub(crate) fn parse_framed<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match view.bytes() {
        [address, 0, ..] if CISCO.contains(address) => parse_cisco(walk, view),
        _ => parse(walk, view),
    }
}

/// From the address and control field, which may be left out (RFC 1661, section 6.6), or from the protocol
/// field on, which may be compressed to one byte (section 6.5).
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let view = match view.header() {
        Some((&ADDRESS_CONTROL, rest)) => rest,
        _ => view,
    };
    let (protocol, rest) = match view.header() {
        Some((&[low], rest)) if low & 1 == 1 => (u16::from(low), rest),
        _ => view.header().map(|(&[a, b], rest)| (be16(a, b), rest)).ok_or(Drop::LinkTruncated)?,
    };
    // IANA "PPP DLL Protocol Numbers".
    match protocol {
        0x0021 => ip::v4::parse(walk, rest),
        0x0057 => ip::v6::parse(walk, rest),
        0x0281 | 0x0283 => tunnel::mpls::parse(walk, rest, None),
        _ => Err(Drop::NotIp),
    }
}

/// Cisco HDLC: address, 0, EtherType.
pub(crate) fn parse_cisco<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[_, _, t0, t1], rest) = view.header().ok_or(Drop::LinkTruncated)?;
    match be16(t0, t1) {
        kind @ 0x0600.. => ethertype::parse(walk, kind, rest, Level::Outermost),
        _ => Err(Drop::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkType::{CiscoHdlc, Ppp};
    use crate::testing::*;

    #[test]
    fn framings() {
        for header in [&[0xff, 3, 0, 0x21][..], &[0, 0x21], &[0x21], &[0xff, 3, 0x21]] {
            assert_inner(&packet_on(Ppp, &[header, &inner4(b"x")].concat()), b"x");
        }
        assert_inner(&packet_on(Ppp, &[&[0, 0x57][..], &inner6(b"x")].concat()), b"x");
        let mpls = [&[0xff, 3, 0x02, 0x81, 0, 0, 0x21, 64][..], &inner4(b"x")].concat();
        assert_inner(&packet_on(Ppp, &mpls), b"x");
        // LCP.
        assert_eq!(dropped_on(Ppp, &[0xff, 3, 0xc0, 0x21, 1, 1, 0, 4]), Drop::NotIp);
        assert_eq!(dropped_on(Ppp, &[0xff, 3, 0]), Drop::LinkTruncated);
    }

    #[test]
    fn cisco() {
        for link in [CiscoHdlc, Ppp] {
            assert_inner(&packet_on(link, &[&[0x0f, 0, 8, 0][..], &inner4(b"x")].concat()), b"x");
        }
        // Keepalive.
        assert_eq!(dropped_on(CiscoHdlc, &[0x8f, 0, 0x80, 0x35, 0, 0, 0, 2]), Drop::NotIp);
        assert_eq!(dropped_on(CiscoHdlc, &[0x0f, 0, 8]), Drop::LinkTruncated);
    }
}
