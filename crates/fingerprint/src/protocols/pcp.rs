//! pcp: the Port Control Protocol: RFC 6887, sections 7.1 and 7.2 (headers), 11.1 (MAP) and 12.1 (PEER).
//!
//! Proven by structure: version, operation, reserved zeros, an address, and the length that the operation has. Which
//! side sent a message shows in it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Pcp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == VERSION)]],
    stream: &[],
    check,
};

const VERSION: u8 = 2;
const HEADER_LEN: usize = 24;
const ANNOUNCE: u8 = 0;
const MAP: u8 = 1;
const PEER: u8 = 2;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh_either_way(exchange, |message| packet(message, false), |message| packet(message, true))
}

fn packet(message: Message<'_>, response: bool) -> Step<Proof> {
    const PACKET_MAX: usize = 1100;
    const RESULT_LAST: u8 = 13;
    let mut scan = message.scan();
    require(message.total.is_multiple_of(4) && message.total <= PACKET_MAX)?;
    scan.expect(&[VERSION])?;
    let operation = scan.u8_if(|code| code & 0x7f <= PEER && (code & 0x80 != 0) == response)? & 0x7f;
    scan.expect(&[0])?;
    scan.u8_if(|result| if response { result <= RESULT_LAST } else { result == 0 })?;
    if response {
        // Lifetime, epoch; reserved.
        scan.skip(4 + 4)?;
        scan.expect(&[0; 12])?;
    } else {
        let lifetime = scan.u32_be()?;
        require(operation != ANNOUNCE || lifetime == 0)?;
        require(is_address(scan.take(16)?))?;
    }
    body(&mut scan, operation, message.total)?;
    Ok(Proof::Structure)
}

/// IPv4, mapped, or IPv6 of the kinds that hosts have.
fn is_address(address: &[u8]) -> bool {
    let mapped = address.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    mapped || matches!(address.first(), Some(0x20..=0x3f | 0xfc..=0xfe))
}

/// Nonce, protocol, reserved, ports, external address; PEER has the remote one too. Options may follow.
fn body(scan: &mut Scan<'_>, operation: u8, total: usize) -> Step<()> {
    let least = match operation {
        MAP => 36,
        PEER => 56,
        _ => 0,
    };
    let options = total.checked_sub(HEADER_LEN + least).ok_or(Stop::Wrong)?;
    require(options == 0 || options >= 4)?;
    if operation != ANNOUNCE {
        scan.skip(12 + 1)?;
        scan.expect(&[0; 3])?;
        scan.skip(2 + 2)?;
        let external = scan.take(16)?;
        require(is_address(external) || external == [0; 16])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn map(response: bool) -> Vec<u8> {
        let mut packet = if response {
            [&b"\x02\x81\0\0\0\0\x1c\x20\0\0\x01\x02"[..], &[0; 12]].concat()
        } else {
            [&b"\x02\x01\0\0\0\0\x1c\x20"[..], &[0; 10], &[0xff, 0xff, 192, 168, 1, 9]].concat()
        };
        packet.extend(b"abcdefghijkl\x06\0\0\0\x1f\x90\x1f\x90");
        packet.extend([0; 10]);
        packet.extend([0xff, 0xff, 0, 0, 0, 0]);
        packet
    }

    #[test]
    fn requests_and_responses() {
        let udp = Trial::udp(check);
        udp.client_proves(&map(false), Proof::Structure);
        udp.server_proves(&map(true), Proof::Structure);
        udp.client_proves(&map(true), Proof::Structure);
        assert_eq!(udp.both(&map(false), &map(true)), Match::Yes(Proof::Structure));
        let announce = [&[2, 0, 0, 0, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8][..], &[1; 12]].concat();
        udp.client_proves(&announce, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 1), (1, 4), (2, 1), (3, 1), (18, 0), (37, 1)] {
            let mut wrong = map(false);
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        let mut reserved = map(true);
        reserved[20] = 1;
        assert_eq!(udp.server(&reserved), Match::No);
        assert_eq!(udp.client(&map(false)[..56]), Match::No);
        // RIP, whose entries may look like an address.
        let route = b"\0\x02\0\0\x2c\0\0\0\xff\0\0\0\0\0\0\0\0\0\0\x01".repeat(5);
        assert_eq!(udp.client(&[&[2, 2, 0, 0][..], &route].concat()), Match::No);
        assert_eq!(udp.both(&map(false), &map(false)), Match::No);
        assert_eq!(udp.both(&map(false), b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
