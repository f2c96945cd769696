//! IPv4 (RFC 791).

use etherparse::err::ip_auth::HeaderSliceError as AuthError;
use etherparse::err::ipv4::HeaderSliceError;
use etherparse::{IpAuthHeaderSlice, Ipv4HeaderSlice};

use crate::ip::{self, Ends, Ip, Place, number};
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::View;
use crate::walk::{Context, Walk};

/// From the version field on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    parse_in(walk, view)
}

/// [`parse`], for the hot path.
///
/// etherparse's `Ipv4HeaderSlice` rather than its `LaxIpv4Slice`: that one builds a structure in memory that
/// costs a quarter of all parsing, knows nothing of the length on the wire, and reads an authentication header
/// off fragments that have none.
#[inline(always)]
pub(crate) fn parse_in<'a, C: Context>(context: C, view: View<'a>) -> Result<C::Answer<'a>, Drop> {
    let header = Ipv4HeaderSlice::from_slice(view.bytes()).map_err(reason)?;
    let header_len = header.slice().len();
    // 0: the sender's network card was to cut it into packets (TSO), and this is what it was handed.
    let total_len = match usize::from(header.total_len()) {
        0 => view.wire(),
        len => len,
    };
    // A total length past the frame's end is a packet that every receiver throws away (ip_rcv_core() in
    // Linux), so nobody may use one to show the sensor other data than the receiver gets.
    if total_len < header_len {
        return Err(Drop::Ipv4Malformed);
    }
    let packet = view.limit(total_len).ok_or(Drop::Ipv4Malformed)?;
    let content = packet.skip(header_len).ok_or(Drop::IpTruncated)?;
    let ends = Ends::V4(header.source_addr(), header.destination_addr());
    let ip = Ip { ends, bytes: total_len as u32 };
    if header.is_fragmenting_payload() {
        return context.rare(|walk| Ok(ip.fragment(walk, place(header), content)));
    }
    match header.protocol().0 {
        number::AUTH => context.rare(|walk| behind_auth(walk, ip, content)),
        protocol => ip::content_in(context, ip, protocol, content),
    }
}

/// A reassembled datagram's data.
pub(crate) fn reassembled<'a>(walk: Walk, ip: Ip, protocol: u8, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match protocol {
        number::AUTH => behind_auth(walk, ip, view),
        _ => ip::content(walk, ip, protocol, view),
    }
}

/// From an authentication header on (RFC 4302); a second one is not followed.
#[inline(never)]
fn behind_auth<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let auth = IpAuthHeaderSlice::from_slice(view.bytes()).map_err(|error| match error {
        AuthError::Len(_) if view.is_cut() => Drop::IpTruncated,
        _ => Drop::Ipv4Malformed,
    })?;
    let rest = view.skip(auth.slice().len()).ok_or(Drop::Ipv4Malformed)?;
    ip::content(walk, ip, auth.next_header().0, rest)
}

#[inline]
fn place(header: Ipv4HeaderSlice<'_>) -> Place {
    Place {
        id: u32::from(header.identification()),
        protocol: header.protocol().0,
        offset: header.fragments_offset().byte_offset(),
        more: header.more_fragments(),
    }
}

#[cold]
fn reason(error: HeaderSliceError) -> Drop {
    match error {
        HeaderSliceError::Len(_) => Drop::IpTruncated,
        HeaderSliceError::Content(_) => Drop::Ipv4Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        self, assert_inner, dropped, ether4, ethernet, fragment, frame, inner4, ipv4_with, tcp, udp,
    };
    use crate::{Frame, LinkType};

    #[test]
    fn options_are_skipped() {
        let packet = ipv4_with(17, &udp(1, 2, b"x"), |header| {
            header.options = [1, 1, 1, 0].into();
            header.total_len += 4;
        });
        let bytes = ethernet(0x0800, &packet);
        let packet = testing::packet(&bytes);
        assert_eq!((packet.payload, packet.ip_bytes), (&b"x"[..], 24 + 8 + 1));
    }

    #[test]
    fn no_total_length_takes_what_is_there() {
        let bytes =
            ethernet(0x0800, &ipv4_with(6, &tcp(1, 2, 0x10, &[], &[7; 5000]), |header| header.total_len = 0));
        let packet = testing::packet(&bytes);
        assert_eq!((packet.payload_len, packet.ip_bytes), (5000, 5040));
    }

    #[test]
    fn impossible_headers() {
        let change = |at: usize, value: u8| {
            let mut bytes = ethernet(0x0800, &inner4(b"x"));
            bytes[14 + at] = value;
            dropped(&bytes)
        };
        assert_eq!(change(0, 0x55), Drop::Ipv4Malformed);
        assert_eq!(change(0, 0x44), Drop::Ipv4Malformed);
        assert_eq!(change(0, 0x4f), Drop::IpTruncated);
        assert_eq!(change(2, 0xff), Drop::Ipv4Malformed);
        assert_eq!(change(3, 19), Drop::Ipv4Malformed);
    }

    #[test]
    fn a_cut_capture_is_parsed_as_far_as_it_goes() {
        let whole = ethernet(0x0800, &inner4(&[7; 1000]));
        let frame = Frame { wire_len: whole.len() as u32, ..frame(LinkType::Ethernet, &whole[..64]) };
        match crate::parse(&frame) {
            Ok(Parsed::Packet(packet)) => {
                assert_eq!((packet.payload.len(), packet.payload_len, packet.ip_bytes), (10, 1000, 1040));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn authentication_header() {
        let auth =
            [&[6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0; 12], &tcp(40_000, 80, 2, &[], b"x")].concat();
        assert_inner(&testing::packet(&ether4(51, &auth)), b"x");
        assert_eq!(dropped(&ether4(51, &auth[..20])), Drop::Ipv4Malformed);
    }

    #[test]
    fn fragments() {
        let packet = ipv4_with(51, &[9; 16], |header| {
            header.identification = 0xbeef;
            header.more_fragments = true;
            header.fragment_offset = 185.try_into().unwrap();
        });
        let mut bytes = ethernet(0x0800, &packet);
        bytes.resize(64, 0);
        let fragment = fragment(&bytes);
        assert_eq!((fragment.id, fragment.offset, fragment.more), (0xbeef, 1480, true));
        assert_eq!((fragment.protocol.0, fragment.data, fragment.data_len), (51, &[9; 16][..], 16));
        assert_eq!((fragment.ip_bytes, fragment.packets, fragment.depth), (36, 1, 0));
    }
}
