use super::super::{MAX_FRAME, Malformed, Warning};
use super::build::Bytes;
use super::*;

const NAME: u16 = 2;
const TSRESOL: u16 = 9;
const TSOFFSET: u16 = 14;

#[test]
fn interfaces_times_and_orders() {
    for big in [false, true] {
        let offset = Bytes::new(big).u64(1_000).data;
        let file = Bytes::new(big)
            .section(big)
            .interface(1, 0, &[(NAME, b"eth0"), (0, b"")])
            .interface(113, 0, &[(TSRESOL, &[9])])
            .interface(101, 0, &[(1, b"a comment"), (TSRESOL, &[0x8a]), (TSOFFSET, &offset)])
            .interface(192, 0, &[(NAME, b"mon0")])
            .enhanced(0, 1_700_000_000_123_456, 1500, b"ethernet")
            .enhanced(1, 1_700_000_000_123_456_789, 6, b"cooked")
            .enhanced(3, 1, 3, b"ppi")
            .enhanced(2, 1024 + 512, 3, b"raw");
        let mut capture = open(&file.data);
        let kept = read_all(&mut capture);
        let expected = [
            Kept {
                bytes: b"ethernet".to_vec(),
                wire_len: 1500,
                nanos: 1_700_000_000_123_456_000,
                interface: 0,
                link: LinkType::Ethernet,
            },
            Kept {
                bytes: b"cooked".to_vec(),
                wire_len: 6,
                nanos: 1_700_000_000_123_456_789,
                interface: 1,
                link: LinkType::LinuxSll,
            },
            Kept {
                bytes: b"raw".to_vec(),
                wire_len: 3,
                nanos: 1_001_500_000_000,
                interface: 2,
                link: LinkType::RawIp,
            },
        ];
        assert_eq!(kept, expected);
        assert_eq!(capture.interfaces()[0].name.as_deref(), Some("eth0"));
        assert_eq!(capture.interfaces()[1].name, None);
        let unsupported: Vec<_> = capture.unsupported().collect();
        assert_eq!(unsupported.len(), 1);
        assert_eq!((unsupported[0].interface, unsupported[0].packets), (3, 1));
        assert!(capture.warnings().is_empty());
    }
}

#[test]
fn old_and_simple_packets() {
    for big in [false, true] {
        let old = Bytes::new(big).u16(0).u16(7).u32(0).u32(5).u32(3).u32(60).raw(b"old").data;
        let simple = Bytes::new(big).u32(9).raw(b"simple").data;
        let short = Bytes::new(big).u32(3).raw(b"abc").data;
        let file = Bytes::new(big)
            .section(big)
            .interface(1, 6, &[])
            .block(2, &old)
            .block(3, &simple)
            .block(3, &short);
        let mut capture = open(&file.data);
        let kept = read_all(&mut capture);
        let seen: Vec<_> =
            kept.iter().map(|kept| (kept.bytes.as_slice(), kept.wire_len, kept.nanos)).collect();
        assert_eq!(seen, [(&b"old"[..], 60, 5_000), (b"simple", 9, 5_000), (b"abc", 3, 5_000)]);
        assert_eq!(capture.counts().without_time, 2);
        assert!(matches!(capture.warnings(), [Warning::NoTime { .. }]));
    }
}

#[test]
fn sections_change_the_order_and_keep_the_interfaces() {
    let file = Bytes::new(false)
        .section(false)
        .interface(1, 0, &[(NAME, b"eth0")])
        .interface(1, 0, &[(NAME, b"eth1")])
        .enhanced(1, 1, 1, b"a")
        .section(true)
        .interface(1, 0, &[(NAME, b"eth0")])
        .interface(276, 0, &[(NAME, b"any")])
        .enhanced(0, 2, 1, b"b")
        .enhanced(1, 3, 1, b"c")
        .section(false)
        .interface(1, 0, &[(NAME, b"eth0"), (TSRESOL, &[9])])
        .enhanced(0, 4, 1, b"d");
    let mut capture = open(&file.data);
    let seen: Vec<_> =
        read_all(&mut capture).iter().map(|kept| (kept.bytes[0], kept.interface, kept.nanos)).collect();
    assert_eq!(seen, [(b'a', 1, 1_000), (b'b', 0, 2_000), (b'c', 2, 3_000), (b'd', 0, 4)]);
    assert_eq!(capture.interfaces().len(), 3);
}

#[test]
fn unknown_blocks_are_passed_over_however_long() {
    let long = vec![0xee; 8 * MAX_FRAME];
    let file = Bytes::new(false)
        .section(false)
        .block(0x0bad, &long)
        .interface(1, 0, &[(1, &[b'x'; 60_000]), (NAME, b"eth0"), (2988, &[b'y'; 60_000])])
        .enhanced(0, 1, 1, b"a")
        .block(5, b"statistics..")
        .block(0x4000_0bad, b"")
        .enhanced(0, 1, 1, b"b");
    let mut capture = open(&file.data);
    assert_eq!(read_all(&mut capture).len(), 2);
    assert_eq!(capture.interfaces()[0].name.as_deref(), Some("eth0"));
}

#[test]
fn packets_with_options_longer_than_the_buffer() {
    let mut body = Bytes::new(false).u32(0).u32(0).u32(1).u32(3).u32(3).raw(b"abc").pad();
    for _ in 0..40 {
        body = body.u16(1).u16(65_532).raw(&[b'z'; 65_532]);
    }
    let file =
        Bytes::new(false).section(false).interface(1, 0, &[]).block(6, &body.data).enhanced(0, 1, 1, b"b");
    let kept = read_all(&mut open(&file.data));
    assert_eq!((kept[0].bytes.as_slice(), kept[1].bytes.as_slice()), (&b"abc"[..], &b"b"[..]));
}

#[test]
fn packets_without_interface_are_counted() {
    let file = Bytes::new(false)
        .section(false)
        .enhanced(0, 1, 1, b"a")
        .interface(1, 0, &[])
        .enhanced(7, 1, 1, b"b")
        .enhanced(0, 1, 1, b"c");
    let mut capture = open(&file.data);
    assert_eq!(read_all(&mut capture).len(), 1);
    assert_eq!(capture.counts().without_interface, 2);
    assert_eq!(capture.counts().records, 3);
    assert_eq!(capture.warnings(), [Warning::UnknownInterface { offset: 28, interface: 0 }]);
}

#[test]
fn a_cut_block_is_a_warning() {
    let before = Bytes::new(false).section(false).interface(1, 0, &[]).enhanced(0, 1, 1, b"a");
    for whole in [
        before.clone().enhanced(0, 1, 5, b"hello").data,
        before.clone().interface(1, 0, &[(NAME, b"eth0")]).data,
        before.clone().section(true).data,
        before.clone().block(99, b"unknown!").data,
        before.clone().enhanced(9, 1, 5, b"hello").data,
    ] {
        for len in before.data.len() + 1..whole.len() {
            let mut capture = open(&whole[..len]);
            assert_eq!(read_all(&mut capture).len(), 1, "{len}");
            let start = before.data.len() as u64;
            assert!(
                matches!(capture.warnings(), [Warning::CutRecord { offset, present, .. }]
                    if *offset == start && *present == len as u64 - start),
                "{len}: {:?}",
                capture.warnings()
            );
        }
    }
}

#[test]
fn broken_blocks_are_errors_with_their_offset() {
    let before = Bytes::new(false).section(false).interface(1, 0, &[]).enhanced(0, 1, 1, b"a");
    let packet = |captured| Bytes::new(false).u32(0).u32(0).u32(0).u32(captured).u32(captured).u32(0).data;
    let cases = [
        (before.clone().u32(6).u32(8), Malformed::BlockLength { block: 6, claimed: 8 }),
        (before.clone().u32(99).u32(13), Malformed::BlockLength { block: 99, claimed: 13 }),
        (before.clone().block(6, b"short"), Malformed::BlockLength { block: 6, claimed: 20 }),
        (before.clone().block(3, b""), Malformed::BlockLength { block: 3, claimed: 12 }),
        (before.clone().block(1, b"abcd"), Malformed::BlockLength { block: 1, claimed: 16 }),
        (before.clone().block(6, &packet(5)), Malformed::PacketLength { claimed: 5, room: 4 }),
        (before.clone().block(6, &packet(u32::MAX)), Malformed::PacketLength { claimed: u32::MAX, room: 4 }),
        (
            before.clone().u32(99).u32(16).u32(0).u32(20),
            Malformed::BlockTrailer { block: 99, head: 16, tail: 20 },
        ),
        (
            before.clone().u32(0x0a0d_0d0a).u32(28).u32(5).u32(0).u64(0).u32(28),
            Malformed::ByteOrder { found: 0x0500_0000 },
        ),
    ];
    for (file, expected) in cases {
        let (kept, error) = drain(&mut open(&file.data));
        assert_eq!(kept.len(), 1, "{expected}");
        match error {
            Some(FileError::Malformed { offset, what, .. }) => {
                assert_eq!((offset, what), (before.data.len() as u64, expected));
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn too_many_interfaces() {
    let mut file = Bytes::new(false).section(false);
    for index in 0..5000_u32 {
        file = file.interface(1, 0, &[(NAME, index.to_string().as_bytes())]);
    }
    let mut capture = open(&file.data);
    let (_, error) = drain(&mut capture);
    assert!(matches!(error, Some(FileError::Malformed { what: Malformed::TooManyInterfaces, .. })));
    assert_eq!(capture.interfaces().len(), 4096);
}
