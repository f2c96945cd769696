use std::process::Command;

use offport_wire::{Frame, Timestamp};

use super::super::{MAX_FRAME, Writer};
use super::*;

fn frame(link: LinkType, nanos: u64, bytes: &[u8], wire_len: u32) -> Frame<'_> {
    Frame { bytes, link, wire_len, time: Timestamp::from_nanos(nanos), interface: 9 }
}

#[test]
fn what_the_writer_writes_is_read_back() {
    let mut writer = Writer::new(vec![]).unwrap();
    let links = [
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
    let mut expected = vec![];
    for round in 0..3_u64 {
        for (index, link) in links.into_iter().enumerate() {
            let bytes = vec![index as u8; index + round as usize];
            let nanos = 1_700_000_000_123_456_789 + round;
            let comment = (round == 1).then_some("raw data on port 80");
            writer.write(&frame(link, nanos, &bytes, 1500), comment).unwrap();
            expected.push(Kept { bytes, wire_len: 1500, nanos, interface: index as u16, link });
        }
    }
    writer.flush().unwrap();
    let file = writer.into_inner();
    assert!(file.windows(19).any(|part| part == b"raw data on port 80"));
    let mut capture = open(&file);
    assert_eq!(read_all(&mut capture), expected);
    assert!(capture.warnings().is_empty());
}

#[test]
fn extremes() {
    let mut writer = Writer::new(vec![]).unwrap();
    let largest = vec![3; MAX_FRAME];
    writer
        .write(&frame(LinkType::Ethernet, u64::MAX, &largest, 0), Some(&"\u{20ac}".repeat(30_000)))
        .unwrap();
    writer.write(&frame(LinkType::Ethernet, 0, b"", 0), Some("")).unwrap();
    let too_long = vec![3; MAX_FRAME + 1];
    assert!(writer.write(&frame(LinkType::Ethernet, 0, &too_long, 0), None).is_err());
    let kept = read_all(&mut open(&writer.into_inner()));
    assert_eq!(
        (kept[0].bytes.len(), kept[0].nanos, kept[0].wire_len),
        (MAX_FRAME, u64::MAX, MAX_FRAME as u32)
    );
    assert_eq!(kept.len(), 2);
}

#[test]
fn tcpdump_reads_it() {
    // Ethernet, IPv4, UDP from 192.0.2.1:53 to 192.0.2.2:4000, no payload.
    let packet = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\x45\0\0\x1c\0\0\x40\0\x40\x11\xb6\xcf\xc0\0\x02\x01\xc0\0\x02\x02\0\x35\x0f\xa0\0\x08\0\0";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.pcapng");
    let mut writer = Writer::new(std::fs::File::create(&path).unwrap()).unwrap();
    writer.write(&frame(LinkType::Ethernet, 1_700_000_000_123_456_789, packet, 60), Some("why")).unwrap();
    drop(writer);
    let output = Command::new("tcpdump").args(["-nn", "-tt", "--nano", "-r"]).arg(&path).output();
    let Ok(output) = output else {
        // Who promises root has had scripts/setup install everything.
        let required = std::env::var("OFFPORT_REQUIRE").is_ok_and(|list| list.contains("root"));
        assert!(!required, "OFFPORT_REQUIRE promises root, and tcpdump is not installed");
        eprintln!("SKIPPED: tcpdump is not installed");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1700000000.123456789 IP 192.0.2.1.53 > 192.0.2.2.4000"), "{text}{output:?}");
}
