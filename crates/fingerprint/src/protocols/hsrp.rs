//! hsrp: Cisco's Hot Standby Router Protocol: RFC 2281, section 5 (version 1); version 2 as Cisco's documentation and
//! its routers have it, in types and lengths.
//!
//! Proven from either side by structure: an operation, a state, times, a reserved zero and authentication data that is
//! text padded with zeros, in a datagram of the length that it must have.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Hsrp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte <= 1)]],
    stream: &[],
    check,
};

const V1_LEN: usize = 20;
/// An MD5 digest behind the message: type 4, length 28.
const MD5_LEN: usize = 30;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.u8_if(|first| first <= 1)? == 1 {
        version_2(&mut scan, message.total)
    } else {
        version_1(&mut scan, message.total)
    }
}

fn version_1(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const ADVERTISE: u8 = 3;
    let operation = scan.u8_if(|operation| operation <= ADVERTISE)?;
    if operation == ADVERTISE {
        // Type 1, length 10; state, reserved, groups active and passive, reserved.
        require(total == 16)?;
        scan.expect(&[0, 1, 0, 10])?;
        scan.u8_if(|state| (1..=3).contains(&state))?;
        scan.expect(&[0])?;
        return Ok(Proof::Structure);
    }
    require(total == V1_LEN || total == V1_LEN + MD5_LEN)?;
    // Initial, learn, listen, speak, standby, active.
    scan.u8_if(|state| matches!(state, 0 | 1 | 2 | 4 | 8 | 16))?;
    let hello = scan.u8_if(|time| time > 0)?;
    scan.u8_if(|hold| hold >= hello)?;
    scan.skip(2)?;
    scan.expect(&[0])?;
    password(scan)?;
    scan.skip(4)?;
    if total > V1_LEN {
        scan.expect(&[4, 28, 1])?;
    }
    Ok(Proof::Structure)
}

/// Text, padded with zeros.
fn password(scan: &mut Scan<'_>) -> Step<()> {
    let password = scan.take(8)?;
    let end = password.iter().position(|&byte| byte == 0).unwrap_or(password.len());
    let (text, padding) = password.split_at(end);
    require(text.iter().all(u8::is_ascii_graphic) && padding.iter().all(|&byte| byte == 0))
}

/// Behind type 1: length 40, version 2, operation, state, IP version, group, identifier, priority, times in
/// milliseconds, address. Authentication may follow: type 3, text; type 4, MD5.
fn version_2(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const GROUP_LEN: usize = 42;
    const TEXT_LEN: usize = 10;
    const DAY: u64 = 86_400_000;
    require(matches!(total.checked_sub(GROUP_LEN), Some(0 | TEXT_LEN | MD5_LEN)))?;
    scan.expect(&[40, 2])?;
    scan.u8_if(|operation| operation <= 3)?;
    scan.u8_if(|state| state <= 6)?;
    scan.u8_if(|version| matches!(version, 4 | 6))?;
    scan.be(2, 0..=4095)?;
    scan.skip(6)?;
    scan.be(4, 0..=255)?;
    scan.be(4, 1..=DAY)?;
    scan.be(4, 1..=DAY)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const HELLO: &[u8] = b"\0\0\x10\x03\x0a\x64\x01\0cisco\0\0\0\xc0\0\x02\xfe";

    fn second() -> Vec<u8> {
        let mut packet = vec![1, 40, 2, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 100];
        packet.extend([0, 0, 0x0b, 0xb8, 0, 0, 0x27, 0x10, 192, 0, 2, 254]);
        packet.extend([0; 12]);
        packet
    }

    #[test]
    fn both_versions() {
        let udp = Trial::udp(check);
        udp.client_proves(HELLO, Proof::Structure);
        udp.client_proves(&[HELLO, b"\x04\x1c\x01\0", &[7; 26]].concat(), Proof::Structure);
        udp.client_proves(b"\0\x03\0\x01\0\x0a\x02\0\0\x01\0\0\0\0\0\0", Proof::Structure);
        udp.client_proves(&second(), Proof::Structure);
        udp.server_proves(&[&second()[..], b"\x03\x08cisco\0\0\0"].concat(), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 2), (1, 4), (2, 3), (3, 0), (4, 2), (7, 1), (8, 1), (9, 0)] {
            let mut wrong = HELLO.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        for (at, value) in [(1, 41), (2, 1), (5, 5), (6, 0x20), (14, 1), (18, 99)] {
            let mut wrong = second();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "version 2, byte {at}");
        }
        assert_eq!(udp.client(&HELLO[..19]), Match::No);
        assert_eq!(udp.both(HELLO, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
