//! Any bytes at all, and good files gone bad: no panic, no endless loop, the counts add up.

use proptest::prelude::*;

use super::super::fuzz;
use super::build::Bytes;
use super::*;

#[derive(Clone, Debug)]
struct Packet {
    nanos: u64,
    extra: u32,
    bytes: Vec<u8>,
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let packet =
        (0..u64::from(u32::MAX) * 1_000_000_000, 0..3_000_u32, prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(nanos, extra, bytes)| Packet { nanos, extra, bytes });
    prop::collection::vec(packet, 0..20)
}

fn as_pcap(big: bool, packets: &[Packet]) -> Vec<u8> {
    let start = Bytes::pcap(big, 0xa1b2_3c4d, 1);
    packets
        .iter()
        .fold(start, |file, packet| {
            let (seconds, nanos) = (packet.nanos / 1_000_000_000, packet.nanos % 1_000_000_000);
            let wire = packet.bytes.len() as u32 + packet.extra;
            file.record(seconds as u32, nanos as u32, wire, &packet.bytes)
        })
        .data
}

fn as_pcapng(big: bool, packets: &[Packet]) -> Vec<u8> {
    let start = Bytes::new(big).section(big).interface(1, 0, &[(9, &[9])]);
    packets
        .iter()
        .fold(start, |file, packet| {
            file.enhanced(0, packet.nanos, packet.bytes.len() as u32 + packet.extra, &packet.bytes)
        })
        .data
}

proptest! {
    #[test]
    fn what_is_written_is_read(big: bool, ng: bool, packets in packets()) {
        let file = if ng { as_pcapng(big, &packets) } else { as_pcap(big, &packets) };
        let kept = read_all(&mut open(&file));
        prop_assert_eq!(kept.len(), packets.len());
        for (kept, packet) in kept.iter().zip(&packets) {
            prop_assert_eq!(&kept.bytes, &packet.bytes);
            prop_assert_eq!(kept.nanos, packet.nanos);
            prop_assert_eq!(kept.wire_len, packet.bytes.len() as u32 + packet.extra);
        }
    }

    #[test]
    fn random_bytes(
        magic in prop::sample::select(vec![
            &b""[..], b"\xd4\xc3\xb2\xa1\x02\0\x04\0", b"\xa1\xb2\xc3\xd4\0\x02\0\x04",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        fuzz::read(&[magic, &rest].concat());
    }

    #[test]
    fn mutated_files(
        big: bool,
        ng: bool,
        pack in 0..3,
        packets in packets(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut file = if ng { as_pcapng(big, &packets) } else { as_pcap(big, &packets) };
        if pack == 1 {
            file = zstd::encode_all(&file[..], 1).unwrap();
        } else if pack == 2 {
            use std::io::Write;
            let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
            encoder.write_all(&file).unwrap();
            file = encoder.finish().unwrap();
        }
        for (index, value) in changes {
            let at = index.index(file.len());
            file[at] = value;
        }
        file.truncate(keep.index(file.len()) + 1);
        fuzz::read(&file);
    }
}
