//! Frames with right lengths and checksums: Ethernet, IPv4 and IPv6, TCP and UDP.

use std::net::{IpAddr, SocketAddr};

/// TCP flags.
pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A TCP segment (RFC 9293, section 3.1).
pub(super) fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut segment = ports(from, to);
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    segment.extend([5 << 4, flags]);
    segment.extend(64_240_u16.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(payload);
    let sum = transport_checksum(from.ip(), to.ip(), TCP, &segment);
    put(&mut segment, 16, sum.to_be_bytes());
    frame(from.ip(), to.ip(), TCP, &segment)
}

/// A UDP datagram (RFC 768).
pub(super) fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut datagram = ports(from, to);
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(payload);
    let sum = match transport_checksum(from.ip(), to.ip(), UDP, &datagram) {
        // 0 says that there is none.
        0 => 0xffff,
        sum => sum,
    };
    put(&mut datagram, 6, sum.to_be_bytes());
    frame(from.ip(), to.ip(), UDP, &datagram)
}

/// An ARP request (RFC 826), as a link has them.
pub(super) fn arp(from: std::net::Ipv4Addr, to: std::net::Ipv4Addr) -> Vec<u8> {
    let sender = mac(from.into());
    let mut frame = [0xff; 6].to_vec();
    frame.extend(sender);
    frame.extend([0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1]);
    frame.extend(sender);
    frame.extend(from.octets());
    frame.extend([0; 6]);
    frame.extend(to.octets());
    frame
}

fn ports(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    [from.port().to_be_bytes(), to.port().to_be_bytes()].concat()
}

fn frame(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = [mac(to), mac(from)].concat();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            // RFC 791, section 3.1: do not fragment, 64 hops.
            let mut header = vec![0x45, 0];
            header.extend((20 + payload.len() as u16).to_be_bytes());
            header.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = !fold(sum(0, &header));
            put(&mut header, 10, sum.to_be_bytes());
            frame.extend([0x08, 0x00]);
            frame.extend(header);
        }
        (from, to) => {
            // RFC 8200, section 3.
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((payload.len() as u16).to_be_bytes());
            frame.extend([protocol, 64]);
            frame.extend(octets(from));
            frame.extend(octets(to));
        }
    }
    frame.extend(payload);
    frame
}

/// A locally administered address, one per host.
fn mac(ip: IpAddr) -> [u8; 6] {
    match octets(ip).as_slice() {
        [.., a, b, c, d] => [0x02, 0, *a, *b, *c, *d],
        _ => [0x02, 0, 0, 0, 0, 0],
    }
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// Over the pseudo header (RFC 9293, section 3.1; RFC 8200, section 8.1) and the segment.
fn transport_checksum(from: IpAddr, to: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let mut total = sum(0, &octets(from));
    total = sum(total, &octets(to));
    total += u32::from(protocol) + segment.len() as u32;
    !fold(sum(total, segment))
}

fn sum(start: u32, bytes: &[u8]) -> u32 {
    bytes.chunks(2).fold(start, |total, pair| match *pair {
        [high, low] => total + u32::from(u16::from_be_bytes([high, low])),
        [high] => total + u32::from(u16::from_be_bytes([high, 0])),
        _ => total,
    })
}

fn fold(mut total: u32) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

fn put(bytes: &mut [u8], at: usize, value: [u8; 2]) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with its checksum in place sums to all ones.
    #[test]
    fn checksums_are_right() {
        let (from, to) = ("192.0.2.1:1000".parse().unwrap(), "192.0.2.2:80".parse().unwrap());
        let frame = tcp(from, to, 1, 2, ACK, b"odd");
        assert_eq!(fold(sum(0, &frame[14..34])), 0xffff);
        assert_eq!(transport_checksum(from.ip(), to.ip(), TCP, &frame[34..]), 0);
        let (from, to) = ("[2001:db8::1]:1000".parse().unwrap(), "[2001:db8::2]:53".parse().unwrap());
        let frame = udp(from, to, b"even");
        assert_eq!(transport_checksum(from.ip(), to.ip(), UDP, &frame[54..]), 0);
    }
}
