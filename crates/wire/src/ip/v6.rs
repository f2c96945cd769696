//! IPv6 (RFC 8200) and its extension headers.

use etherparse::err::ip_auth::HeaderSliceError as AuthError;
use etherparse::err::ipv6::HeaderSliceError;
use etherparse::{IpAuthHeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use crate::ip::{self, Ends, Ip, Place, number};
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::View;
use crate::walk::{Context, MAX_EXTENSIONS, Walk};

/// Length of the fixed header.
const FIXED: usize = 40;

/// From the version field on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    parse_in(walk, view)
}

/// [`parse`], for the hot path.
#[inline(always)]
pub(crate) fn parse_in<'a, C: Context>(context: C, view: View<'a>) -> Result<C::Answer<'a>, Drop> {
    let header = Ipv6HeaderSlice::from_slice(view.bytes()).map_err(reason)?;
    let beyond = view.skip(FIXED).ok_or(Drop::IpTruncated)?;
    let payload = match (usize::from(header.payload_length()), header.next_header().0) {
        // No payload length: a jumbogram (RFC 2675), which is also how Linux shows an offloaded segment of
        // more than 64 KiB, or segmentation offload. What is there counts.
        (0, number::HOP_BY_HOP | 6 | 17) => beyond,
        // As in IPv4, nothing past the frame's end is believed.
        (len, _) => beyond.limit(len).ok_or(Drop::Ipv6Malformed)?,
    };
    let ends = Ends::V6(header.source_addr(), header.destination_addr());
    let ip = Ip { ends, bytes: (FIXED + payload.wire()) as u32 };
    match header.next_header().0 {
        next @ (6 | 17) => ip::content_in(context, ip, next, payload),
        next => context.rare(|walk| parse_extensions(walk, ip, next, payload)),
    }
}

/// A reassembled datagram's data: the fragmentable part, which may start with extension headers, but has no
/// second fragment header (ip6_frag_rcv() in Linux refuses it too).
pub(crate) fn reassembled<'a>(walk: Walk, ip: Ip, next: u8, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match extensions(next, view)? {
        Next::Content(protocol, view) => ip::content(walk, ip, protocol, view),
        Next::Fragment(..) => Err(Drop::Ipv6Malformed),
    }
}

#[inline(never)]
fn parse_extensions<'a>(walk: Walk, ip: Ip, next: u8, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match extensions(next, view)? {
        Next::Content(protocol, view) => ip::content(walk, ip, protocol, view),
        Next::Fragment(place, data) => Ok(ip.fragment(walk, place, data)),
    }
}

/// What the extension headers lead to.
pub(crate) enum Next<'a> {
    /// The upper-layer header, or one that is not followed.
    Content(u8, View<'a>),
    /// A part of it.
    Fragment(Place, View<'a>),
}

/// Walks the extension headers.
///
/// etherparse's own walk (`LaxIpv6Slice`) does not serve: it goes on behind a fragment header, reading the
/// middle of a datagram as headers, and stops at hop-by-hop options out of place and at the headers of
/// mobility, HIP and SHIM6. Its header slices do.
///
/// A routing header does not change the destination: both directions must give the same key, and the reply
/// carries no such header.
pub(crate) fn extensions<'a>(mut next: u8, mut view: View<'a>) -> Result<Next<'a>, Drop> {
    for _ in 0..=MAX_EXTENSIONS {
        let len = match next {
            number::HOP_BY_HOP
            | number::ROUTING
            | number::DESTINATION
            | number::MOBILITY
            | number::HIP
            | number::SHIM6 => {
                let header = Ipv6RawExtHeaderSlice::from_slice(view.bytes()).map_err(|_| ended(view))?;
                next = header.next_header().0;
                header.slice().len()
            }
            number::AUTH => {
                let header = IpAuthHeaderSlice::from_slice(view.bytes()).map_err(|error| match error {
                    AuthError::Len(_) => ended(view),
                    AuthError::Content(_) => Drop::Ipv6Malformed,
                })?;
                next = header.next_header().0;
                header.slice().len()
            }
            number::FRAGMENT => {
                let header = Ipv6FragmentHeaderSlice::from_slice(view.bytes()).map_err(|_| ended(view))?;
                let len = header.slice().len();
                if header.is_fragmenting_payload() {
                    let place = Place {
                        id: header.identification(),
                        protocol: header.next_header().0,
                        offset: header.fragment_offset().byte_offset(),
                        more: header.more_fragments(),
                    };
                    return Ok(Next::Fragment(place, view.skip(len).ok_or(Drop::IpTruncated)?));
                }
                // An atomic fragment is a whole packet (RFC 6946).
                next = header.next_header().0;
                len
            }
            other => return Ok(Next::Content(other, view)),
        };
        view = view.skip(len).ok_or(Drop::IpTruncated)?;
    }
    Err(Drop::TooDeep)
}

/// The bytes ended inside an extension header: whose fault is it?
#[cold]
fn ended(view: View<'_>) -> Drop {
    if view.is_cut() { Drop::IpTruncated } else { Drop::Ipv6Malformed }
}

#[cold]
fn reason(error: HeaderSliceError) -> Drop {
    match error {
        HeaderSliceError::Len(_) => Drop::IpTruncated,
        HeaderSliceError::Content(_) => Drop::Ipv6Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    /// An extension header of 8 bytes.
    fn extension(next: u8) -> [u8; 8] {
        [next, 0, 1, 4, 0, 0, 0, 0]
    }

    #[test]
    fn extension_headers_of_every_kind_in_any_order() {
        let kinds = [
            number::HOP_BY_HOP,
            number::ROUTING,
            number::DESTINATION,
            number::MOBILITY,
            number::HIP,
            number::SHIM6,
        ];
        let chain: Vec<u8> =
            kinds.iter().skip(1).chain(&[number::AUTH]).flat_map(|&next| extension(next)).collect();
        let auth = [[6, 2].as_slice(), &[0; 14]].concat();
        let content = [chain, auth, tcp(40_000, 80, 2, &[], b"x")].concat();
        let bytes = ether6(number::HOP_BY_HOP, &content);
        assert_inner(&packet(&bytes), b"x");
        assert_eq!(dropped(&bytes[..bytes.len() - 25]), Drop::Ipv6Malformed);
    }

    #[test]
    fn extension_headers_are_bounded() {
        let chain = |count: usize| {
            let mut content: Vec<u8> = (1..count).flat_map(|_| extension(60)).collect();
            content.extend(extension(17));
            content.extend(udp(1, 2, b"x"));
            ether6(60, &content)
        };
        assert_eq!(packet(&chain(MAX_EXTENSIONS)).payload, b"x");
        assert_eq!(dropped(&chain(MAX_EXTENSIONS + 1)), Drop::TooDeep);
    }

    #[test]
    fn an_extension_that_ends_early() {
        assert_eq!(dropped(&ether6(60, &[17, 1, 0, 0, 0, 0, 0, 0])), Drop::Ipv6Malformed);
        assert_eq!(dropped(&ether6(60, &[17])), Drop::Ipv6Malformed);
    }

    #[test]
    fn fragments_and_atomic_fragments() {
        let data = udp(1, 2, b"payload!");
        let header = |field: u16| [&[17, 0][..], &field.to_be_bytes(), &[0, 0, 0xbe, 0xef], &data].concat();
        let bytes = ether6(44, &header(16 | 1));
        let fragment = fragment(&bytes);
        assert_eq!((fragment.id, fragment.offset, fragment.more), (0xbeef, 16, true));
        assert_eq!((fragment.protocol.0, fragment.data), (17, &data[..]));
        assert_eq!(fragment.ip_bytes, 40 + 8 + 16);
        let bytes = ether6(44, &header(0));
        assert_eq!(packet(&bytes).payload, b"payload!");
    }

    #[test]
    fn what_follows_a_fragment_header_is_data() {
        // As headers, the data of this later fragment would never end.
        let bytes = ether6(44, &[&[60, 0, 0, 8 | 1, 0, 0, 0, 1][..], &[60, 255, 0, 0, 0, 0, 0, 0]].concat());
        assert_eq!(fragment(&bytes).data, [60, 255, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn jumbograms_take_what_is_there() {
        let mut bytes = ether6(6, &tcp(40_000, 80, 0x10, &[], &[1; 3000]));
        bytes[18..20].copy_from_slice(&[0, 0]);
        assert_eq!(packet(&bytes).payload_len, 3000);
        // But no next header with no length is an empty packet.
        let bytes = ether6(59, &[]);
        assert_eq!(packet(&[&bytes[..], &[0; 20]].concat()).ip_bytes, 40);
    }

    #[test]
    fn impossible_headers() {
        let mut bytes = ether6(17, &udp(1, 2, b"x"));
        bytes[19] += 1;
        assert_eq!(dropped(&bytes), Drop::Ipv6Malformed);
        bytes[14] = 0x40;
        assert_eq!(dropped(&bytes), Drop::Ipv6Malformed);
        assert_eq!(dropped(&bytes[..50]), Drop::IpTruncated);
    }
}
