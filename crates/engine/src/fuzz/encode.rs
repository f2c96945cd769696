//! Packet views back to bytes. Checksums stay 0: nothing on the path looks at them.

use std::net::IpAddr;

use offport_wire::{Packet, TransportHeader};

/// The IP packet that a view shows, and its length on the wire (larger where the view says that the capture cut
/// it).
pub fn ip_packet(packet: &Packet<'_>) -> (Vec<u8>, u32) {
    let ((source, from), (destination, to)) = (packet.source(), packet.destination());
    let mut transport = Vec::with_capacity(packet.payload.len() + 28);
    let ports = [from.to_be_bytes(), to.to_be_bytes()].concat();
    match packet.transport {
        TransportHeader::Tcp(tcp) => {
            transport.extend(ports);
            transport.extend(tcp.seq.to_be_bytes());
            transport.extend(tcp.ack.to_be_bytes());
            // MP_JOIN of a SYN and of a SYN-ACK (RFC 8684, section 3.2).
            let join: &[u8] = match (tcp.mp_join, tcp.flags.ack()) {
                (false, _) => &[],
                (true, false) => &[30, 12, 0x10, 1, 0, 0, 0, 2, 0, 0, 0, 3],
                (true, true) => &[30, 16, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3],
            };
            let words = 5 + join.len() as u8 / 4;
            transport.extend([words << 4, tcp.flags.0, 0xff, 0xff, 0, 0, 0, 0]);
            transport.extend(join);
        }
        TransportHeader::Udp => {
            transport.extend(ports);
            transport.extend(((8 + packet.payload_len) as u16).to_be_bytes());
            transport.extend([0, 0]);
        }
        TransportHeader::Sctp { init, end } => {
            transport.extend(ports);
            transport.extend([0; 8]);
            let (kind, header) = if init {
                (1, 20)
            } else if end {
                (14, 4)
            } else {
                (0, 16)
            };
            let len = if kind == 0 { header + packet.payload_len as u16 } else { header };
            transport.extend([kind, 3]);
            transport.extend(len.to_be_bytes());
            transport.extend(vec![0; usize::from(header) - 4]);
        }
        TransportHeader::Icmp { kind, code } => transport.extend([kind, code, 0, 0, 0, 7, 0, 1]),
        TransportHeader::Other => {}
    }
    let header_len = transport.len() as u32;
    transport.extend(packet.payload);
    let len = header_len + packet.payload_len;
    let protocol = packet.key.transport().0;
    let mut bytes = Vec::with_capacity(transport.len() + 40);
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes.extend([0x45, 0]);
            bytes.extend(((20 + len) as u16).to_be_bytes());
            bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend((len as u16).to_be_bytes());
            bytes.extend([protocol, 64]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        _ => {}
    }
    let wire_len = bytes.len() as u32 + len;
    bytes.extend(transport);
    (bytes, wire_len)
}

/// Cuts an IPv4 packet without options into fragments of `size` data bytes, a multiple of 8.
pub fn split(packet: &[u8], size: usize, id: u16) -> Vec<Vec<u8>> {
    let (header, data) = packet.split_at(20);
    let count = data.len().div_ceil(size);
    let fragments = data.chunks(size).enumerate();
    fragments
        .map(|(n, part)| {
            let mut bytes = header.to_vec();
            bytes.extend(part);
            let len = (bytes.len() as u16).to_be_bytes();
            bytes[2..4].copy_from_slice(&len);
            bytes[4..6].copy_from_slice(&id.to_be_bytes());
            let more = if n + 1 < count { 0x2000 } else { 0 };
            let offset = (more | (n * size / 8) as u16).to_be_bytes();
            bytes[6..8].copy_from_slice(&offset);
            bytes
        })
        .collect()
}
