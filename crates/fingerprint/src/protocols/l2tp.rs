//! l2tp: the Layer Two Tunneling Protocol, version 2: RFC 2661, sections 3.1 and 4.1; version 3 over UDP: RFC 3931,
//! sections 3.2.1 and 4.1.2.
//!
//! Proven from either side by a control header whose length is the datagram's and that is either empty or begins with the
//! message type; or by PPP behind a data header.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::L2tp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        &[(0, |first| first == CONTROL), (1, |version| matches!(version, 2 | 3))],
        &[(0, is_data), (1, |version| version == 2)],
    ],
    stream: &[],
    check,
};

const LENGTH: u8 = 0x40;
const SEQUENCE: u8 = 0x08;
const OFFSET: u8 = 0x02;
const PRIORITY: u8 = 0x01;
/// Type, length and sequence bits, which control messages must have.
const CONTROL: u8 = 0x80 | LENGTH | SEQUENCE;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let flags = scan.u8()?;
    let version = scan.u8_if(|version| matches!(version, 2 | 3))?;
    if flags == CONTROL {
        return control(&mut scan, message.total);
    }
    require(version == 2 && is_data(flags))?;
    data(&mut scan, flags, message.total)
}

/// Data, with any optional parts.
const fn is_data(flags: u8) -> bool {
    flags & !(LENGTH | SEQUENCE | OFFSET | PRIORITY) == 0
}

/// Length, ids, counters; then nothing, or attributes, the first of which is the message type: mandatory, eight bytes,
/// no vendor, type 0.
fn control(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const HEADER_LEN: usize = 12;
    const TYPE_LAST: u64 = 29;
    scan.be(2, total as u64..=total as u64)?;
    scan.skip(8)?;
    if total > HEADER_LEN {
        scan.expect(&[0x80, 8, 0, 0, 0, 0])?;
        scan.be(2, 1..=TYPE_LAST)?;
    }
    Ok(Proof::Structure)
}

fn data(scan: &mut Scan<'_>, flags: u8, total: usize) -> Step<Proof> {
    if flags & LENGTH != 0 {
        scan.be(2, total as u64..=total as u64)?;
    }
    // Tunnel and session.
    scan.be(2, 1..=0xffff)?;
    scan.be(2, 1..=0xffff)?;
    if flags & SEQUENCE != 0 {
        scan.skip(4)?;
    }
    if flags & OFFSET != 0 {
        let padding = scan.be(2, 0..=64)?;
        scan.skip(padding as usize)?;
    }
    // Address and control of PPP (RFC 1662), and the number of a protocol that most links carry.
    scan.expect(&[0xff, 0x03])?;
    let protocol = scan.u16_be()?;
    require(matches!(
        protocol,
        0x0021
            | 0x0057
            | 0x0281
            | 0x8021
            | 0x8057
            | 0x80fd
            | 0x80fb
            | 0x8281
            | 0xc021
            | 0xc023
            | 0xc025
            | 0xc223
            | 0xc227
    ))?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const REQUEST: &[u8] = b"\xc8\x02\0\x1c\0\0\0\0\0\0\0\0\x80\x08\0\0\0\0\0\x01\x80\x08\0\0\0\x02\x01\0";

    #[test]
    fn control_messages() {
        let udp = Trial::udp(check);
        udp.client_proves(REQUEST, Proof::Structure);
        udp.server_proves(b"\xc8\x02\0\x0c\0\x07\0\0\0\x01\0\x01", Proof::Structure);
        udp.client_proves(b"\xc8\x03\0\x14\0\0\0\0\0\0\0\0\x80\x08\0\0\0\0\0\x01", Proof::Structure);
    }

    #[test]
    fn data_messages() {
        let udp = Trial::udp(check);
        udp.client_proves(b"\x40\x02\0\x0e\0\x01\0\x01\xff\x03\xc0\x21\x01\x01", Proof::Structure);
        udp.client_proves(b"\0\x02\0\x01\0\x01\xff\x03\0\x21\x45\0", Proof::Structure);
        udp.server_proves(b"\x02\x02\0\x01\0\x01\0\0\xff\x03\0\x21\x45\0", Proof::Structure);
        assert_eq!(udp.client(b"\0\x02\0\x01\0\x01\xff\x03\0\x22\x45\0"), Match::No);
        assert_eq!(udp.client(b"\x40\x02\0\x0d\0\x01\0\x01\xff\x03\xc0\x21\x01\x01"), Match::No);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 0x88), (0, 0xc0), (1, 4), (3, 0x1d), (12, 0), (13, 9), (17, 1), (19, 99)] {
            let mut wrong = REQUEST.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.both(REQUEST, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
