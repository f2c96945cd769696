//! pfcp: Packet Forwarding Control Protocol: 3GPP TS 29.244, sections 7.2.2 (header), 7.3 (message types), 8.1 (elements).
//!
//! Proven from either side by structure: version and flags, a type that has a session or has none, a length that is the
//! datagram's, and elements that fill it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Pfcp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| is_version_and_flags(byte))]],
    stream: &[],
    check,
};

/// More messages follow in the same datagram; the message has a priority; it has a session's id.
const FOLLOW_ON: u8 = 0x04;
const PRIORITY: u8 = 0x02;
const SESSION: u8 = 0x01;

/// Version 1, two spare bits.
const fn is_version_and_flags(byte: u8) -> bool {
    byte & !(FOLLOW_ON | PRIORITY | SESSION) == 0x20
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    const UNCOUNTED: usize = 4;
    const VERSION_NOT_SUPPORTED: u8 = 11;
    const DELETION_REQUEST: u8 = 54;
    let mut scan = message.scan();
    let flags = scan.u8_if(is_version_and_flags)?;
    let has_session = flags & SESSION != 0;
    let kind = scan.u8_if(|kind| matches!((kind, has_session), (1..=17, false) | (50..=57, true)))?;
    let counted = message.total.checked_sub(UNCOUNTED).ok_or(Stop::Wrong)? as u64;
    let follows = flags & FOLLOW_ON != 0;
    let length = scan.be(2, if follows { 0 } else { counted }..=counted)? as usize;
    let mut body = scan.part(length)?;
    if has_session {
        body.skip(8)?;
    }
    // Sequence number; a priority in four bits, or nothing.
    body.skip(3)?;
    body.u8_if(|spare| spare & 0x0f == 0 && (spare == 0 || flags & PRIORITY != 0))?;
    match elements(&mut body) {
        Ok(0) => require(matches!(kind, VERSION_NOT_SUPPORTED | DELETION_REQUEST))?,
        Err(Stop::Wrong) => return Err(Stop::Wrong),
        _ => {}
    }
    Ok(Proof::Structure)
}

/// How many there are: type, length, value; those of an enterprise begin with its number.
fn elements(body: &mut Scan<'_>) -> Step<usize> {
    const KNOWN: u64 = 1023;
    const ENTERPRISE: u16 = 0x8000;
    let mut count = 0;
    while !body.is_empty() {
        let kind = body.u16_be()?;
        require(kind >= ENTERPRISE || (1..=KNOWN).contains(&u64::from(kind)))?;
        let length = body.u16_be()?;
        require(kind < ENTERPRISE || length >= 2)?;
        body.skip(usize::from(length))?;
        count += 1;
    }
    if body.is_whole() { Ok(count) } else { Err(Stop::Short) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const HEARTBEAT: &[u8] = b"\x20\x01\0\x0c\0\0\x01\0\0\x60\0\x04\xe1\x23\x45\x67";
    const DELETION: &[u8] = b"\x21\x36\0\x0c\0\0\0\0\0\0\0\x01\0\0\x02\0";
    const DELETED: &[u8] = b"\x21\x37\0\x11\0\0\0\0\0\0\0\x02\0\0\x02\0\0\x13\0\x01\x01";

    #[test]
    fn requests_and_responses() {
        let udp = Trial::udp(check);
        udp.client_proves(HEARTBEAT, Proof::Structure);
        udp.server_proves(b"\x20\x02\0\x0c\0\0\x01\0\0\x60\0\x04\xe1\x23\x45\x67", Proof::Structure);
        udp.client_proves(DELETION, Proof::Structure);
        udp.server_proves(DELETED, Proof::Structure);
        udp.server_proves(b"\x20\x0b\0\x04\0\0\x01\0", Proof::Structure);
        let mut bundle = HEARTBEAT.to_vec();
        bundle[0] |= FOLLOW_ON;
        udp.client_proves(&[&bundle[..], HEARTBEAT].concat(), Proof::Structure);
        let long = [&b"\x20\x05\x02\x08\0\0\x01\0\0\x3c\x02\0"[..], &[7; 512]].concat();
        udp.client_proves(&long, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 0x30), (0, 0x21), (1, 50), (1, 99), (3, 11), (7, 1), (9, 0), (11, 5), (11, 3)]
        {
            let mut wrong = HEARTBEAT.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        // A heartbeat without its element; GTP of version 1.
        assert_eq!(udp.client(b"\x20\x01\0\x04\0\0\x01\0"), Match::No);
        assert_eq!(udp.client(b"\x32\x01\0\x04\0\0\0\0\x12\x34\0\0"), Match::No);
        assert_eq!(udp.both(HEARTBEAT, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
