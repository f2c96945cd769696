//! knxip: KNXnet/IP.
//!
//! Specifications: KNX Standard 3/8/2 (core), 3/8/3 (device management), 3/8/4 (tunnelling), 3/8/5 (routing), 3/8/9
//! (secure); EN 13321-2. A header of fixed length and version, a known service, the total length, and the structure that
//! the service begins with prove it, from either side.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Knxip,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == HEADER_LEN)]],
    stream: &[],
    check,
};

const HEADER_LEN: u8 = 6;
const VERSION: u8 = 0x10;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, frame, frame)
}

fn frame(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[HEADER_LEN, VERSION])?;
    // Families: core, management, tunnelling, routing, remote diagnosis, secure.
    let family = scan.u8_if(|family| matches!(family, 0x02..=0x05 | 0x07 | 0x09))?;
    let service = scan.u8()?;
    let (least, most) = lengths(family, service).ok_or(Stop::Wrong)?;
    let total = scan.be(2, least..=most)? as usize;
    require(!message.is_datagram() || message.total == total)?;
    body(&mut scan, family, service, total)?;
    Ok(Proof::Structure)
}

/// The least and the most that the total length may be.
const fn lengths(family: u8, service: u8) -> Option<(u64, u64)> {
    /// Far above what fits a frame of the standard.
    const MOST: u64 = 0x0800;
    Some(match (family, service) {
        // Search and description: request, response; the extended search.
        (0x02, 0x01 | 0x03) => (14, 14),
        (0x02, 0x02 | 0x0b | 0x0c) => (14, MOST),
        (0x02, 0x04) => (8, MOST),
        // Connect.
        (0x02, 0x05) => (24, MOST),
        (0x02, 0x06) => (8, MOST),
        // Connection state and disconnect.
        (0x02, 0x07 | 0x09) => (16, 16),
        (0x02, 0x08 | 0x0a) => (8, 8),
        // Device configuration and tunnelling: request, acknowledgement; features.
        (0x03, 0x10) | (0x04, 0x20 | 0x22..=0x25) => (11, MOST),
        (0x03, 0x11) | (0x04, 0x21) => (10, 10),
        // Routing: indication, lost message, busy, system broadcast.
        (0x05, 0x30 | 0x33) => (8, MOST),
        (0x05, 0x31) => (10, 10),
        (0x05, 0x32) => (12, 12),
        // Remote diagnosis, reset and configuration.
        (0x07, 0x40..=0x43) => (8, MOST),
        // Secure wrapper; session request, response, authentication and status; timer.
        (0x09, 0x50) => (38, MOST),
        (0x09, 0x51) => (46, 46),
        (0x09, 0x52) => (56, 56),
        (0x09, 0x53) => (24, 24),
        (0x09, 0x54) => (8, 8),
        (0x09, 0x55) => (36, 36),
        _ => return None,
    })
}

/// What the body begins with.
fn body(scan: &mut Scan<'_>, family: u8, service: u8, total: usize) -> Step<()> {
    match (family, service) {
        (0x02, 0x01..=0x03 | 0x0b | 0x0c) | (0x09, 0x51) => endpoint(scan),
        // Device information comes first.
        (0x02, 0x04) => {
            scan.u8_if(|length| length >= 2 && usize::from(length) <= total - usize::from(HEADER_LEN))?;
            scan.u8_if(|kind| kind != 0).map(drop)
        }
        (0x02, 0x05) => {
            endpoint(scan)?;
            endpoint(scan)
        }
        (0x02, 0x06) if total > 8 => {
            scan.skip(2)?;
            endpoint(scan)
        }
        (0x02, 0x07 | 0x09) => {
            scan.skip(1)?;
            scan.expect(&[0])?;
            endpoint(scan)
        }
        // Channel and status.
        (0x02, _) => {
            scan.skip(1)?;
            scan.u8_if(|status| status <= 0x2f).map(drop)
        }
        // Length of the connection header, channel, sequence.
        (0x03 | 0x04, _) | (0x05, 0x31) => scan.expect(&[4]),
        (0x05, 0x32) => scan.expect(&[6]),
        // A cEMI message code.
        (0x05, _) => scan.u8_if(|code| matches!(code, 0x10 | 0x11 | 0x29 | 0x2b | 0x2d..=0x2f)).map(drop),
        _ => scan.skip(1),
    }
}

/// A host protocol address: its length, UDP or TCP over IPv4, address and port.
fn endpoint(scan: &mut Scan<'_>) -> Step<()> {
    scan.expect(&[8])?;
    scan.u8_if(|protocol| matches!(protocol, 1 | 2))?;
    scan.skip(6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const ENDPOINT: &[u8] = &[8, 1, 192, 0, 2, 1, 0x0e, 0x57];

    fn framed(service: u16, body: &[&[u8]]) -> Vec<u8> {
        let body = body.concat();
        let total = (body.len() as u16 + 6).to_be_bytes();
        [&[6, 0x10][..], &service.to_be_bytes(), &total, &body].concat()
    }

    fn messages() -> Vec<Vec<u8>> {
        vec![
            framed(0x0201, &[ENDPOINT]),
            framed(0x0202, &[ENDPOINT, &[0x36, 1], &[2; 52], &[4, 2, 2, 1]]),
            framed(0x0203, &[ENDPOINT]),
            framed(0x0204, &[&[0x36, 1], &[2; 52], &[4, 2, 2, 1]]),
            framed(0x0205, &[ENDPOINT, ENDPOINT, &[4, 4, 2, 0]]),
            framed(0x0206, &[&[0x15, 0], ENDPOINT, &[4, 4, 0x11, 1]]),
            framed(0x0206, &[&[0, 0x24]]),
            framed(0x0207, &[&[0x15, 0], ENDPOINT]),
            framed(0x0208, &[&[0x15, 0]]),
            framed(0x0420, &[&[4, 0x15, 0, 0, 0x11, 0, 0xbc, 0xe0, 0, 0, 8, 1, 1, 0, 0x81]]),
            framed(0x0421, &[&[4, 0x15, 0, 0]]),
            framed(0x0530, &[&[0x29, 0, 0xbc, 0xd0, 0x11, 1, 8, 1, 1, 0, 0x81]]),
            framed(0x0951, &[&[8, 2, 0, 0, 0, 0, 0, 0], &[7; 32]]),
        ]
    }

    #[test]
    fn services_of_both_sides() {
        for message in messages() {
            Trial::tcp(check).client_proves(&message, Proof::Structure);
            Trial::udp(check).client_proves(&message, Proof::Structure);
            Trial::udp(check).server_proves(&message, Proof::Structure);
        }
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let search = framed(0x0201, &[ENDPOINT]);
        for (offset, value) in [(0, 7), (1, 0x20), (2, 1), (3, 0), (5, 15), (6, 9), (7, 3)] {
            let mut wrong = search.clone();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.client(&search[..13]), Match::No);
        assert_eq!(udp.both(&search, b"raw data"), Match::No);
        // RMCP begins with a six too.
        assert_eq!(udp.client(&[6, 0, 0xff, 7, 0, 0]), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
