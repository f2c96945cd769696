//! What holds of any input.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::fragment::{Limits, Reassembler, Reassembly};
use crate::testing::{self, A4, A6, B4, B6};
use crate::{Direction, Frame, Parsed, Transport, TransportHeader, fuzz, parse, steer};

/// Every sample is a packet or a fragment: properties that start from them are not about errors only.
#[test]
fn samples_are_valid() {
    for (link, bytes) in testing::samples() {
        assert!(parse(&testing::frame(link, &bytes)).is_ok(), "{link:?} {bytes:02x?}");
        fuzz::check(&testing::frame(link, &bytes));
    }
}

/// A capture that cuts a frame anywhere makes a packet of what is left, or none, but no other one.
#[test]
fn prefixes_of_samples() {
    for (link, bytes) in testing::samples() {
        let whole = parse(&testing::frame(link, &bytes)).unwrap();
        for len in 0..bytes.len() {
            let cut = Frame { bytes: &bytes[..len], ..testing::frame(link, &bytes) };
            fuzz::check(&cut);
            if let (Parsed::Packet(whole), Ok(Parsed::Packet(part))) = (&whole, parse(&cut))
                && part.tunnel == whole.tunnel
            {
                // Of an ICMP error the cut may take the quote or its ports.
                if whole.icmp_error {
                    continue;
                }
                assert_eq!((part.key, part.direction), (whole.key, whole.direction));
                assert_eq!(part.ip_bytes, whole.ip_bytes);
                // Of SCTP it may take the header of the DATA chunk.
                if !matches!(whole.transport, TransportHeader::Sctp { .. }) {
                    assert_eq!(part.payload_len, whole.payload_len, "{link:?} at {len}");
                }
                assert!(whole.payload.starts_with(part.payload));
            }
        }
        // Cut by the sender: the lengths no longer fit.
        for len in 0..bytes.len() {
            fuzz::check(&testing::frame(link, &bytes[..len]));
        }
    }
}

/// Of options one after the other, one is MP_JOIN, or none is. What is inside another option does not count.
fn options() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let kind = prop_oneof![Just(30), any::<u8>().prop_filter("has a length", |kind| *kind > 1)];
    let value = (prop_oneof![Just(0x10), any::<u8>()], prop_oneof![Just(9), Just(13), 0..10_usize]);
    let option = (kind, value)
        .prop_map(|(kind, (first, more))| [&[kind, more as u8 + 3, first][..], &vec![0x1e; more]].concat());
    prop::collection::vec(prop_oneof![Just(vec![1]), option], 0..6)
        .prop_filter("has room", |options| options.iter().map(Vec::len).sum::<usize>() <= 40)
}

proptest! {
    #[test]
    fn mp_join_is_found_where_it_is(options in options(), ack: bool) {
        let expected = if ack { 16 } else { 12 };
        let joins = |option: &Vec<u8>| option.len() == expected && option[0] == 30 && option[2] >> 4 == 1;
        let mut bytes = options.concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let flags = if ack { 0x12 } else { 2 };
        let bytes = testing::ether4(6, &testing::tcp(1, 2, flags, &bytes, b""));
        let TransportHeader::Tcp(header) = testing::packet(&bytes).transport else { unreachable!() };
        prop_assert_eq!(header.mp_join, options.iter().any(joins));
    }
}

/// The fuzz targets over pseudo-random and mutated input: a smoke test of what libFuzzer runs for longer.
#[test]
fn smoke() {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let samples = testing::samples();
    let mut data = Vec::new();
    for turn in 0..100_000_u32 {
        data.clear();
        let len = rng.next_u32() as usize % 200;
        data.resize(len, 0);
        rng.fill_bytes(&mut data);
        fuzz::parse_any(&data);
        fuzz::reassemble(&data);

        let (link, bytes) = &samples[turn as usize % samples.len()];
        data.clear();
        data.extend_from_slice(&fuzz::prefix(*link, if turn % 3 == 0 { rng.next_u32() as u8 } else { 0 }));
        data.extend_from_slice(bytes);
        for _ in 0..=rng.next_u32() % 4 {
            let at = 2 + rng.next_u32() as usize % bytes.len();
            match rng.next_u32() % 4 {
                0 => data[at] = rng.next_u32() as u8,
                1 => data[at] ^= 1 << (rng.next_u32() % 8),
                2 => data[at] = [0, 0xff, 4, 0x45, 0x60][rng.next_u32() as usize % 5],
                _ => data.insert(at, rng.next_u32() as u8),
            }
        }
        fuzz::parse_any(&data);

        let mut data = fragments_of_samples(&mut rng);
        for _ in 0..rng.next_u32() % 3 {
            let at = rng.next_u32() as usize % data.len();
            data[at] = rng.next_u32() as u8;
        }
        fuzz::reassemble(&data);
    }
}

/// Input of [`fuzz::reassemble`] whose fragments make packets: plain ones, and tunnels round fragments.
fn fragments_of_samples(rng: &mut TestRng) -> Vec<u8> {
    let mut data = Vec::new();
    for id in 0..4 {
        let size = 8 * (1 + rng.next_u32() as usize % 20);
        let udp = testing::udp(1, 2, &[id; 200]);
        let inner = testing::ipv4_with(17, &udp[..size.min(192)], |header| header.more_fragments = true);
        let (protocol, content) = match rng.next_u32() % 3 {
            0 => (Transport::UDP, udp),
            1 => (Transport(4), inner),
            _ => (Transport(47), [&[0, 0, 8, 0][..], &inner].concat()),
        };
        let mut pieces: Vec<_> = content.chunks(size).enumerate().collect();
        let last = pieces.len() - 1;
        shuffle(&mut pieces, rng.next_u64());
        for (at, piece) in pieces {
            let offset = (at * size / 8) as u8;
            data.extend(fuzz::describe(protocol, offset, at != last, piece.len() as u16, id));
            data.extend_from_slice(piece);
        }
    }
    data
}

/// An Ethernet frame of a sample, its innermost addresses and ports swapped where it is a plain packet.
fn exchange(protocol: u8, ports: (u16, u16), six: bool, reverse: bool) -> Vec<u8> {
    let (source, destination) = if reverse { (ports.1, ports.0) } else { ports };
    let content = match protocol {
        6 => testing::tcp(source, destination, 0x10, &[], b"payload"),
        17 => testing::udp(source, destination, b"payload"),
        132 => [&source.to_be_bytes()[..], &destination.to_be_bytes(), &[0; 8]].concat(),
        _ => vec![0; 16],
    };
    let mut bytes =
        if six { testing::ether6(protocol, &content) } else { testing::ether4(protocol, &content) };
    if reverse {
        match six {
            false => bytes[26..34].copy_from_slice(&[B4, A4].concat()),
            true => bytes[22..54].copy_from_slice(&[B6, A6].concat()),
        }
    }
    bytes
}

proptest! {
    #[test]
    fn any_bytes_on_any_link(data in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::parse_any(&data);
    }

    #[test]
    fn directions_differ_and_hash_alike(
        protocol in prop::sample::select(vec![6_u8, 17, 132, 50]),
        ports in (1_u16..1000, 10_000_u16..60_000),
        six: bool,
        seed: u64,
    ) {
        let (there, back) =
            (exchange(protocol, ports, six, false), exchange(protocol, ports, six, true));
        let (one, other) = (testing::packet(&there), testing::packet(&back));
        prop_assert_eq!(one.key, other.key);
        prop_assert_eq!(one.direction, other.direction.reverse());
        prop_assert_eq!(one.direction, Direction::LowToHigh);
        prop_assert_eq!(steer::hash(seed, &Parsed::Packet(one)), steer::hash(seed, &Parsed::Packet(other)));
    }

    /// Against the datagram itself: cut anywhere, in any order, with repetitions, among other datagrams.
    #[test]
    fn fragments_make_the_datagram_again(
        payload in prop::collection::vec(any::<u8>(), 100..4000),
        cuts in prop::collection::vec(1_usize..400, 1..20),
        order in any::<u64>(),
        repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        six: bool,
    ) {
        let datagram = testing::udp(40_000, 53, &payload);
        let pieces = split(&datagram, &cuts);
        let mut pieces: Vec<_> = pieces.iter().map(|piece| build(&datagram, piece, 7, six)).collect();
        let extra: Vec<_> = repeats.iter().map(|index| index.get(&pieces).clone()).collect();
        // Repetitions come before the last missing piece: afterwards they would begin another datagram.
        shuffle(&mut pieces, order);
        let last = pieces.pop().unwrap();
        let mut sent: Vec<_> = pieces.iter().cloned().chain(extra.into_iter().filter(|piece| *piece != last)).collect();
        shuffle(&mut sent, order.rotate_left(32));
        sent.push(last);

        let limits = Limits::default();
        let mut reassembler = Reassembler::new(limits, 7);
        let other = build(&datagram, &(0, 8, true), 8, six);
        prop_assert!(matches!(reassembler.push(&testing::fragment(&other)), Reassembly::Waiting));
        let hash = steer::hash_fragment(1, &testing::fragment(&sent[0]));
        let mut ip_bytes = 0;
        for (at, bytes) in sent.iter().enumerate() {
            let fragment = testing::fragment(bytes);
            prop_assert_eq!(steer::hash_fragment(1, &fragment), hash);
            ip_bytes += fragment.ip_bytes;
            match reassembler.push(&fragment) {
                Reassembly::Waiting => prop_assert!(at + 1 < sent.len()),
                Reassembly::Packet(packet) => {
                    prop_assert_eq!(at + 1, sent.len());
                    prop_assert_eq!(packet.payload, &payload[..]);
                    prop_assert_eq!(packet.payload_len as usize, payload.len());
                    prop_assert_eq!((packet.source().1, packet.destination().1), (40_000, 53));
                    prop_assert_eq!(usize::from(packet.packets), sent.len());
                    prop_assert_eq!(packet.ip_bytes, ip_bytes);
                }
                Reassembly::Dropped(reason, _) => prop_assert!(false, "{:?}", reason),
            }
            fuzz::check_account(&reassembler, &limits);
        }
        prop_assert_eq!(reassembler.pending(), 1);
    }

    #[test]
    fn hostile_fragments(data in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz::reassemble(&data);
    }
}

/// Start, end, more: places of fragments.
fn split(datagram: &[u8], cuts: &[usize]) -> Vec<(usize, usize, bool)> {
    let mut places = Vec::new();
    let mut start = 0;
    for cut in cuts {
        let end = start + cut * 8;
        if end >= datagram.len() {
            break;
        }
        places.push((start, end, true));
        start = end;
    }
    if places.is_empty() {
        places.push((0, 8, true));
        start = 8;
    }
    places.push((start, datagram.len(), false));
    places
}

fn build(datagram: &[u8], &(start, end, more): &(usize, usize, bool), id: u16, six: bool) -> Vec<u8> {
    let data = &datagram[start..end];
    if six {
        let field = start as u16 | u16::from(more);
        let header = [&[17, 0][..], &field.to_be_bytes(), &u32::from(id).to_be_bytes()].concat();
        return testing::ether6(44, &[&header, data].concat());
    }
    let packet = testing::ipv4_with(17, data, |header| {
        header.identification = id;
        header.more_fragments = more;
        header.dont_fragment = false;
        header.fragment_offset = (start as u16 / 8).try_into().unwrap();
    });
    testing::ethernet(0x0800, &packet)
}

fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for at in (1..items.len()).rev() {
        seed = steer::fmix64(seed.wrapping_add(1));
        items.swap(at, seed as usize % (at + 1));
    }
}
