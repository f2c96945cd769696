//! ICMP (RFC 792) and ICMPv6 (RFC 4443); errors are read as what they quote.

use etherparse::Ipv4HeaderSlice;
use etherparse::Ipv6HeaderSlice;

use crate::ip::v6::{Next, extensions};
use crate::ip::{Ends, Ip, Segment};
use crate::key::Transport;
use crate::packet::{Packet, Parsed, TransportHeader};
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::{Context, Walk};

const HEADER: usize = 8;

/// ICMP.
pub(crate) fn parse_v4<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    parse(walk, ip, view, Transport::ICMP)
}

/// ICMPv6.
pub(crate) fn parse_v6<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    parse(walk, ip, view, Transport::ICMPV6)
}

fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>, transport: Transport) -> Result<Parsed<'a>, Drop> {
    if view.wire() < HEADER {
        return Err(Drop::IcmpMalformed);
    }
    let (&[kind, code, ..], rest) = view.header::<HEADER>().ok_or(Drop::TransportTruncated)?;
    let header = TransportHeader::Icmp { kind, code };
    if is_error(transport, kind)
        && let Some(quote) = quote(rest)
    {
        let (key, direction) = quote.ends.key(quote.ports, quote.transport, walk.domain);
        return Ok(Parsed::Packet(Packet {
            key,
            direction,
            icmp_error: true,
            ip_bytes: ip.bytes,
            packets: walk.packets,
            transport: header,
            payload: &[],
            payload_len: 0,
            link: walk.link,
            tunnel: walk.tunnel,
            time: walk.time,
            interface: walk.interface,
        }));
    }
    let id = echo_id(transport, view).unwrap_or(0);
    Ok(walk.packet(ip, Segment { transport, ports: (id, id), header, payload: rest }))
}

/// Types that quote the packet they are about: ICMP destination unreachable, source quench, redirect, time
/// exceeded, parameter problem; ICMPv6 destination unreachable, packet too big, time exceeded, parameter
/// problem.
const fn is_error(transport: Transport, kind: u8) -> bool {
    match transport {
        Transport::ICMP => matches!(kind, 3 | 4 | 5 | 11 | 12),
        _ => matches!(kind, 1..=4),
    }
}

/// The identifier of an echo request or reply.
fn echo_id(transport: Transport, view: View<'_>) -> Option<u16> {
    let (&[kind, _, _, _, i0, i1], _) = view.header()?;
    match (transport, kind) {
        (Transport::ICMP, 0 | 8) | (Transport::ICMPV6, 128 | 129) => Some(be16(i0, i1)),
        _ => None,
    }
}

/// The flow of a quoted packet.
struct Quote {
    ends: Ends,
    transport: Transport,
    ports: (u16, u16),
}

/// Reads the start of a quoted packet. RFC 792 promises the IP header and 8 bytes, so lengths are not held
/// against it. `None` when it does not start with an IP header: the error is then a message of its own.
fn quote(view: View<'_>) -> Option<Quote> {
    let bytes = view.bytes();
    match view.nibble()? {
        4 => {
            let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
            let transport = Transport(header.protocol().0);
            let first = header.fragments_offset().value() == 0;
            let rest = view.skip(header.slice().len()).filter(|_| first);
            let ends = Ends::V4(header.source_addr(), header.destination_addr());
            Some(Quote { ends, transport, ports: ports(transport, rest) })
        }
        6 => {
            let header = Ipv6HeaderSlice::from_slice(bytes).ok()?;
            let ends = Ends::V6(header.source_addr(), header.destination_addr());
            let (protocol, rest) = match extensions(header.next_header().0, view.skip(40)?).ok()? {
                Next::Content(protocol, rest) => (protocol, Some(rest)),
                Next::Fragment(place, rest) => (place.protocol, (place.offset == 0).then_some(rest)),
            };
            let transport = Transport(protocol);
            Some(Quote { ends, transport, ports: ports(transport, rest) })
        }
        _ => None,
    }
}

/// The ports that the quote gives, or 0: those of an echo are its identifier.
fn ports(transport: Transport, rest: Option<View<'_>>) -> (u16, u16) {
    let Some(rest) = rest else { return (0, 0) };
    if transport.has_ports() {
        return rest.header().map_or((0, 0), |(&[a, b, c, d], _)| (be16(a, b), be16(c, d)));
    }
    match transport {
        Transport::ICMP | Transport::ICMPV6 => {
            let id = echo_id(transport, rest).unwrap_or(0);
            (id, id)
        }
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::{Direction, Drop};

    #[test]
    fn echo_is_keyed_by_its_identifier() {
        for bytes in [
            ether4(1, &[&[8, 0, 0, 0, 0x12, 0x34, 0, 1][..], b"ping"].concat()),
            ether6(58, &[&[129, 0, 0, 0, 0x12, 0x34, 0, 1][..], b"ping"].concat()),
        ] {
            let packet = packet(&bytes);
            assert_eq!((packet.source().1, packet.destination().1), (0x1234, 0x1234));
            assert_eq!((packet.payload, packet.icmp_error), (&b"ping"[..], false));
        }
    }

    #[test]
    fn others_have_no_ports() {
        // Timestamp; neighbour solicitation.
        for bytes in [ether4(1, &[13, 0, 0, 0, 1, 1, 0, 1]), ether6(58, &[135, 0, 0, 0, 1, 1, 0, 1])] {
            assert_eq!(packet(&bytes).source().1, 0);
        }
        assert_eq!(dropped(&ether4(1, &[8, 0, 0, 0, 0, 0, 0])), Drop::IcmpMalformed);
    }

    fn error4(quote: &[u8]) -> Vec<u8> {
        ether4(1, &[&[3, 1, 0, 0, 0, 0, 0, 0][..], quote].concat())
    }

    fn error6(quote: &[u8]) -> Vec<u8> {
        ether6(58, &[&[1, 4, 0, 0, 0, 0, 0, 0][..], quote].concat())
    }

    #[test]
    fn errors_are_about_what_they_quote() {
        // Only 8 bytes of the transport, as RFC 792 promises.
        for bytes in [error4(&inner4(b"x")[..28]), error6(&inner6(b"x")[..48])] {
            let packet = packet(&bytes);
            assert!(packet.icmp_error);
            assert_eq!((packet.key.transport(), packet.payload_len), (Transport::TCP, 0));
            assert_eq!((packet.source().1, packet.destination().1), (40_000, 80));
            assert_eq!(packet.direction, Direction::LowToHigh);
            assert!(matches!(packet.transport, TransportHeader::Icmp { kind: 3 | 1, .. }));
        }
    }

    #[test]
    fn quotes_without_ports() {
        let later = ipv4_with(17, &udp(1, 2, b""), |header| header.fragment_offset = 1.try_into().unwrap());
        assert_eq!(packet(&error4(&later)).source().1, 0);
        assert_eq!(packet(&error4(&inner4(b"x")[..22])).source().1, 0);
        let echo = ipv4(1, &[8, 0, 0, 0, 0, 77, 0, 1]);
        let bytes = error4(&echo);
        assert_eq!((packet(&bytes).source().1, packet(&bytes).key.transport()), (77, Transport::ICMP));
        let fragment = ipv6(44, &[&[17, 0, 0, 1, 0, 0, 0, 1][..], &udp(5, 6, b"")].concat());
        assert_eq!(packet(&error6(&fragment)).source().1, 5);
    }

    #[test]
    fn an_error_that_quotes_nothing_is_a_message_of_its_own() {
        for bytes in [error4(&[]), error4(&[0x55; 40]), error6(&[0x45; 10])] {
            let packet = packet(&bytes);
            assert!(!packet.icmp_error);
            assert_eq!(packet.source().1, 0);
        }
    }
}
