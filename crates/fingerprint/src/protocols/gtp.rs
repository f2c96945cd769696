//! gtp: the GPRS Tunnelling Protocol: control and user plane, and GTP' for charging.
//!
//! Specifications: 3GPP TS 29.060 (version 1, sections 6 and 7.7), 29.274 (version 2, sections 5 and 8), 29.281 (user
//! plane), 32.295 (GTP'), GSM 09.60 (version 0). Proven from either side by a length that is the datagram's, with the
//! information elements that fill it, the zeros or ones that a header has, or the IP packet that it carries.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Gtp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| version(byte).is_some())]],
    stream: &[],
    check,
};

#[derive(Clone, Copy)]
enum Version {
    Zero,
    One,
    Two,
    /// GTP', with a header of six bytes.
    Prime,
}

/// Version in the upper three bits, protocol type, spare bits.
const fn version(flags: u8) -> Option<Version> {
    match flags {
        0x1e | 0x1f => Some(Version::Zero),
        0x30..=0x37 => Some(Version::One),
        0x40 | 0x44 | 0x48 | 0x4c | 0x50 | 0x58 => Some(Version::Two),
        0x0f | 0x2e | 0x2f | 0x4e | 0x4f => Some(Version::Prime),
        _ => None,
    }
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let flags = scan.u8()?;
    let version = version(flags).ok_or(Stop::Wrong)?;
    let kind = scan.u8()?;
    let header = match version {
        Version::Zero => 20,
        Version::One => 8,
        Version::Two => 4,
        Version::Prime => 6,
    };
    let length = message.total.checked_sub(header).ok_or(Stop::Wrong)?;
    let least = if matches!(version, Version::Two) && flags & PIGGYBACKED != 0 { 12 } else { length };
    let length = scan.be(2, least as u64..=length as u64)? as usize;
    let step = match version {
        Version::Zero => zero(&mut scan, kind),
        Version::One => one(&mut scan, flags, kind, length),
        Version::Two => two(&mut scan, flags, length),
        Version::Prime => prime(&mut scan, kind, length),
    };
    // What the bound cut off went on well.
    if step == Err(Stop::Short) { Ok(Proof::Structure) } else { step }
}

/// Sequence number, flow label, N-PDU number, spare ones, tunnel.
fn zero(scan: &mut Scan<'_>, kind: u8) -> Step<Proof> {
    require(is_type(kind))?;
    scan.skip(5)?;
    scan.expect(&[0xff; 3])?;
    Ok(Proof::Structure)
}

/// 29.060, section 7.1, table 1: what there is below 128, and the records and packets above.
const fn is_type(kind: u8) -> bool {
    matches!(kind, 1..=7 | 16..=37 | 48..=62 | 70 | 96..=105 | 112..=121 | 128 | 129 | 240 | 241 | 254 | 255)
}

fn one(scan: &mut Scan<'_>, flags: u8, kind: u8, length: usize) -> Step<Proof> {
    const EXTENDED: u8 = 0x04;
    const G_PDU: u8 = 255;
    const END_MARKER: u8 = 254;
    require(is_type(kind))?;
    let tunnel = scan.u32_be()?;
    let mut room = length;
    if flags & 0x07 != 0 {
        room = room.checked_sub(4).ok_or(Stop::Wrong)?;
        scan.skip(3)?;
        let mut next = scan.u8()?;
        let mut extensions = 0;
        // Extension headers: a length in words, content, the next one's type (29.281, section 5.2.1).
        while flags & EXTENDED != 0 && next != 0 {
            require(extensions < 4)?;
            let size = usize::from(scan.u8_if(|words| words > 0)?) * 4;
            room = room.checked_sub(size).ok_or(Stop::Wrong)?;
            scan.skip(size - 2)?;
            next = scan.u8()?;
            extensions += 1;
        }
    }
    match kind {
        G_PDU => ip(scan, room),
        END_MARKER => require(tunnel != 0 && room == 0).map(|()| Proof::Structure),
        // No tunnel yet, or none of its own: path management, the first request of a context, errors.
        1 | 2 | 3 | 16 | 26 | 31 if tunnel == 0 => elements(scan, room).map(|_| Proof::Structure),
        _ => require(elements(scan, room)? > 0).map(|()| Proof::Structure),
    }
}

/// An IP packet that fills the rest.
fn ip(scan: &mut Scan<'_>, room: usize) -> Step<Proof> {
    const V6_HEADER_LEN: usize = 40;
    let first = scan.u8()?;
    let (skipped, length) = match first {
        0x45..=0x4f => (1, room),
        0x60..=0x6f => (3, room.checked_sub(V6_HEADER_LEN).ok_or(Stop::Wrong)?),
        _ => return Err(Stop::Wrong),
    };
    scan.skip(skipped)?;
    scan.be(2, length as u64..=length as u64)?;
    Ok(Proof::Structure)
}

/// How many information elements fill the rest: of a type and its fixed length, or of a type and a length (29.060,
/// section 7.7).
fn elements(scan: &mut Scan<'_>, room: usize) -> Step<u32> {
    let mut left = room;
    let mut count = 0;
    while left > 0 {
        let kind = scan.u8()?;
        let (header, length) = match kind {
            1 | 8 | 11 | 13..=15 | 19..=24 | 29 => (1, 1),
            25..=28 => (1, 2),
            9 | 12 => (1, 3),
            4 | 5 | 16 | 17 | 127 => (1, 4),
            18 => (1, 5),
            3 => (1, 6),
            2 => (1, 8),
            128..=255 => (3, usize::from(scan.u16_be()?)),
            _ => return Err(Stop::Wrong),
        };
        left = left.checked_sub(header + length).ok_or(Stop::Wrong)?;
        scan.skip(length)?;
        count += 1;
    }
    Ok(count)
}

const PIGGYBACKED: u8 = 0x10;

fn two(scan: &mut Scan<'_>, flags: u8, length: usize) -> Step<Proof> {
    const TUNNEL: u8 = 0x08;
    let header = if flags & TUNNEL != 0 { 8 } else { 4 };
    let mut left = length.checked_sub(header).ok_or(Stop::Wrong)?;
    scan.skip(header - 1)?;
    // Spare; its upper half may hold a priority.
    scan.u8_if(|spare| spare & 0x0f == 0)?;
    let mut count = 0;
    while left > 0 {
        scan.u8_if(|kind| kind > 0)?;
        let size = usize::from(scan.u16_be()?);
        // Spare bits and the instance.
        scan.u8_if(|instance| instance < 0x10)?;
        left = left.checked_sub(4 + size).ok_or(Stop::Wrong)?;
        scan.skip(size)?;
        count += 1;
    }
    require(count > 0)?;
    Ok(Proof::Structure)
}

/// 32.295, section 6.2: echoes, node alive, redirection and data records, each with what comes first in it.
fn prime(scan: &mut Scan<'_>, kind: u8, length: usize) -> Step<Proof> {
    const RECOVERY: u8 = 14;
    const CAUSE: u8 = 1;
    const NODE_ADDRESS: u8 = 251;
    const PACKET_TRANSFER_COMMAND: u8 = 126;
    scan.skip(2)?;
    let first = match kind {
        // An echo request and two answers may be empty.
        1 | 3 | 5 => return require(length == 0).map(|()| Proof::Heuristic),
        2 => RECOVERY,
        4 => NODE_ADDRESS,
        6 | 7 | 241 => CAUSE,
        240 => PACKET_TRANSFER_COMMAND,
        _ => return Err(Stop::Wrong),
    };
    scan.expect(&[first])?;
    if kind == 240 {
        scan.u8_if(|command| (1..=4).contains(&command))?;
    }
    require(length >= 2)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const ECHO: &[u8] = b"\x32\x01\0\x04\0\0\0\0\x12\x34\0\0";
    const ECHO_V2: &[u8] = b"\x40\x01\0\x09\0\0\x01\0\x03\0\x01\0\x2a";

    fn user(inner: &[u8]) -> Vec<u8> {
        [&[0x30, 0xff][..], &(inner.len() as u16).to_be_bytes(), &[0, 0, 0, 7], inner].concat()
    }

    #[test]
    fn control_of_each_version() {
        let udp = Trial::udp(check);
        udp.client_proves(ECHO, Proof::Structure);
        udp.server_proves(b"\x32\x02\0\x06\0\0\0\0\x12\x34\0\0\x0e\x05", Proof::Structure);
        udp.client_proves(ECHO_V2, Proof::Structure);
        let delete = b"\x32\x14\0\x08\0\0\0\x09\0\x07\0\0\x13\xff\x14\x05";
        udp.client_proves(delete, Proof::Structure);
        udp.server_proves(b"\x32\x15\0\x06\0\0\0\x09\0\x07\0\0\x01\x80", Proof::Structure);
        let session = b"\x48\x24\0\x0d\0\0\0\x09\0\0\x01\0\x49\0\x01\0\x05";
        udp.client_proves(session, Proof::Structure);
        let v0 = b"\x1e\x01\0\0\0\x01\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0";
        udp.client_proves(v0, Proof::Structure);
    }

    #[test]
    fn user_packets() {
        let udp = Trial::udp(check);
        let v4 = [&b"\x45\0\0\x1c\0\0\0\0\x40\x11\0\0"[..], &[10; 16]].concat();
        let v6 = [&b"\x60\0\0\0\0\x08\x11\x40"[..], &[1; 40]].concat();
        udp.client_proves(&user(&v4), Proof::Structure);
        udp.server_proves(&user(&v6), Proof::Structure);
        let extended = [&b"\x34\xff\0\x24\0\0\0\x07\0\0\0\x85\x01\x10\x01\0"[..], &v4].concat();
        udp.client_proves(&extended, Proof::Structure);
        assert_eq!(udp.client(&user(&v4[..27])), Match::No);
        assert_eq!(udp.client(&user(&[0x55; 28])), Match::No);
        udp.client_proves(b"\x30\xfe\0\0\0\0\0\x07", Proof::Structure);
    }

    #[test]
    fn charging() {
        let udp = Trial::udp(check);
        udp.client_proves(b"\x4e\x01\0\0\x12\x34", Proof::Heuristic);
        udp.server_proves(b"\x4e\x02\0\x02\x12\x34\x0e\x07", Proof::Structure);
        udp.client_proves(b"\x0f\xf0\0\x06\0\x01\x7e\x01\xfc\0\x01\x01", Proof::Structure);
        udp.client_proves(b"\x4e\x04\0\x07\0\x01\xfb\0\x04\xc0\0\x02\x01", Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 0x38), (0, 0x33 + 0x20), (1, 99), (3, 5), (7, 1)] {
            let mut wrong = ECHO.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        for (at, value) in [(3, 8), (7, 1), (8, 0), (10, 2), (11, 0x10)] {
            let mut wrong = ECHO_V2.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "version 2, byte {at}");
        }
        assert_eq!(udp.both(ECHO, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
