//! RTP and RTCP: RFC 3550, sections 5.1 and 6.1; payload types RFC 3551, section 6.
//!
//! RTP has no mark: a side proves it with datagrams of one source whose sequence numbers and timestamps follow each
//! other. RTCP proves itself by lengths that chain through the compound packet, the first of them a report.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rtp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte >> 6 == 2)]],
    stream: &[],
    check,
};

const HEADER_LEN: usize = 12;

/// Lost or reordered packets between two that are looked at.
const SEQUENCE_GAP: i16 = 4;

/// Half a minute at the fastest clock in use.
const TIMESTAMP_GAP: i32 = 90_000 * 30;

/// RFC 5761, section 4: with the marker bit set, these payload types look like RTCP, and are not used.
const RTCP_CONFLICT: std::ops::RangeInclusive<u8> = 64..=95;

fn check(exchange: &Exchange<'_>) -> Match {
    match (side(&exchange.client), side(&exchange.server)) {
        (Saying::Other, _) | (_, Saying::Other) => Match::No,
        (Saying::Proven(client), Saying::Proven(server)) => Match::Yes(client.max(server)),
        (Saying::Proven(proof), _) | (_, Saying::Proven(proof)) => Match::Yes(proof),
        _ => Match::Maybe,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saying {
    Nothing,
    /// One datagram that can be RTP.
    Possible,
    Proven(Proof),
    Other,
}

fn side(side: &Side<'_>) -> Saying {
    if side.is_empty() {
        return Saying::Nothing;
    }
    if is_rtcp(side.first_datagram(), side.first_len as usize) {
        return Saying::Proven(Proof::Structure);
    }
    if is_srtcp(side.first_datagram()) && !side.first_is_cut() {
        return Saying::Proven(Proof::Heuristic);
    }
    if !is_usual(side.first_datagram()) {
        return Saying::Other;
    }
    let mut previous: Option<Packet> = None;
    let mut following = 0;
    for datagram in side.datagrams() {
        // One that is too short is no RTP; the last may be one that the bound cut.
        if previous.is_some() && datagram.len() < HEADER_LEN {
            continue;
        }
        let Some(packet) = packet(datagram) else { return Saying::Other };
        if let Some(before) = previous {
            if !packet.is_near(&before) {
                return Saying::Other;
            }
            following += u32::from(packet.sequence != before.sequence);
        }
        previous = Some(packet);
    }
    match following {
        0 if side.closed => Saying::Other,
        0 => Saying::Possible,
        // 32 bits of source, 14 of sequence number, version and type: chance is out.
        1 => Saying::Proven(Proof::Heuristic),
        _ => Saying::Proven(Proof::Structure),
    }
}

/// What most streams start with, lest a quarter of all random datagrams be waited for: no padding, no contributing
/// sources, a payload type that is assigned (RFC 3551, section 6) or dynamic.
fn is_usual(datagram: &[u8]) -> bool {
    match *datagram {
        [0x80 | 0x90, marker_and_type, ..] => {
            matches!(marker_and_type & 0x7f, 0 | 3..=18 | 25 | 26 | 28 | 31..=34 | 96..=127)
        }
        _ => false,
    }
}

/// The fixed header (RFC 3550, section 5.1).
struct Packet {
    sequence: u16,
    timestamp: u32,
    source: u32,
}

impl Packet {
    /// Whether both can be of one stream: a few packets apart in either order, the clock going with the count, or the
    /// same one captured twice. The payload type may change, to telephone events or comfort noise.
    fn is_near(&self, other: &Self) -> bool {
        let step = self.sequence.wrapping_sub(other.sequence) as i16;
        let time = self.timestamp.wrapping_sub(other.timestamp) as i32;
        self.source == other.source
            && self.source != 0
            && (-SEQUENCE_GAP..=SEQUENCE_GAP).contains(&step)
            && (-TIMESTAMP_GAP..=TIMESTAMP_GAP).contains(&time)
    }
}

fn packet(datagram: &[u8]) -> Option<Packet> {
    let mut reader = Reader::new(datagram);
    reader.u8().filter(|first| first >> 6 == 2)?;
    let payload_type = reader.u8()? & 0x7f;
    if RTCP_CONFLICT.contains(&payload_type) {
        return None;
    }
    let packet = Packet { sequence: reader.u16_be()?, timestamp: reader.u32_be()?, source: reader.u32_be()? };
    // A sequence number that is the datagram's length is a length (BACnet, and many others).
    (usize::from(packet.sequence) != datagram.len()).then_some(packet)
}

/// RFC 3550, section 6.1, and its check list in appendix A.2: a report comes first, lengths in words chain to the end.
fn is_rtcp(datagram: &[u8], total: usize) -> bool {
    const SENDER_REPORT: u8 = 200;
    const RECEIVER_REPORT: u8 = 201;
    let mut reader = Reader::new(datagram);
    let mut room = total;
    let mut first = true;
    while reader.len() >= 4 {
        let (Some(head), Some(kind), Some(words)) = (reader.u8(), reader.u8(), reader.u16_be()) else {
            return false;
        };
        let length = (usize::from(words) + 1) * 4;
        let reports = usize::from(head & 0x1f);
        let fits = match kind {
            SENDER_REPORT => length >= 28 + 24 * reports,
            RECEIVER_REPORT => length >= 8 + 24 * reports,
            _ => !first && (SENDER_REPORT..=207).contains(&kind),
        };
        // Only the last packet may be padded.
        if head >> 6 != 2 || !fits || length > room || first && head & 0x20 != 0 {
            return false;
        }
        first = false;
        room -= length;
        if reader.take(length - 4).is_none() {
            return true;
        }
    }
    !first && room == 0
}

/// RFC 3711, section 3.4: only the first packet's header and source are in the clear; at the end the bit for
/// encryption with an index that counts from zero, and a tag of 80 bits.
fn is_srtcp(datagram: &[u8]) -> bool {
    const CLEAR_LEN: usize = 8;
    const TAG_LEN: usize = 10;
    const FIRST_INDICES: u32 = 1 << 16;
    let Some((rest, _tag)) = datagram.split_last_chunk::<TAG_LEN>() else { return false };
    let Some((report, index)) = rest.split_last_chunk() else { return false };
    let index = u32::from_be_bytes(*index);
    let is_early = index & 0x8000_0000 != 0 && index & 0x7fff_ffff < FIRST_INDICES;
    let fits = match *report {
        [0x80..=0x9f, 200 | 201, high, low, ..] => {
            let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
            length >= CLEAR_LEN && length <= report.len()
        }
        _ => false,
    };
    fits && is_early && report.len() % 4 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};

    const STRUCTURE: Match = Match::Yes(Proof::Structure);
    const HEURISTIC: Match = Match::Yes(Proof::Heuristic);

    fn rtp(kind: u8, sequence: u16, source: u32, len: usize) -> Vec<u8> {
        let time = u32::from(sequence) * 160;
        [
            &[0x80, kind][..],
            &sequence.to_be_bytes(),
            &time.to_be_bytes(),
            &source.to_be_bytes(),
            &vec![0xff; len],
        ]
        .concat()
    }

    #[test]
    fn a_stream_needs_several_packets() {
        let talk = Talk::udp().client(&rtp(0x80, 65535, 7, 160));
        assert_eq!(talk.ask(check), Match::Maybe);
        let talk = Talk::udp().client(&rtp(0x80, 9, 7, 160)).client(&rtp(0, 10, 7, 160));
        assert_eq!(talk.ask(check), HEURISTIC);
        assert_eq!(talk.clone().client(&rtp(0, 11, 7, 160)).ask(check), STRUCTURE);
        assert_eq!(talk.client(&rtp(0, 11, 8, 160)).ask(check), Match::No);
        let twice = Talk::udp().client(&rtp(0, 9, 7, 160)).client(&rtp(0, 9, 7, 160));
        assert_eq!(twice.ask(check), Match::Maybe);
        assert_eq!(twice.client(&rtp(0, 10, 7, 160)).ask(check), HEURISTIC);
        let other_way =
            Talk::udp().server(&rtp(111, 1, 9, 80)).server(&rtp(111, 2, 9, 90)).server(&rtp(111, 4, 9, 70));
        assert_eq!(other_way.ask(check), STRUCTURE);
    }

    #[test]
    fn one_long_datagram_is_not_enough() {
        assert_eq!(Talk::udp().client(&rtp(96, 9, 7, 1200)).ask(check), Match::No);
    }

    #[test]
    fn rtcp_chains() {
        let sender = [&[0x80, 200, 0, 6][..], &[1; 24]].concat();
        let description = [&[0x81, 202, 0, 3][..], &[1; 12]].concat();
        let compound = [sender, description].concat();
        assert_eq!(Talk::udp().client(&compound).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().client(&compound[..compound.len() - 1]).ask(check), Match::No);
    }

    #[test]
    fn encrypted_rtcp() {
        let report =
            [&[0x80, 201, 0, 1, 1, 2, 3, 4][..], &[0xee; 28], &[0x80, 0, 0, 1], &[0xaa; 10]].concat();
        assert_eq!(Talk::udp().client(&report).ask(check), HEURISTIC);
        assert_eq!(Talk::udp().client(&report[..report.len() - 1]).ask(check), Match::No);
    }

    #[test]
    fn a_length_is_no_sequence_number() {
        let bacnet = [0x81, 0x0a, 0, 17, 1, 4, 0, 5, 1, 12, 12, 2, 0, 0, 9, 25, 85];
        assert_eq!(Talk::udp().client(&bacnet).ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        assert_eq!(Talk::udp().client(&rtp(0, 9, 7, 160)).client(&rtp(0, 90, 7, 160)).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&[0x40; 172]).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&rtp(0, 9, 7, 20)).server(b"raw data").ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }

    #[test]
    fn half_the_sequence_space_is_not_near() {
        let packet = |sequence| Packet { sequence, timestamp: 1, source: 7 };
        assert!(!packet(0x8000).is_near(&packet(0)));
        assert!(packet(4).is_near(&packet(0)) && packet(0).is_near(&packet(4)));
        assert!(!packet(5).is_near(&packet(0)));
    }
}
