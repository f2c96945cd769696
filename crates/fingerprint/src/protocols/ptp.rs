//! ptp: the Precision Time Protocol.
//!
//! Specifications: IEEE 1588-2002, annex D (version 1); IEEE 1588-2008 and 1588-2019, clause 13 (messages), annexes D and E
//! (UDP). A header whose version, type and length agree, and a time that is one, prove it. Every station sends the
//! same.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ptp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        &[(0, is_first), (1, |version| matches!(version, 0x02 | 0x12))],
        &[(0, |byte| byte == 0), (1, |version| version == 1), (2, |byte| byte == 0), (3, |byte| byte == 1)],
    ],
    stream: &[],
    check,
};

const SYNC: u8 = 0x0;
const DELAY_REQ: u8 = 0x1;
const PDELAY_REQ: u8 = 0x2;
const PDELAY_RESP: u8 = 0x3;
const FOLLOW_UP: u8 = 0x8;
const DELAY_RESP: u8 = 0x9;
const PDELAY_RESP_FOLLOW_UP: u8 = 0xa;
const ANNOUNCE: u8 = 0xb;
const SIGNALING: u8 = 0xc;
const MANAGEMENT: u8 = 0xd;

/// The profile, of which three are assigned, and the type; version 1 begins with a zero.
const fn is_first(byte: u8) -> bool {
    byte >> 4 <= 2 && matches!(byte & 0xf, SYNC..=PDELAY_RESP | FOLLOW_UP..=MANAGEMENT)
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message_of, message_of)
}

fn message_of(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.rest().starts_with(&[0, 1, 0, 1]) {
        version_1(&mut scan, message.total)?
    } else {
        version_2(&mut scan, message.total)?
    }
    Ok(Proof::Structure)
}

/// IEEE 1588-2008, clause 13.3.
fn version_2(scan: &mut Scan<'_>, total: usize) -> Step<()> {
    let kind = scan.u8_if(is_first)? & 0xf;
    let version = scan.u8_if(|version| matches!(version, 0x02 | 0x12))?;
    let length = usize::from(scan.u16_be()?);
    // Over IPv6 two octets are added (annex E).
    require(length == total || length + 2 == total)?;
    let (least, control) = match kind {
        SYNC => (44, 0),
        DELAY_REQ => (44, 1),
        FOLLOW_UP => (44, 2),
        DELAY_RESP => (54, 3),
        PDELAY_REQ | PDELAY_RESP | PDELAY_RESP_FOLLOW_UP => (54, 5),
        ANNOUNCE => (64, 5),
        SIGNALING => (44, 5),
        MANAGEMENT => (48, 4),
        _ => return Err(Stop::Wrong),
    };
    require(length >= least)?;
    // Domain, profile, flags, correction; what 2008 reserves.
    scan.skip(1 + 1 + 2 + 8)?;
    let reserved = scan.u32_be()?;
    require(version != 0x02 || reserved == 0)?;
    // Port identity and sequence; the control of version 1, or none; the interval.
    scan.skip(10 + 2)?;
    scan.u8_if(|octet| octet == control || octet == 0)?;
    scan.skip(1)?;
    if kind == SIGNALING || kind == MANAGEMENT {
        return Ok(());
    }
    // Seconds, whose upper half is zero for long, and nanoseconds.
    scan.expect(&[0, 0])?;
    scan.skip(4)?;
    scan.be(4, 0..=999_999_999).map(drop)
}

/// IEEE 1588-2002, annex D.1: versions, subdomain, type, source, sequence, control, flags.
fn version_1(scan: &mut Scan<'_>, total: usize) -> Step<()> {
    const EVENT: u8 = 1;
    const GENERAL: u8 = 2;
    scan.skip(4)?;
    scan.u8_if(|byte| byte.is_ascii_graphic())?;
    for _ in 0..15 {
        scan.u8_if(|byte| byte == 0 || byte.is_ascii_graphic())?;
    }
    let kind = scan.u8_if(|kind| matches!(kind, EVENT | GENERAL))?;
    // Communication technology, clock, port, sequence.
    scan.skip(1 + 6 + 2 + 2)?;
    let control = scan.u8()?;
    scan.skip(1 + 2)?;
    require(match (kind, control) {
        (EVENT, 0 | 1) => total == 124,
        (GENERAL, 2) => total == 52,
        (GENERAL, 3) => total == 60,
        (GENERAL, 4) => total >= 48,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn version_2_of(kind: u8, control: u8, length: usize) -> Vec<u8> {
        let mut message = vec![kind, 2, 0, length as u8, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        message.extend([0, 0x1b, 0x19, 0xff, 0xfe, 0, 0, 1, 0, 1, 0, 9, control, 0]);
        message.extend([0, 0, 0x45, 0xb1, 0x11, 0x51, 0x29, 0x2d, 0xd8, 0]);
        message.resize(length, 0);
        message
    }

    fn version_1_of(kind: u8, control: u8, length: usize) -> Vec<u8> {
        let mut message = b"\0\x01\0\x01_DFLT\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        message.extend([kind, 1, 0, 0x1b, 0x19, 1, 2, 3, 0, 1, 0, 9, control, 0, 0, 8]);
        message.resize(length, 0);
        message
    }

    #[test]
    fn messages() {
        let udp = Trial::udp(check);
        for (kind, control, length) in [
            (0, 0, 44),
            (0x10, 0, 44),
            (1, 1, 44),
            (2, 5, 54),
            (8, 2, 44),
            (8, 0, 76),
            (9, 3, 54),
            (0xb, 5, 64),
            (0xc, 5, 52),
            (0xd, 4, 54),
        ] {
            let mut message = version_2_of(kind, control, length);
            udp.client_proves(&message, Proof::Structure);
            udp.server_proves(&message, Proof::Structure);
            message[1] = 0x12;
            udp.client_proves(&message, Proof::Structure);
            message.extend([0, 0]);
            udp.client_proves(&message, Proof::Structure);
        }
        for (kind, control, length) in [(1, 0, 124), (1, 1, 124), (2, 2, 52), (2, 3, 60), (2, 4, 136)] {
            udp.client_proves(&version_1_of(kind, control, length), Proof::Structure);
        }
    }

    #[test]
    fn a_long_follow_up_is_no_reset_of_openvpn() {
        use crate::answer::Answer;
        use crate::identify::{Stage, identify};
        let talk = crate::talk::Talk::udp().client(&version_2_of(8, 2, 76));
        let answer = identify(&talk.exchange(), Stage::Open);
        assert_eq!(answer, Answer::Identified(Protocol::Ptp, Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let offsets = [(0, 4), (0, 0x40), (1, 3), (3, 45), (16, 1), (32, 1), (34, 1), (40, 0x3c)];
        for (offset, value) in offsets {
            let mut wrong = version_2_of(0, 0, 44);
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.client(&version_1_of(1, 2, 52)), Match::No);
        assert_eq!(udp.client(&version_1_of(2, 2, 60)), Match::No);
        assert_eq!(udp.client(&version_2_of(0, 0, 44)[..43]), Match::No);
        assert_eq!(udp.both(&version_2_of(1, 1, 44), b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::udp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
