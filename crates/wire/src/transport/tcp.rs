//! TCP (RFC 9293), and of Multipath TCP (RFC 8684) which connections are subflows.

use etherparse::TcpSlice;
use etherparse::err::tcp::HeaderSliceError;

use crate::ip::{Ip, Segment};
use crate::key::Transport;
use crate::packet::{Parsed, TcpFlags, TcpHeader, TransportHeader};
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::{Context, Walk};

/// Where the flags are.
const FLAGS: usize = 13;

/// From the source port on.
#[inline(always)]
pub(crate) fn parse<'a, C: Context>(context: C, ip: Ip, view: View<'a>) -> Result<C::Answer<'a>, Drop> {
    let tcp = match TcpSlice::from_slice(view.bytes()) {
        Ok(tcp) => tcp,
        Err(HeaderSliceError::Content(_)) => return Err(Drop::TcpMalformed),
        Err(HeaderSliceError::Len(_)) => return context.rare(|walk| parse_cut(walk, ip, view)),
    };
    // The byte itself: put together from etherparse's bools it takes longer.
    let flags = TcpFlags(tcp.header_slice().get(FLAGS).copied().unwrap_or(0));
    let header = TcpHeader {
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        flags,
        mp_join: C::OPTIONS && flags.syn() && has_mp_join(flags, tcp.options()),
    };
    let segment = Segment {
        transport: Transport::TCP,
        ports: (tcp.source_port(), tcp.destination_port()),
        header: TransportHeader::Tcp(header),
        payload: View::new(tcp.payload(), view.wire() - tcp.header_len()),
    };
    Ok(context.packet(ip, segment))
}

/// The capture ends among the options, or the header is longer than the packet.
#[cold]
fn parse_cut<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (fixed, options) = view.header::<20>().ok_or(Drop::TransportTruncated)?;
    let &[s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, ..] = fixed;
    let header_len = usize::from(offset >> 4) * 4;
    let flags = TcpFlags(flags);
    let segment = Segment {
        transport: Transport::TCP,
        ports: (be16(s0, s1), be16(d0, d1)),
        header: TransportHeader::Tcp(TcpHeader {
            seq: u32::from_be_bytes([q0, q1, q2, q3]),
            ack: u32::from_be_bytes([a0, a1, a2, a3]),
            flags,
            mp_join: flags.syn() && has_mp_join(flags, options.bytes()),
        }),
        payload: view.skip_wire(header_len).ok_or(Drop::TcpMalformed)?,
    };
    Ok(walk.packet(ip, segment))
}

/// Whether a SYN asks to join a Multipath TCP connection, or a SYN-ACK agrees (RFC 8684, section 3.2). Nothing is read behind
/// an option that is malformed or cut.
#[cold]
fn has_mp_join(flags: TcpFlags, mut options: &[u8]) -> bool {
    // Kinds of RFC 9293, section 3.2, and RFC 8684, section 8.1; a subtype of section 8.2.
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const MPTCP: u8 = 30;
    const JOIN: u8 = 1;
    let join_len = if flags.ack() { 16 } else { 12 };
    loop {
        options = match *options {
            [NO_OPERATION, ref rest @ ..] => rest,
            [] | [_] | [END, ..] | [_, 0 | 1, ..] => return false,
            [kind, len, ..] => match options.split_at_checked(len.into()) {
                Some(([_, _, subtype, ..], _))
                    if kind == MPTCP && len == join_len && subtype >> 4 == JOIN =>
                {
                    return true;
                }
                Some((_, rest)) => rest,
                None => return false,
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::{Frame, LinkType};

    #[test]
    fn fields() {
        let bytes = ether4(6, &tcp(40_000, 80, 0xd2, &[1; 8], b"x"));
        let packet = packet(&bytes);
        let header = TcpHeader { seq: 1, ack: 2, flags: TcpFlags(0xd2), mp_join: false };
        assert_eq!(packet.transport, TransportHeader::Tcp(header));
        assert_inner(&packet, b"x");
    }

    #[test]
    fn impossible_headers() {
        let mut segment = tcp(1, 2, 0, &[], b"x");
        segment[12] = 0x40;
        assert_eq!(dropped(&ether4(6, &segment)), Drop::TcpMalformed);
        segment[12] = 0x60;
        assert_eq!(dropped(&ether4(6, &segment)), Drop::TcpMalformed);
        assert_eq!(dropped(&ether4(6, &segment[..19])), Drop::TransportTruncated);
    }

    #[test]
    fn a_capture_that_ends_among_the_options() {
        let whole = ether4(6, &tcp(40_000, 80, 0x12, &[1; 12], b"payload"));
        let cut = Frame { wire_len: whole.len() as u32, ..frame(LinkType::Ethernet, &whole[..14 + 20 + 24]) };
        match crate::parse(&cut) {
            Ok(Parsed::Packet(packet)) => {
                let header = TcpHeader { seq: 1, ack: 2, flags: TcpFlags(0x12), mp_join: false };
                assert_eq!(packet.transport, TransportHeader::Tcp(header));
                assert_eq!((packet.payload, packet.payload_len), (&[][..], 7));
            }
            other => panic!("{other:?}"),
        }
    }

    /// MP_JOIN of a SYN and of a SYN-ACK (RFC 8684, section 3.2, figures 5 and 6).
    const JOIN: [u8; 12] = [30, 12, 0x11, 7, 1, 2, 3, 4, 5, 6, 7, 8];
    const JOIN_ANSWER: [u8; 16] = [30, 16, 0x10, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const SYN: u8 = TcpFlags::SYN;
    const SYN_ACK: u8 = TcpFlags::SYN | TcpFlags::ACK;

    fn joins(flags: u8, options: &[u8]) -> bool {
        let mut padded = options.to_vec();
        padded.resize(options.len().next_multiple_of(4), 0);
        let bytes = ether4(6, &tcp(40_000, 80, flags, &padded, b"x"));
        let TransportHeader::Tcp(header) = packet(&bytes).transport else { panic!("no TCP") };
        header.mp_join
    }

    #[test]
    fn a_syn_that_joins_is_told_from_one_that_does_not() {
        let [linux, answer]: [&[u8]; 2] = [
            &[&[2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 1, 1, 1, 0, 0, 0, 0, 1, 3, 3, 7][..], &JOIN].concat(),
            &[&[2, 4, 5, 0xb4, 4, 2, 8, 10][..], &[1; 8], &[1, 3, 3, 7], &JOIN_ANSWER].concat(),
        ];
        assert!(joins(SYN, &JOIN) && joins(SYN, linux));
        assert!(joins(SYN_ACK, &JOIN_ANSWER) && joins(SYN_ACK, answer));
        for flags in [0, TcpFlags::ACK, TcpFlags::ACK | TcpFlags::PSH, TcpFlags::FIN | TcpFlags::ACK] {
            assert!(!joins(flags, &JOIN) && !joins(flags, &JOIN_ANSWER), "{flags:02x} has no SYN");
        }
        assert!(!joins(SYN, &[]) && !joins(SYN, &linux[..20]));
    }

    #[test]
    fn other_subtypes_kinds_and_lengths_do_not_join() {
        for subtype in (0..16).filter(|&subtype| subtype != 1) {
            let option = [&[30, 12, subtype << 4 | 1][..], &JOIN[3..]].concat();
            assert!(!joins(SYN, &option), "subtype {subtype}");
        }
        for kind in (0..=255).filter(|&kind| kind != 30) {
            assert!(!joins(SYN, &[&[kind], &JOIN[1..]].concat()), "kind {kind}");
        }
        for len in (0..=255).filter(|&len| len != 12) {
            assert!(!joins(SYN, &[&[30, len, 0x10][..], &[1; 37]].concat()), "length {len}");
        }
        assert!(!joins(SYN, &JOIN_ANSWER) && !joins(SYN_ACK, &JOIN));
    }

    #[test]
    fn what_is_behind_an_end_or_a_malformed_option_is_not_read() {
        assert!(joins(SYN, &[&[1, 1, 1, 1][..], &JOIN].concat()));
        assert!(
            joins(SYN, &[&[254, 2, 253, 6, 30, 12, 0x10, 0][..], &JOIN].concat()),
            "in another one's value"
        );
        for before in [&[0, 4, 1, 1][..], &[3, 0, 1, 1], &[3, 1, 1, 1], &[3, 255, 1, 1], &[30, 0, 0x10, 1]] {
            assert!(!joins(SYN, &[before, &JOIN].concat()), "{before:?}");
        }
        // The header ends inside the option.
        assert!(!joins(SYN, &JOIN[..8]));
        assert!(!joins(SYN, &[&[1, 1, 30][..], &[1]].concat()));
        assert!(!joins(SYN, &[1, 1, 1, 30]));
    }

    #[test]
    fn a_capture_that_ends_behind_the_option_still_tells() {
        let whole = ether4(6, &tcp(40_000, 80, SYN, &[&JOIN[..], &[1; 4]].concat(), b""));
        for (cut, expected) in [(1, true), (4, true), (5, false), (15, false)] {
            let bytes = &whole[..whole.len() - cut];
            let cut = Frame { wire_len: whole.len() as u32, ..frame(LinkType::Ethernet, bytes) };
            let Ok(Parsed::Packet(packet)) = crate::parse(&cut) else { panic!("no packet") };
            let TransportHeader::Tcp(header) = packet.transport else { panic!("no TCP") };
            assert_eq!(header.mp_join, expected, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn the_bit_is_where_there_was_room() {
        assert_eq!(size_of::<TcpHeader>(), 12);
    }
}
