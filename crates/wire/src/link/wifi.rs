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
    let (header, _) = view.header::<24>().ok_or(Drop::LinkTruncated)?;
    let (kind, flags) = (header[0], header[1]);
    // Protocol version 0, type "data".
    if kind & 0x0f != 0x08 || kind & NO_DATA != 0 || flags & PROTECTED != 0 {
        return Err(Drop::NotIp);
    }
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
