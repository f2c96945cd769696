//! TCP (RFC 9293).

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
    let header = TcpHeader {
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        // The byte itself: put together from etherparse's bools it takes longer.
        flags: TcpFlags(tcp.header_slice().get(FLAGS).copied().unwrap_or(0)),
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
    let (fixed, _) = view.header::<20>().ok_or(Drop::TransportTruncated)?;
    let &[s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, ..] = fixed;
    let header_len = usize::from(offset >> 4) * 4;
    let segment = Segment {
        transport: Transport::TCP,
        ports: (be16(s0, s1), be16(d0, d1)),
        header: TransportHeader::Tcp(TcpHeader {
            seq: u32::from_be_bytes([q0, q1, q2, q3]),
            ack: u32::from_be_bytes([a0, a1, a2, a3]),
            flags: TcpFlags(flags),
        }),
        payload: view.skip_wire(header_len).ok_or(Drop::TcpMalformed)?,
    };
    Ok(walk.packet(ip, segment))
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
        let header = TcpHeader { seq: 1, ack: 2, flags: TcpFlags(0xd2) };
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
                let header = TcpHeader { seq: 1, ack: 2, flags: TcpFlags(0x12) };
                assert_eq!(packet.transport, TransportHeader::Tcp(header));
                assert_eq!((packet.payload, packet.payload_len), (&[][..], 7));
            }
            other => panic!("{other:?}"),
        }
    }
}
