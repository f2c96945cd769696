//! melsec: Mitsubishi's MC protocol and its successor SLMP, binary frames 3E and 4E.
//!
//! Specifications: Mitsubishi SH-080008 (MELSEC Communication Protocol Reference Manual) and SH-080956 (SLMP Reference
//! Manual), chapters on message formats, commands and end codes. A subheader, a route, and a length that agrees with the
//! command prove a request; a length with an end code, or with the route repeated behind it, proves a response.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Melsec,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, REQUEST_3E | REQUEST_4E | RESPONSE_3E | RESPONSE_4E))]],
    stream: &[],
    check,
};

const REQUEST_3E: u8 = 0x50;
const REQUEST_4E: u8 = 0x54;
const RESPONSE_3E: u8 = 0xd0;
const RESPONSE_4E: u8 = 0xd4;
/// Network, station, module and its station.
const ROUTE: usize = 5;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, response)
}

/// Subheader and route; the number of bytes behind the length, which a datagram must have.
fn header<'a>(scan: &mut Scan<'a>, message: Message<'_>, kinds: [u8; 2]) -> Step<(&'a [u8], usize)> {
    let kind = scan.u8_if(|kind| kinds.contains(&kind))?;
    scan.expect(&[0])?;
    let with_serial = kind == kinds[1];
    if with_serial {
        scan.skip(2)?;
        scan.expect(&[0, 0])?;
    }
    let mut fields = *scan;
    fields.skip(2)?;
    // CPUs are from 0x03d0 on, other modules have their place on the base.
    fields.le(2, 0..=0x03ff)?;
    fields.u8_if(|station| station <= 0x1f)?;
    let route = scan.take(ROUTE)?;
    let length = usize::from(scan.u16_le()?);
    let header = if with_serial { 13 } else { 9 };
    require(!message.is_datagram() || header + length == message.total)?;
    Ok((route, length))
}

fn request(message: Message<'_>) -> Step<Proof> {
    /// Timer, command, subcommand.
    const FIXED: usize = 6;
    let mut scan = message.scan();
    let (_, length) = header(&mut scan, message, [REQUEST_3E, REQUEST_4E])?;
    let room = length.checked_sub(FIXED).ok_or(Stop::Wrong)?;
    scan.skip(2)?;
    let command = scan.u16_le()?;
    let (least, most) = parameters(command).ok_or(Stop::Wrong)?;
    require((least..=most).contains(&room))?;
    // Units, the set of devices, an extension, a monitor.
    scan.le(2, 0..=0x00ff)?;
    Ok(Proof::Structure)
}

fn response(message: Message<'_>) -> Step<Proof> {
    /// End code, route, command, subcommand.
    const ERROR: usize = 11;
    let mut scan = message.scan();
    let (route, length) = header(&mut scan, message, [RESPONSE_3E, RESPONSE_4E])?;
    require(length >= 2)?;
    match scan.le(2, 0..=0xcfff)? {
        0 => {}
        0x4000.. if length == ERROR => scan.expect(route)?,
        0x4000.. if message.is_datagram() => return Ok(Proof::Heuristic),
        0x4000.. => return Err(Stop::Short),
        _ => return Err(Stop::Wrong),
    }
    Ok(Proof::Structure)
}

/// How many bytes a command takes.
const fn parameters(command: u16) -> Option<(usize, usize)> {
    const MOST: usize = 8192;
    Some(match command {
        // Devices: read; write; at random; in blocks; the monitor.
        0x0401 => (6, 24),
        0x1401 => (7, MOST),
        0x0403 | 0x1402 | 0x0406 | 0x1406 | 0x0801 => (6, MOST),
        0x0802 => (0, 0),
        // Labels.
        0x041a | 0x041b | 0x141a | 0x141b | 0x041c => (4, MOST),
        // Buffers of modules, and memory.
        0x0601 | 0x0613 => (6, 8),
        0x1601 | 0x1613 => (7, MOST),
        // Run, stop, pause, clear, reset; the type; error; locks.
        0x1001 | 0x1003 => (2, 4),
        0x1002 | 0x1005 | 0x1006 => (2, 2),
        0x0101 => (0, 0),
        0x1617 => (0, 0),
        0x1630 | 0x1631 => (2, 64),
        // Loopback: a count, and so many.
        0x0619 => (3, 962),
        // Files.
        0x1810 | 0x1811 | 0x1820 | 0x1822 | 0x1824..=0x182a => (2, MOST),
        // Search for nodes, and their settings.
        0x0e30 | 0x0e31 | 0x0e45 | 0x0e68 => (0, MOST),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const ROUTE_TO_HOST: [u8; 5] = [0, 0xff, 0xff, 3, 0];

    fn framed(subheader: &[u8], body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16).to_le_bytes();
        [subheader, &ROUTE_TO_HOST, &length, body].concat()
    }

    fn read(subheader: &[u8]) -> Vec<u8> {
        framed(subheader, &[0x10, 0, 1, 4, 0, 0, 100, 0, 0, 0xa8, 3, 0])
    }

    #[test]
    fn requests() {
        for message in [
            read(&[0x50, 0]),
            read(&[0x54, 0, 0x34, 0x12, 0, 0]),
            framed(&[0x50, 0], &[0x10, 0, 1, 1, 0, 0]),
            framed(&[0x50, 0], &[0x10, 0, 2, 0x10, 0, 0, 1, 0]),
            framed(&[0x50, 0], &[0x10, 0, 1, 0x14, 1, 0, 100, 0, 0, 0x90, 2, 0, 0x11]),
        ] {
            Trial::tcp(check).client_proves(&message, Proof::Structure);
            Trial::udp(check).client_proves(&message, Proof::Structure);
        }
    }

    #[test]
    fn responses() {
        let tcp = Trial::tcp(check);
        let data = framed(&[0xd0, 0], &[0, 0, 0x34, 0x12, 2, 0]);
        tcp.server_proves(&data, Proof::Structure);
        tcp.server_proves(&framed(&[0xd4, 0, 0x34, 0x12, 0, 0], &[0, 0]), Proof::Structure);
        let error = framed(&[0xd0, 0], &[0x59, 0xc0, 0, 0xff, 0xff, 3, 0, 1, 4, 0, 0]);
        tcp.server_proves(&error, Proof::Structure);
        Trial::udp(check).server_proves(&framed(&[0xd0, 0], &[0x59, 0xc0]), Proof::Heuristic);
        assert_eq!(tcp.both(&read(&[0x50, 0]), &data), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (offset, value) in [(0, 0x51), (1, 1), (5, 4), (6, 0x20), (7, 5), (8, 1), (11, 9), (14, 1)] {
            let mut wrong = read(&[0x50, 0]);
            wrong[offset] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.client(b"PING\r\n"), Match::No);
        assert_eq!(tcp.both(&read(&[0x50, 0]), b"raw data"), Match::No);
        assert_eq!(Trial::udp(check).client(&read(&[0x50, 0])[..20]), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
