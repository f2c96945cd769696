//! Entry points for fuzzing, with the invariants asserted. Shared by the libFuzzer targets and the smoke test.

#![allow(clippy::panic, reason = "a broken invariant is to be noticed")]

use std::time::Duration;

use crate::fragment::{Fragment, Limits, Reassembler, Reassembly};
use crate::glance::{Plain, glance};
use crate::packet::{Frame, LinkType, Packet, Parsed, TcpFlags};
use crate::reason::Drop;
use crate::time::Timestamp;
use crate::{Transport, TransportHeader, parse, steer};

/// Link types by number.
const LINKS: [LinkType; 10] = [
    LinkType::Ethernet,
    LinkType::Loopback,
    LinkType::RawIp,
    LinkType::LinuxSll,
    LinkType::LinuxSll2,
    LinkType::Ppp,
    LinkType::PppoeSession,
    LinkType::CiscoHdlc,
    LinkType::Ieee80211,
    LinkType::Ieee80211Radiotap,
];

/// The first byte selects the link type (modulo their number), the second says how much of the frame the
/// capture cut; the rest is the frame.
pub fn parse_any(data: &[u8]) {
    let Some((&[link, cut], bytes)) = data.split_first_chunk() else { return };
    let Some(&link) = LINKS.get(usize::from(link) % LINKS.len()) else { return };
    let wire_len = bytes.len() as u32 + u32::from(cut);
    check(&Frame { bytes, link, wire_len, time: Timestamp::ZERO, interface: 0 });
}

/// The first two bytes of [`parse_any`]'s input for a frame.
pub fn prefix(link: LinkType, cut: u8) -> [u8; 2] {
    [LINKS.iter().position(|&other| other == link).unwrap_or(0) as u8, cut]
}

/// A glance sees the same packet, or does not say.
fn check_glance(glance: Result<Option<Plain>, Drop>, parsed: &Result<Parsed<'_>, Drop>) {
    match (glance, parsed) {
        (Ok(None), _) => {}
        (Ok(Some(plain)), Ok(Parsed::Packet(packet))) => {
            let (seq, flags) = match packet.transport {
                TransportHeader::Tcp(tcp) => (tcp.seq, tcp.flags),
                TransportHeader::Udp => (0, TcpFlags(0)),
                other => panic!("a glance at {other:?}"),
            };
            let Packet { key, direction, ip_bytes, payload_len, .. } = *packet;
            assert_eq!(plain, Plain { key, direction, ip_bytes, payload_len, seq, flags });
            assert!(packet.tunnel.is_none() && packet.packets == 1 && !packet.icmp_error);
        }
        (Err(seen), Err(reason)) => assert_eq!(seen, *reason),
        (seen, parsed) => panic!("{seen:?} of {parsed:?}"),
    }
}

/// Parses a frame and asserts what holds of any.
pub fn check(frame: &Frame<'_>) {
    let parsed = parse(frame);
    check_glance(glance(frame), &parsed);
    match parsed {
        Ok(Parsed::Packet(packet)) => {
            check_packet(&packet);
            assert!(is_within(packet.payload, frame.bytes), "payload outside the frame");
            assert_eq!(packet.packets, 1);
            let wire = frame.wire_len.max(frame.bytes.len() as u32);
            assert!(packet.ip_bytes <= wire, "more than on the wire");
            assert!(packet.payload_len <= wire, "more than on the wire");
        }
        Ok(parsed @ Parsed::Fragment(fragment)) => {
            assert!(is_within(fragment.data, frame.bytes), "data outside the frame");
            assert!(fragment.data.len() <= fragment.data_len as usize);
            assert_eq!(fragment.source.is_ipv4(), fragment.destination.is_ipv4());
            assert!(fragment.offset > 0 || fragment.more, "not a fragment");
            assert_eq!(steer::hash(1, &parsed), steer::hash_fragment(1, &fragment));
        }
        Err(_) => {}
    }
}

/// Splits the data into fragments with hostile places in their datagrams, and reassembles them within tight
/// bounds. Each fragment is 8 bytes that describe it ([`describe`]), then its data.
pub fn reassemble(data: &[u8]) {
    const STEP: usize = 8;
    let limits = Limits { datagrams: 4, bytes: 160 << 10, timeout: Duration::from_secs(1) };
    let mut reassembler = Reassembler::new(limits, 7);
    let mut now = Timestamp::ZERO;
    let mut rest = data;
    while let Some((&[flags, o0, o1, len0, len1, id, cut, time], behind)) = rest.split_first_chunk::<STEP>() {
        // Small offsets as a rule, so that datagrams do become whole.
        let offset = if flags & 0x20 == 0 { u16::from(o1) * 8 } else { u16::from_be_bytes([o0, o1]) };
        let len = usize::from(u16::from_be_bytes([len0 & 3, len1])).min(behind.len());
        let (content, behind) = behind.split_at_checked(len).unwrap_or((behind, &[]));
        rest = behind;
        now = now + Duration::from_millis(u64::from(time) * 4);
        let ends = if flags & 2 == 0 { [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()] } else { ends_v6() };
        let fragment = Fragment {
            source: ends[0],
            destination: ends[1],
            id: u32::from(id % 6),
            protocol: match flags >> 2 & 7 {
                0 => Transport::TCP,
                1 => Transport(47),
                2 => Transport(4),
                3 => Transport(41),
                4 => Transport(44),
                _ => Transport::UDP,
            },
            offset,
            more: flags & 1 != 0,
            data: content,
            data_len: content.len() as u32 + u32::from(cut >> 5),
            ip_bytes: 20 + content.len() as u32,
            packets: if flags >> 6 == 3 { 20_000 } else { 1 },
            time: now,
            ..Fragment::default()
        };
        if let Reassembly::Packet(packet) = reassembler.push(&fragment) {
            check_packet(&packet);
            assert!(packet.packets >= 1);
        }
        if time & 0x10 != 0 {
            reassembler.expire(now);
        }
        check_account(&reassembler, &limits);
    }
    reassembler.expire(now + Duration::from_secs(3600));
    check_account(&reassembler, &limits);
    assert_eq!((reassembler.pending(), reassembler.datagrams()), (0, 0), "something never expires");
}

/// The description of an ordinary fragment in [`reassemble`]'s input; `offset` in units of 8 bytes.
pub fn describe(protocol: Transport, offset: u8, more: bool, len: u16, id: u8) -> [u8; 8] {
    let [len0, len1] = (len & 0x3ff).to_be_bytes();
    let protocol = match protocol.0 {
        6 => 0,
        47 => 1,
        4 => 2,
        41 => 3,
        44 => 4,
        _ => 5,
    };
    [protocol << 2 | u8::from(more), 0, offset, len0, len1, id, 0, 0]
}

/// What holds of a reassembler at any time.
pub fn check_account(reassembler: &Reassembler, limits: &Limits) {
    let counters = reassembler.counters();
    let dropped: u64 = counters.dropped.iter().sum();
    assert_eq!(counters.received, counters.reassembled + dropped + reassembler.pending());
    assert!(reassembler.allocated() <= limits.bytes, "over the budget");
    assert!(reassembler.datagrams() <= limits.datagrams, "too many datagrams");
}

fn check_packet(packet: &Packet<'_>) {
    assert!(packet.payload.len() <= packet.payload_len as usize, "payload longer than its length");
    assert!(packet.key.low() <= packet.key.high(), "key not sorted");
    let (source, destination) = (packet.source(), packet.destination());
    let ends = (packet.key.low(), packet.key.high());
    assert!((source, destination) == ends || (destination, source) == ends);
    if packet.icmp_error {
        assert_eq!((packet.payload.len(), packet.payload_len), (0, 0));
        assert!(matches!(packet.transport, TransportHeader::Icmp { .. }));
    } else {
        let transport = packet.key.transport();
        assert!(match packet.transport {
            TransportHeader::Tcp(tcp) => transport == Transport::TCP && (tcp.flags.syn() || !tcp.mp_join),
            TransportHeader::Udp => transport == Transport::UDP,
            TransportHeader::Sctp { .. } => transport == Transport::SCTP,
            TransportHeader::Icmp { .. } => matches!(transport, Transport::ICMP | Transport::ICMPV6),
            TransportHeader::Other => packet.payload_len == 0 && source.1 == 0 && destination.1 == 0,
        });
    }
}

fn is_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || (whole.start <= part.start && part.end <= whole.end)
}

fn ends_v6() -> [std::net::IpAddr; 2] {
    let address = |last: u16| std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into();
    [address(1), address(2)]
}
