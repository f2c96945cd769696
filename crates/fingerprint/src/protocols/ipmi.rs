//! ipmi: IPMI over LAN, and the Alert Standard Format that it shares RMCP with.
//!
//! Specifications: DMTF DSP0136 (ASF 2.0), section 3.2 (RMCP, presence); IPMI 2.0, section 13 (messages, sessions of 1.5 and
//! RMCP+). The RMCP header, and in it a length that is the datagram's, prove it, from either side.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ipmi,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == VERSION)]],
    stream: &[],
    check,
};

/// ASF's version of RMCP.
const VERSION: u8 = 6;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, datagram, datagram)
}

fn datagram(message: Message<'_>) -> Step<Proof> {
    const ASF: u8 = 6;
    const IPMI: u8 = 7;
    /// The RMCP layer's own acknowledgement, which is all of a datagram.
    const ASF_ACKNOWLEDGED: u8 = 0x86;
    let mut scan = message.scan();
    scan.expect(&[VERSION, 0])?;
    scan.skip(1)?;
    match scan.u8()? {
        ASF => asf(&mut scan, message.total)?,
        IPMI => ipmi(&mut scan, message.total)?,
        // Proves nothing.
        ASF_ACKNOWLEDGED if message.total == 4 => return Err(Stop::Short),
        _ => return Err(Stop::Wrong),
    }
    Ok(Proof::Structure)
}

/// ASF's enterprise number, type, tag, reserved, length.
fn asf(scan: &mut Scan<'_>, total: usize) -> Step<()> {
    const HEADER: usize = 12;
    scan.expect(&[0, 0, 0x11, 0xbe])?;
    scan.u8_if(|kind| kind != 0)?;
    scan.skip(1)?;
    scan.expect(&[0])?;
    let length = usize::from(scan.u8()?);
    require(HEADER + length == total)
}

fn ipmi(scan: &mut Scan<'_>, total: usize) -> Step<()> {
    /// None, MD2, MD5, password, OEM; RMCP+.
    const NONE: u8 = 0;
    const PLUS: u8 = 6;
    match scan.u8_if(|authentication| matches!(authentication, 0 | 1 | 2 | 4 | 5 | PLUS))? {
        PLUS => plus(scan, total),
        authentication => {
            let code = if authentication == NONE { 0 } else { 16 };
            scan.skip(4 + 4 + code)?;
            let length = usize::from(scan.u8()?);
            // Some lengths are padded for the sake of old network controllers (IPMI 2.0, section 13.6).
            let header = 14 + code;
            require(header + length == total || header + length + 1 == total)?;
            message(scan, length)
        }
    }
}

/// Payload type, session, sequence, length; behind an authenticated payload its trailer (section 13.6).
fn plus(scan: &mut Scan<'_>, total: usize) -> Step<()> {
    const AUTHENTICATED: u8 = 0x40;
    const TYPE: u8 = 0x3f;
    const OEM: u8 = 2;
    let flags = scan.u8_if(|flags| matches!(flags & TYPE, 0..=2 | 0x10..=0x15 | 0x20..=0x27))?;
    let oem = if flags & TYPE == OEM { 6 } else { 0 };
    scan.skip(oem + 4 + 4)?;
    let length = usize::from(scan.u16_le()?);
    let rest = total.checked_sub(16 + oem + length).ok_or(Stop::Wrong)?;
    require(if flags & AUTHENTICATED != 0 { (2..=64).contains(&rest) } else { rest <= 1 })
}

/// Address, network function, their checksum (section 13.8).
fn message(scan: &mut Scan<'_>, length: usize) -> Step<()> {
    /// Both checksums, both addresses, both functions, the command.
    const LEAST: usize = 7;
    require(length >= LEAST)?;
    let header = scan.take(3)?;
    require(header.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const PING: &[u8] = &[6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 0, 0, 0];
    const PONG: &[u8] = &[
        6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x40, 0, 0, 0x10, 0, 0, 0x11, 0xbe, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0,
        0, 0,
    ];
    /// Get Channel Authentication Capabilities.
    const CAPABILITIES: &[u8] =
        &[6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x20, 0x18, 0xc8, 0x81, 0, 0x38, 0x8e, 4, 0xb5];
    /// RMCP+ Open Session Request.
    const OPEN: &[u8] = &[
        6, 0, 0xff, 7, 6, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0xa4, 0xa3, 0xa2, 0xa0, 0, 0, 0,
        8, 1, 0, 0, 0, 1, 0, 0, 8, 1, 0, 0, 0, 2, 0, 0, 8, 1, 0, 0, 0,
    ];

    #[test]
    fn messages_of_both_sides() {
        let udp = Trial::udp(check);
        for message in [PING, PONG, CAPABILITIES, OPEN] {
            udp.client_proves(message, Proof::Structure);
            udp.server_proves(message, Proof::Structure);
        }
        assert_eq!(udp.both(PING, PONG), Match::Yes(Proof::Structure));
        let mut session = vec![6, 0, 0xff, 7, 2, 1, 0, 0, 0, 9, 9, 9, 9];
        session.extend([0x5a; 16]);
        session.extend([9, 0x20, 0x18, 0xc8, 0x81, 4, 0x3b, 4, 0x3c, 0]);
        udp.client_proves(&session, Proof::Structure);
        let mut sealed = vec![6, 0, 0xff, 7, 6, 0xc0, 9, 9, 9, 9, 1, 0, 0, 0, 32, 0];
        sealed.extend([0x5a; 32]);
        sealed.extend([0xff, 0xff, 2, 7]);
        sealed.extend([0x3c; 12]);
        udp.client_proves(&sealed, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (offset, value) in [(0, 7), (1, 1), (3, 8), (4, 3), (13, 7), (16, 0xc9)] {
            let mut wrong = CAPABILITIES.to_vec();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.client(&OPEN[..40]), Match::No);
        assert_eq!(udp.client(&PONG[..20]), Match::No);
        assert_eq!(udp.client(&[6, 0, 1, 0x86]), Match::Maybe);
        assert_eq!(udp.both(PING, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::udp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
