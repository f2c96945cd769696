//! Packets, written byte by byte.

use std::net::Ipv4Addr;

/// Headers of a TCP packet: Ethernet, IPv4, TCP without options.
pub const TCP_HEADERS: usize = 14 + 20 + 20;
/// Headers of a UDP packet.
pub const UDP_HEADERS: usize = 14 + 20 + 8;

/// Address and port.
pub type End = (Ipv4Addr, u16);

/// What differs between TCP packets.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    /// Sender.
    pub from: End,
    /// Receiver.
    pub to: End,
    /// Flag bits.
    pub flags: u8,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Payload.
    pub payload: &'a [u8],
}

/// Writes a TCP packet; returns its length, padded to the least that Ethernet sends (60 bytes and the checksum).
pub fn tcp(into: &mut [u8], packet: &Tcp<'_>) -> usize {
    let Tcp { from, to, flags, seq, ack, payload } = *packet;
    let end = TCP_HEADERS + payload.len();
    ip(into, from.0, to.0, 6, (end - 14) as u16);
    let tcp = &mut into[34..];
    tcp[..2].copy_from_slice(&from.1.to_be_bytes());
    tcp[2..4].copy_from_slice(&to.1.to_be_bytes());
    tcp[4..8].copy_from_slice(&seq.to_be_bytes());
    tcp[8..12].copy_from_slice(&ack.to_be_bytes());
    tcp[12..20].copy_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    finish(into, TCP_HEADERS, payload)
}

/// Writes a UDP packet; returns its length.
pub fn udp(into: &mut [u8], from: End, to: End, payload: &[u8]) -> usize {
    let end = UDP_HEADERS + payload.len();
    ip(into, from.0, to.0, 17, (end - 14) as u16);
    let udp = &mut into[34..];
    udp[..2].copy_from_slice(&from.1.to_be_bytes());
    udp[2..4].copy_from_slice(&to.1.to_be_bytes());
    udp[4..6].copy_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    udp[6..8].fill(0);
    finish(into, UDP_HEADERS, payload)
}

/// Writes a UDP packet over IPv6; returns its length.
pub fn udp6(into: &mut [u8], from: (u128, u16), to: (u128, u16), payload: &[u8]) -> usize {
    let length = ((8 + payload.len()) as u16).to_be_bytes();
    into[..14].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd]);
    into[14..22].copy_from_slice(&[0x60, 0, 0, 0, length[0], length[1], 17, 64]);
    into[22..38].copy_from_slice(&from.0.to_be_bytes());
    into[38..54].copy_from_slice(&to.0.to_be_bytes());
    into[54..56].copy_from_slice(&from.1.to_be_bytes());
    into[56..58].copy_from_slice(&to.1.to_be_bytes());
    into[58..60].copy_from_slice(&length);
    into[60..62].fill(0);
    finish(into, 62, payload)
}

/// Ethernet and IPv4 headers. Checksums of TCP and UDP stay 0: a tap sees many, where the sender's NIC fills them in.
fn ip(into: &mut [u8], from: Ipv4Addr, to: Ipv4Addr, protocol: u8, total: u16) {
    into[..14].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00]);
    let ip = &mut into[14..34];
    ip[..4].copy_from_slice(&[0x45, 0, (total >> 8) as u8, total as u8]);
    ip[4..12].copy_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
    ip[12..16].copy_from_slice(&from.octets());
    ip[16..20].copy_from_slice(&to.octets());
    let sum: u32 = ip.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
}

fn finish(into: &mut [u8], headers: usize, payload: &[u8]) -> usize {
    let end = headers + payload.len();
    into[headers..end].copy_from_slice(payload);
    into[end..end.max(60)].fill(0);
    end.max(60)
}

#[cfg(test)]
mod tests {
    use offport_wire::{Frame, LinkType, Parsed, Timestamp, TransportHeader, parse};

    use super::*;

    const A: End = (Ipv4Addr::new(10, 0, 0, 1), 40_000);
    const B: End = (Ipv4Addr::new(203, 0, 113, 5), 80);

    fn parsed(bytes: &[u8]) -> offport_wire::Packet<'_> {
        let frame = Frame {
            bytes,
            link: LinkType::Ethernet,
            wire_len: bytes.len() as u32,
            time: Timestamp::ZERO,
            interface: 0,
        };
        match parse(&frame) {
            Ok(Parsed::Packet(packet)) => packet,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_parser_reads_what_was_written() {
        let mut bytes = [0xaa; 256];
        let len = tcp(&mut bytes, &Tcp { from: A, to: B, flags: 0x18, seq: 7, ack: 9, payload: b"hello!" });
        assert_eq!(len, 60);
        let packet = parsed(&bytes[..len]);
        assert_eq!((packet.source(), packet.destination()), ((A.0.into(), A.1), (B.0.into(), B.1)));
        assert_eq!(packet.payload, b"hello!");
        let TransportHeader::Tcp(header) = packet.transport else { panic!("{packet:?}") };
        assert_eq!((header.seq, header.ack, header.flags.0), (7, 9, 0x18));

        let len = udp(&mut bytes, B, A, b"question");
        let packet = parsed(&bytes[..len]);
        assert_eq!((packet.payload, packet.transport), (&b"question"[..], TransportHeader::Udp));

        let len = udp6(&mut bytes, (1, 40_000), (2, 53), b"question");
        let packet = parsed(&bytes[..len]);
        assert_eq!(packet.source(), (std::net::Ipv6Addr::from(1).into(), 40_000));
        assert_eq!(packet.destination(), (std::net::Ipv6Addr::from(2).into(), 53));
        assert_eq!((packet.payload, packet.transport), (&b"question"[..], TransportHeader::Udp));
    }
}
