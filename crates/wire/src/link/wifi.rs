//! IEEE 802.11 data frames that are not encrypted, bare or behind a radiotap header.

use crate::link::ethertype::Level;
use crate::link::llc;
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::View;
use crate::walk::Walk;

const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const PROTECTED: u8 = 0x40;
/// "+HTC": a QoS frame with it has an HT control field.
const ORDER: u8 = 0x80;
const QOS: u8 = 0x80;
const NO_DATA: u8 = 0x40;
/// In the QoS control field: the body is an A-MSDU.
const AMSDU: u8 = 0x80;

/// A frame from its frame control field on.
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    parse_aligned(walk, view, 1)
}

/// A frame behind a radiotap header (radiotap.org): little-endian, its length in bytes 2 and 3.
pub(crate) fn parse_radiotap<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[version, _, l0, l1], _) = view.header().ok_or(Drop::LinkTruncated)?;
    if version != 0 {
        return Err(Drop::LinkUnsupported);
    }
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    let frame = view.skip(len).ok_or(Drop::LinkTruncated)?;
    let header = view.bytes().get(..len).unwrap_or_default();
    parse_aligned(walk, frame, if radiotap_pads(header) { 4 } else { 1 })
}

/// Whether the radiotap flags say that the 802.11 header is padded to a multiple of 4 bytes.
fn radiotap_pads(header: &[u8]) -> bool {
    const MORE_WORDS: u32 = 1 << 31;
    const TSFT: u32 = 1;
    const FLAGS: u32 = 2;
    const DATA_PAD: u8 = 0x20;

    let mut at = 4;
    let mut first = None;
    // Each turn moves on by 4 bytes of a header of at most 65,535.
    while let Some(word) = header.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u32::from_le_bytes(*word);
        first = first.or(Some(word));
        at += 4;
        if word & MORE_WORDS == 0 {
            break;
        }
    }
    let present = first.unwrap_or(0);
    if present & FLAGS == 0 {
        return false;
    }
    if present & TSFT != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    header.get(at).is_some_and(|flags| flags & DATA_PAD != 0)
}

fn parse_aligned<'a>(mut walk: Walk, view: View<'a>, align: usize) -> Result<Parsed<'a>, Drop> {
    let (&[kind, flags], _) = view.header().ok_or(Drop::LinkTruncated)?;
    // Protocol version 0, type "data". Control frames are shorter than the rest of a data frame's header.
    if kind & 0x0f != 0x08 || kind & NO_DATA != 0 || flags & PROTECTED != 0 {
        return Err(Drop::NotIp);
    }
    let (header, _) = view.header::<24>().ok_or(Drop::LinkTruncated)?;
    let mut len = 24;
    let four_addresses = flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS;
    let fourth = if four_addresses {
        len += 6;
        view.bytes().get(24..).and_then(|rest| rest.first_chunk())
    } else {
        None
    };
    let mut aggregated = false;
    if kind & QOS != 0 {
        aggregated = view.bytes().get(len).is_some_and(|control| control & AMSDU != 0);
        len += 2;
        if flags & ORDER != 0 {
            len += 4;
        }
    }
    let mut body = view.skip(len.next_multiple_of(align)).ok_or(Drop::LinkTruncated)?;

    let [.., a10, a11, a12, a13, a14, a15, a20, a21, a22, a23, a24, a25, a30, a31, a32, a33, a34, a35, _, _] =
        *header;
    let first = [a10, a11, a12, a13, a14, a15];
    let second = [a20, a21, a22, a23, a24, a25];
    let third = [a30, a31, a32, a33, a34, a35];
    // IEEE 802.11, table "Address field contents": source, destination.
    walk.link.macs = match flags & (TO_DS | FROM_DS) {
        0 => Some((second, first)),
        TO_DS => Some((second, third)),
        FROM_DS => Some((third, first)),
        _ => fourth.map(|fourth| (*fourth, third)),
    };
    if aggregated {
        // The first subframe: destination, source, length.
        let (header, rest) = body.header::<14>().ok_or(Drop::LinkTruncated)?;
        let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, l0, l1] = header;
        walk.link.macs = Some(([s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]));
        body = rest.limit(usize::from(u16::from_be_bytes([l0, l1]))).ok_or(Drop::LinkTruncated)?;
    }
    llc::parse(walk, body, Level::Outermost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkType::{Ieee80211, Ieee80211Radiotap};
    use crate::testing::*;

    const C: [u8; 6] = [2, 0, 0, 0, 0, 0xc];
    const D: [u8; 6] = [2, 0, 0, 0, 0, 0xd];
    const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

    fn data(kind: u8, flags: u8, addresses: [[u8; 6]; 3], extra: &[u8], body: &[u8]) -> Vec<u8> {
        let [first, second, third] = addresses;
        [&[kind, flags, 0, 0][..], &first, &second, &third, &[0, 0], extra, body].concat()
    }

    #[test]
    fn addresses_by_direction() {
        let body = [&SNAP[..], &inner4(b"x")].concat();
        let rows = [
            (0, [MAC_B, MAC_A, C], &[][..]),
            (TO_DS, [C, MAC_A, MAC_B], &[]),
            (FROM_DS, [MAC_B, C, MAC_A], &[]),
            (TO_DS | FROM_DS, [C, D, MAC_B], &MAC_A),
        ];
        for (flags, addresses, fourth) in rows {
            let bytes = data(0x08, flags, addresses, fourth, &body);
            let packet = packet_on(Ieee80211, &bytes);
            assert_inner(&packet, b"x");
            assert_eq!(packet.link.macs, Some((MAC_A, MAC_B)), "flags {flags}");
        }
    }

    #[test]
    fn qos_and_ht_control() {
        let body = [&SNAP[..], &inner4(b"x")].concat();
        let addresses = [MAC_B, MAC_A, C];
        assert_inner(&packet_on(Ieee80211, &data(0x88, 0, addresses, &[0, 0], &body)), b"x");
        assert_inner(&packet_on(Ieee80211, &data(0x88, ORDER, addresses, &[0; 6], &body)), b"x");
        let subframe = [&D[..], &C, &(body.len() as u16).to_be_bytes(), &body].concat();
        let bytes = data(0x88, 0, addresses, &[AMSDU, 0], &subframe);
        let packet = packet_on(Ieee80211, &bytes);
        assert_inner(&packet, b"x");
        assert_eq!(packet.link.macs, Some((C, D)));
    }

    #[test]
    fn what_has_no_readable_data() {
        let body = [&SNAP[..], &inner4(b"x")].concat();
        for (kind, flags) in [(0x80, 0), (0xb4, 0), (0x48, 0), (0xc8, 0), (0x08, PROTECTED)] {
            assert_eq!(dropped_on(Ieee80211, &data(kind, flags, [MAC_A; 3], &[], &body)), Drop::NotIp);
        }
        // An acknowledgement.
        assert_eq!(dropped_on(Ieee80211, &[0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 1]), Drop::NotIp);
        assert_eq!(dropped_on(Ieee80211, &[0x08; 23]), Drop::LinkTruncated);
    }

    #[test]
    fn radiotap_with_padding() {
        let body = [&SNAP[..], &inner4(b"x")].concat();
        // 26 bytes of header, padded to 28.
        let padded = data(0x88, 0, [MAC_B, MAC_A, C], &[0; 4], &body);
        // Present: TSFT and flags, in a second word more; then 4 bytes of alignment, TSFT, flags.
        let header = [0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0x20];
        assert_inner(&packet_on(Ieee80211Radiotap, &[&header[..], &padded].concat()), b"x");
        let plain = data(0x88, 0, [MAC_B, MAC_A, C], &[0; 2], &body);
        let header = [0, 0, 9, 0, 2, 0, 0, 0, 0];
        assert_inner(&packet_on(Ieee80211Radiotap, &[&header[..], &plain].concat()), b"x");
        assert_eq!(dropped_on(Ieee80211Radiotap, &[1, 0, 8, 0, 0, 0, 0, 0]), Drop::LinkUnsupported);
        assert_eq!(dropped_on(Ieee80211Radiotap, &[0, 0, 80, 0, 0, 0, 0, 0]), Drop::LinkTruncated);
    }
}
