//! Frames for tests, built by hand or by etherparse, never by what is tested.

use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, PacketBuilder};

use crate::{Drop, Fragment, Frame, LinkType, Packet, Parsed, Timestamp, parse};

pub(crate) const A4: [u8; 4] = [192, 0, 2, 1];
pub(crate) const B4: [u8; 4] = [198, 51, 100, 7];
pub(crate) const A6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x17];
pub(crate) const B6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 0xff, 0xff, 0, 0, 0, 0, 0, 0x42];
pub(crate) const MAC_A: [u8; 6] = [2, 0, 0, 0, 0, 0xa];
pub(crate) const MAC_B: [u8; 6] = [2, 0, 0, 0, 0, 0xb];

pub(crate) fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame { bytes, link, wire_len: bytes.len() as u32, time: Timestamp::from_nanos(5), interface: 3 }
}

/// The packet in an Ethernet frame.
#[track_caller]
pub(crate) fn packet(bytes: &[u8]) -> Packet<'_> {
    packet_on(LinkType::Ethernet, bytes)
}

#[track_caller]
pub(crate) fn packet_on(link: LinkType, bytes: &[u8]) -> Packet<'_> {
    match parse(&frame(link, bytes)) {
        Ok(Parsed::Packet(packet)) => packet,
        other => panic!("no packet: {other:?}"),
    }
}

/// The fragment in an Ethernet frame.
#[track_caller]
pub(crate) fn fragment(bytes: &[u8]) -> Fragment<'_> {
    match parse(&frame(LinkType::Ethernet, bytes)) {
        Ok(Parsed::Fragment(fragment)) => fragment,
        other => panic!("no fragment: {other:?}"),
    }
}

/// Why there is no packet in an Ethernet frame.
#[track_caller]
pub(crate) fn dropped(bytes: &[u8]) -> Drop {
    dropped_on(LinkType::Ethernet, bytes)
}

#[track_caller]
pub(crate) fn dropped_on(link: LinkType, bytes: &[u8]) -> Drop {
    match parse(&frame(link, bytes)) {
        Err(reason) => reason,
        Ok(parsed) => panic!("parsed: {parsed:?}"),
    }
}

pub(crate) fn ethernet(ethertype: u16, content: &[u8]) -> Vec<u8> {
    [&MAC_B[..], &MAC_A, &ethertype.to_be_bytes(), content].concat()
}

/// An Ethernet frame with an IPv4 packet.
pub(crate) fn ether4(protocol: u8, content: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(protocol, content))
}

/// An Ethernet frame with an IPv6 packet.
pub(crate) fn ether6(next: u8, content: &[u8]) -> Vec<u8> {
    ethernet(0x86dd, &ipv6(next, content))
}

/// From A to B.
pub(crate) fn ipv4(protocol: u8, content: &[u8]) -> Vec<u8> {
    ipv4_with(protocol, content, |_| {})
}

pub(crate) fn ipv4_with(protocol: u8, content: &[u8], change: impl Fn(&mut Ipv4Header)) -> Vec<u8> {
    let mut header = Ipv4Header::new(content.len() as u16, 64, IpNumber(protocol), A4, B4).unwrap();
    change(&mut header);
    header.header_checksum = header.calc_header_checksum();
    let mut bytes = Vec::new();
    header.write_raw(&mut bytes).unwrap();
    bytes.extend_from_slice(content);
    bytes
}

/// From A to B.
pub(crate) fn ipv6(next: u8, content: &[u8]) -> Vec<u8> {
    let header = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: content.len() as u16,
        next_header: IpNumber(next),
        hop_limit: 64,
        source: A6,
        destination: B6,
    };
    [&header.to_bytes()[..], content].concat()
}

pub(crate) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u16 + 8;
    [&source.to_be_bytes()[..], &destination.to_be_bytes(), &len.to_be_bytes(), &[0, 0], payload].concat()
}

/// A TCP segment with `options` (a multiple of 4 bytes).
pub(crate) fn tcp(source: u16, destination: u16, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let offset = (5 + options.len() as u8 / 4) << 4;
    [
        &source.to_be_bytes()[..],
        &destination.to_be_bytes(),
        &[0, 0, 0, 1, 0, 0, 0, 2, offset, flags, 0x20, 0, 0, 0, 0, 0],
        options,
        payload,
    ]
    .concat()
}

/// A whole packet from `A4:40000` to `B4:80`, to put into tunnels.
pub(crate) fn inner4(payload: &[u8]) -> Vec<u8> {
    ipv4(6, &tcp(40_000, 80, 0x18, &[], payload))
}

/// A whole packet from `A6:40000` to `B6:80`, to put into tunnels.
pub(crate) fn inner6(payload: &[u8]) -> Vec<u8> {
    ipv6(6, &tcp(40_000, 80, 0x18, &[], payload))
}

/// Checks that a packet is what [`inner4`] or [`inner6`] built.
#[track_caller]
pub(crate) fn assert_inner(packet: &Packet<'_>, payload: &[u8]) {
    let ends = (packet.source(), packet.destination());
    assert!(
        ends == ((A4.into(), 40_000), (B4.into(), 80)) || ends == ((A6.into(), 40_000), (B6.into(), 80)),
        "{ends:?}"
    );
    assert_eq!(packet.payload, payload);
    assert_eq!(packet.payload_len as usize, payload.len());
}

/// Valid frames, one or more per header kind: what properties and fuzzing start from.
pub(crate) fn samples() -> Vec<(LinkType, Vec<u8>)> {
    let ethernet_inner = ethernet(0x0800, &inner4(b"hello"));
    let tagged = [&[0x00, 0x05, 0x88, 0xa8, 0x00, 0x06, 0x08, 0x00][..], &inner4(b"tagged")].concat();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &ethernet_inner].concat();
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 3, 4][..], &ethernet_inner].concat();
    let plain = inner4(b"user");
    let gtpu = [&[0x30, 255, 0, plain.len() as u8, 0, 0, 0, 5][..], &plain].concat();
    let gre_key = [&[0xb0, 0, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2][..], &plain].concat();
    let erspan =
        [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 7, 0, 0, 0, 0][..], &ethernet_inner].concat();
    let ppp = [&[0xff, 3, 0, 0x21][..], &plain].concat();
    let pppoe = [&[0x11, 0, 0, 9, 0, ppp.len() as u8 - 2][..], &ppp[2..]].concat();
    let mpls = [&[0, 0, 0x10, 64, 0, 0, 0x21, 64][..], &plain].concat();
    let extensions =
        [&[43, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0][..], &tcp(1, 2, 2, &[], b"x")].concat();
    let fragment = [&[17, 0, 0, 1, 0, 0, 0, 7][..], &udp(1, 2, b"12345678")].concat();
    let sctp = [&[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 20][..], &[0; 12], b"data"].concat();
    let unreachable = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &ipv4(17, &udp(40_000, 53, b"query"))].concat();
    let too_big = [&[2, 0, 0, 0, 0, 0, 5, 0][..], &inner6(b"quoted")].concat();
    let mut echo = Vec::new();
    PacketBuilder::ethernet2(MAC_A, MAC_B)
        .ipv4(A4, B4, 64)
        .icmpv4_echo_request(77, 1)
        .write(&mut echo, b"ping")
        .unwrap();
    let ethernet_frames = [
        ethernet_inner,
        ethernet(0x86dd, &inner6(b"hello")),
        ethernet(0x8100, &tagged),
        ether4(17, &udp(1000, 2000, b"payload")),
        ether6(17, &udp(1000, 2000, b"payload")),
        ether6(0, &extensions),
        ether4(6, &tcp(40_000, 80, 2, &[1, 1, 1, 1, 30, 12, 0x10, 1, 0, 0, 0, 2, 0, 0, 0, 3], b"")),
        ether6(44, &fragment),
        ethernet(0x0800, &ipv4_with(17, b"12345678", |header| header.more_fragments = true)),
        ether4(132, &sctp),
        ether4(1, &unreachable),
        ether6(58, &too_big),
        echo,
        ether4(17, &udp(1000, 4789, &vxlan)),
        ether4(17, &udp(1000, 6081, &geneve)),
        ether4(17, &udp(1000, 2152, &gtpu)),
        ether4(17, &udp(1000, 3544, &inner6(b"teredo"))),
        ether4(47, &gre_key),
        ether4(47, &erspan),
        ether4(4, &plain),
        ether4(41, &inner6(b"six")),
        ether6(4, &plain),
        ether6(41, &inner6(b"six")),
        ethernet(0x8847, &mpls),
        ethernet(0x8864, &pppoe),
        ethernet(plain.len() as u16 + 8, &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &plain].concat()),
    ];
    let mut samples: Vec<_> = ethernet_frames.into_iter().map(|bytes| (LinkType::Ethernet, bytes)).collect();
    let wifi =
        [&[0x88, 1, 0, 0][..], &MAC_B, &MAC_A, &MAC_B, &[0, 0, 0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &plain]
            .concat();
    samples.extend([
        (LinkType::Loopback, [&[2, 0, 0, 0][..], &plain].concat()),
        (LinkType::RawIp, plain.clone()),
        (LinkType::LinuxSll, [&[0; 14][..], &[8, 0], &plain].concat()),
        (LinkType::LinuxSll2, [&[8, 0][..], &[0; 18], &plain].concat()),
        (LinkType::Ppp, ppp.clone()),
        (LinkType::PppoeSession, pppoe),
        (LinkType::CiscoHdlc, [&[0x0f, 0, 8, 0][..], &plain].concat()),
        (LinkType::Ieee80211Radiotap, [&[0, 0, 8, 0, 0, 0, 0, 0][..], &wifi].concat()),
        (LinkType::Ieee80211, wifi),
    ]);
    samples
}
