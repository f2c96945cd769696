//! pana: the Protocol for Carrying Authentication for Network Access.
//!
//! Specification: RFC 5191, section 6 (header and attribute-value pairs), 7 (messages) and 8. A reserved field, a length that
//! is the datagram's, a message type, and pairs that chain to the end prove it, from either side.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Pana,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

const HEADER: usize = 16;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, datagram, datagram)
}

fn datagram(message: Message<'_>) -> Step<Proof> {
    /// Request, start, complete, re-authentication, ping, address reconfiguration.
    const FLAGS: u16 = 0xfc00;
    let mut scan = message.scan();
    scan.expect(&[0, 0])?;
    let length = usize::from(scan.u16_be()?);
    require(length == message.total && length >= HEADER && length.is_multiple_of(4))?;
    let flags = scan.u16_be()?;
    require(flags & !FLAGS == 0)?;
    // Initiation, authentication, termination, notification; relay (RFC 6345).
    scan.be(2, 1..=5)?;
    // Session and sequence.
    scan.skip(4 + 4)?;
    match pairs(&mut scan, length - HEADER) {
        // The rest is beyond what is kept.
        Ok(()) | Err(Stop::Short) => Ok(Proof::Structure),
        Err(Stop::Wrong) => Err(Stop::Wrong),
    }
}

/// Attribute-value pairs (section 6.3) that fill `room`.
fn pairs(scan: &mut Scan<'_>, mut room: usize) -> Step<()> {
    const VENDOR: u16 = 0x8000;
    const PAIR: usize = 8;
    const MOST: usize = 64;
    for _ in 0..MOST {
        if room == 0 {
            return Ok(());
        }
        scan.be(2, 1..=0xffff)?;
        let flags = scan.u16_be()?;
        require(flags & !VENDOR == 0)?;
        let length = usize::from(scan.u16_be()?);
        scan.expect(&[0, 0])?;
        let vendor = if flags & VENDOR != 0 { 4 } else { 0 };
        let value = vendor + length.next_multiple_of(4);
        room = room.checked_sub(PAIR + value).ok_or(Stop::Wrong)?;
        scan.skip(value)?;
    }
    Err(Stop::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn message(flags: u8, kind: u8, pairs: &[u8]) -> Vec<u8> {
        let length = (16 + pairs.len() as u16).to_be_bytes();
        let head = [0, 0, length[0], length[1], flags, 0, 0, kind, 0, 0, 0, 7, 0x51, 0x52, 0x53, 0x54];
        [&head[..], pairs].concat()
    }

    #[test]
    fn messages_of_both_sides() {
        let udp = Trial::udp(check);
        let initiation = message(0, 1, &[]);
        let start = message(0xc0, 2, b"\0\x06\0\0\0\x04\0\0\0\0\0\x02\0\x03\0\0\0\x04\0\0\0\0\0\x0c");
        let eap = message(0x80, 2, b"\0\x02\0\0\0\x05\0\0\x01\x01\0\x05\x01\0\0\0");
        for message in [&initiation, &start, &eap] {
            udp.client_proves(message, Proof::Structure);
            udp.server_proves(message, Proof::Structure);
        }
        assert_eq!(udp.both(&initiation, &start), Match::Yes(Proof::Structure));
        let long = message(0x80, 2, &[&[0, 2, 0, 0, 3, 0xe8, 0, 0][..], &[9; 1000]].concat());
        udp.client_proves(&long, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let eap = message(0x80, 2, b"\0\x02\0\0\0\x05\0\0\x01\x01\0\x05\x01\0\0\0");
        for (offset, value) in [(0, 1), (3, 28), (5, 1), (6, 1), (7, 0), (7, 9), (18, 1), (21, 9), (23, 1)] {
            let mut wrong = eap.clone();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.client(&[0; 64]), Match::No);
        assert_eq!(udp.both(&eap, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::udp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
