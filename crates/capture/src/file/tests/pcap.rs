use super::super::{MAX_FRAME, Malformed, Warning};
use super::build::Bytes;
use super::*;

const MICROS: u32 = 0xa1b2_c3d4;
const NANOS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

#[test]
fn both_orders_and_resolutions() {
    for big in [false, true] {
        for (magic, unit) in [(MICROS, 1000), (NANOS, 1)] {
            let file = Bytes::pcap(big, magic, 1)
                .record(1_700_000_000, 123_456, 3, b"abc")
                .record(0, 999_999, 1500, b"")
                .record(u32::MAX, u32::MAX, 1500, b"cut");
            let mut capture = open(&file.data);
            let kept = read_all(&mut capture);
            assert_eq!(kept.len(), 3);
            assert_eq!(kept[0].bytes, b"abc");
            assert_eq!((kept[0].wire_len, kept[0].interface, kept[0].link), (3, 0, LinkType::Ethernet));
            assert_eq!(kept[0].nanos, 1_700_000_000_000_000_000 + 123_456 * unit);
            assert_eq!((kept[1].bytes.len(), kept[1].wire_len, kept[1].nanos), (0, 1500, 999_999 * unit));
            assert_eq!((kept[2].bytes.as_slice(), kept[2].wire_len), (&b"cut"[..], 1500));
            assert!(capture.warnings().is_empty());
            assert_eq!(capture.counts().records, 3);
            assert_eq!(capture.interfaces()[0].packets, 3);
            assert_eq!(capture.bytes_read(), file.data.len() as u64);
        }
    }
}

#[test]
fn modified_records_have_eight_more_bytes() {
    for big in [false, true] {
        let file = Bytes::pcap(big, MODIFIED, 1)
            .u32(5)
            .u32(6)
            .u32(2)
            .u32(60)
            .u32(1)
            .u16(0x800)
            .raw(&[4, 0])
            .raw(b"ab")
            .u32(7)
            .u32(8)
            .u32(1)
            .u32(60)
            .u32(1)
            .u16(0x800)
            .raw(&[4, 0])
            .raw(b"c");
        let kept = read_all(&mut open(&file.data));
        assert_eq!(kept.iter().map(|kept| kept.bytes.as_slice()).collect::<Vec<_>>(), [&b"ab"[..], b"c"]);
        assert_eq!(kept[1].nanos, 7_000_008_000);
    }
}

#[test]
fn old_versions_swap_the_lengths() {
    let with_version =
        |major, minor| Bytes::new(false).u32(MICROS).u16(major).u16(minor).u32(0).u32(0).u32(99).u32(1);
    let swapped = |file: Bytes| file.u32(0).u32(0).u32(60).u32(2).raw(b"ab");
    for (major, minor) in [(2, 2), (2, 3), (543, 0)] {
        let kept = read_all(&mut open(&swapped(with_version(major, minor)).data));
        assert_eq!((kept[0].bytes.as_slice(), kept[0].wire_len), (&b"ab"[..], 60), "{major}.{minor}");
    }
    let kept = read_all(&mut open(&with_version(2, 3).record(0, 0, 60, b"ab").data));
    assert_eq!((kept[0].bytes.as_slice(), kept[0].wire_len), (&b"ab"[..], 60));
    let error = refused(&with_version(3, 0).data);
    assert!(matches!(
        error,
        FileError::Malformed { offset: 0, what: Malformed::Version { major: 3, .. }, .. }
    ));
}

#[test]
fn link_types_are_mapped() {
    let expected = [
        (0, LinkType::Loopback),
        (108, LinkType::Loopback),
        (1, LinkType::Ethernet),
        (12, LinkType::RawIp),
        (14, LinkType::RawIp),
        (101, LinkType::RawIp),
        (228, LinkType::RawIp),
        (229, LinkType::RawIp),
        (113, LinkType::LinuxSll),
        (276, LinkType::LinuxSll2),
        (9, LinkType::Ppp),
        (50, LinkType::Ppp),
        (51, LinkType::PppoeSession),
        (104, LinkType::CiscoHdlc),
        (105, LinkType::Ieee80211),
        (127, LinkType::Ieee80211Radiotap),
    ];
    for (code, link) in expected {
        // The upper bits say that a frame check sequence of two 16-bit words follows.
        let file = Bytes::pcap(true, MICROS, code | 0x2400_0000).record(0, 0, 4, b"abcd");
        let kept = read_all(&mut open(&file.data));
        assert_eq!((kept[0].link, kept[0].bytes.as_slice()), (link, &b"abcd"[..]), "{code}");
    }
    let kept = read_all(&mut open(
        &Bytes::pcap(true, MICROS, 204).record(0, 0, 9, b"\x01abcd").record(0, 0, 0, b"").data,
    ));
    assert_eq!((kept[0].link, kept[0].bytes.as_slice(), kept[0].wire_len), (LinkType::Ppp, &b"abcd"[..], 8));
    assert_eq!((kept[1].bytes.len(), kept[1].wire_len), (0, 0));
}

#[test]
fn unsupported_link_types_are_named_and_counted() {
    let long = vec![7; 3 * MAX_FRAME];
    let file = Bytes::pcap(false, MICROS, 192).record(0, 0, 4, b"abcd").record(0, 0, 4, &long);
    let mut capture = open(&file.data);
    assert!(read_all(&mut capture).is_empty());
    let unsupported: Vec<_> = capture.unsupported().collect();
    assert_eq!((unsupported[0].code, unsupported[0].name, unsupported[0].packets), (192, "PPI", 2));
    assert_eq!(capture.counts().unsupported, 2);
}

#[test]
fn a_cut_record_is_a_warning() {
    let whole = Bytes::pcap(false, MICROS, 1).record(0, 0, 3, b"abc").record(0, 0, 3, b"def").data;
    let second = 24 + 16 + 3;
    for len in second + 1..whole.len() {
        let mut capture = open(&whole[..len]);
        assert_eq!(read_all(&mut capture).len(), 1, "{len}");
        let present = (len - second) as u64;
        assert!(
            matches!(capture.warnings(), [Warning::CutRecord { offset, present: found, .. }]
                if *offset == second as u64 && *found == present),
            "{len}: {:?}",
            capture.warnings()
        );
    }
    assert!(matches!(
        refused(&whole[..20]),
        FileError::Malformed { what: Malformed::CutHeader { present: 20, expected: 24 }, .. }
    ));
}

#[test]
fn an_insane_length_is_an_error_after_what_came_before() {
    let file =
        Bytes::pcap(false, MICROS, 1).record(0, 0, 3, b"abc").u32(0).u32(0).u32(MAX_FRAME as u32 + 1).u32(9);
    let mut capture = open(&file.data);
    let (kept, error) = drain(&mut capture);
    assert_eq!(kept.len(), 1);
    let error = error.unwrap();
    assert_eq!(error.offset(), Some(43));
    assert!(error.to_string().contains("malformed at offset 43: a record claims 262145"), "{error}");
    assert_eq!(capture.next_batch(&mut Batch::default()).unwrap(), 0);

    let largest = vec![1; MAX_FRAME];
    let kept = read_all(&mut open(&Bytes::pcap(false, MICROS, 1).record(0, 0, 9, &largest).data));
    assert_eq!((kept[0].bytes.len(), kept[0].wire_len), (MAX_FRAME, MAX_FRAME as u32));
}

#[test]
fn batches_are_bounded() {
    let frame = vec![1; MAX_FRAME];
    let mut file = Bytes::pcap(false, MICROS, 1);
    for _ in 0..20 {
        file = file.record(0, 0, 9, &frame);
    }
    let mut capture = open(&file.data);
    let mut batch = Batch::new(1000);
    let mut total = 0;
    loop {
        let taken = capture.next_batch(&mut batch).unwrap();
        if taken == 0 {
            break;
        }
        assert!(taken <= 5);
        assert_eq!(batch.frames().len(), taken);
        total += taken;
    }
    assert_eq!(total, 20);
}

#[test]
fn frames_are_not_held_back_for_a_slow_pipe() {
    let (receiver, mut sender) = std::io::pipe().unwrap();
    use std::io::Write;
    let file = Bytes::pcap(false, MICROS, 1).record(0, 0, 3, b"abc").u32(0).u32(0);
    sender.write_all(&file.data).unwrap();
    let mut capture = CaptureFile::from_reader("pipe", receiver).unwrap();
    let mut batch = Batch::default();
    assert_eq!(capture.next_batch(&mut batch).unwrap(), 1);
    sender.write_all(&Bytes::new(false).u32(1).u32(2).raw(b"x").data).unwrap();
    drop(sender);
    assert_eq!(capture.next_batch(&mut batch).unwrap(), 1);
    assert_eq!(batch.frames()[0].bytes, b"x");
}
