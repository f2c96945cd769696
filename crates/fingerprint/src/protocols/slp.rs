//! slp: the Service Location Protocol.
//!
//! Specifications: RFC 2165, section 4.1 (version 1), RFC 2608, section 8 (version 2), RFC 3224 (extensions). The
//! header proves it, from either side: version, function, length, reserved flags, and a language.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Slp,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, 1 | 2))]],
    stream: &[],
    check,
};

/// The reply did not fit; also version 1's place of it.
const OVERFLOW: u8 = 0x80;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, header, header)
}

fn header(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let version = scan.u8_if(|version| matches!(version, 1 | 2))?;
    let (length, flags) = if version == 1 { version_1(&mut scan)? } else { version_2(&mut scan)? };
    require(!message.is_datagram() || message.total == length || flags & OVERFLOW != 0)?;
    Ok(Proof::Structure)
}

/// Function, length, flags; dialect, language, character encoding, transaction.
fn version_1(scan: &mut Scan<'_>) -> Step<(usize, u8)> {
    const HEADER: u64 = 12;
    const RESERVED: u8 = 0x0f;
    scan.u8_if(|function| (1..=10).contains(&function))?;
    let length = scan.be(2, HEADER..=0xffff)? as usize;
    let flags = scan.u8_if(|flags| flags & RESERVED == 0)?;
    scan.expect(&[0])?;
    for _ in 0..2 {
        scan.u8_if(|letter| letter.is_ascii_alphabetic())?;
    }
    // A number of IANA's registry: US-ASCII is the first, UTF-7 and its like near the last.
    scan.be(2, 3..=2300)?;
    scan.skip(2)?;
    Ok((length, flags))
}

/// Function, length, flags; offset of an extension, transaction, language tag.
fn version_2(scan: &mut Scan<'_>) -> Step<(usize, u8)> {
    const HEADER: u64 = 14;
    const RESERVED: u8 = 0x1f;
    scan.u8_if(|function| (1..=11).contains(&function))?;
    let length = scan.be(3, HEADER + 2..=0xff_ffff)?;
    let flags = scan.u8_if(|flags| flags & RESERVED == 0)?;
    scan.expect(&[0])?;
    scan.be(3, 0..=length)?;
    scan.skip(2)?;
    let language = scan.be(2, 1..=(length - HEADER).min(35))?;
    for _ in 0..language {
        scan.u8_if(|byte| byte.is_ascii_alphanumeric() || byte == b'-')?;
    }
    Ok((length as usize, flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn version_2_of(function: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let length = 16 + body.len() as u8;
        let head = [2, function, 0, 0, length, flags, 0, 0, 0, 0, 0x12, 0x34, 0, 2, b'e', b'n'];
        [&head[..], body].concat()
    }

    fn version_1_of(function: u8, body: &[u8]) -> Vec<u8> {
        let length = 12 + body.len() as u8;
        [&[1, function, 0, length, 0, 0, b'e', b'n', 0, 3, 0x12, 0x34], body].concat()
    }

    #[test]
    fn messages_of_both_versions() {
        for message in [
            version_2_of(1, 0x20, b"\0\0\0\x15service:service-agent\0\x07default\0\0\0\0"),
            version_2_of(2, 0, b"\0\0\0\x01\0\xff\xff\0\x04http\0"),
            version_2_of(9, 0x40, b"\0\0\xff\xff\0\0\0\0"),
            version_1_of(1, b"\0\0\0\x05http:\0\0"),
            version_1_of(2, b"\0\0\0\x01\xff\xff\0\x04http"),
        ] {
            Trial::udp(check).client_proves(&message, Proof::Structure);
            Trial::udp(check).server_proves(&message, Proof::Structure);
            Trial::tcp(check).client_proves(&message, Proof::Structure);
        }
        let mut cut = version_2_of(2, 0x80, b"\0\0\0\x09");
        cut[3] = 5;
        Trial::udp(check).server_proves(&cut, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let request = version_2_of(1, 0x20, b"\0\0\0\x15service:service-agent\0\x07default\0\0\0\0");
        for (offset, value) in [(0, 3), (1, 12), (4, 9), (5, 1), (6, 1), (13, 0), (14, b'/')] {
            let mut wrong = request.clone();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        let request = version_1_of(1, b"\0\0\0\x05http:\0\0");
        for (offset, value) in [(1, 11), (3, 9), (4, 1), (5, 1), (6, 0), (8, 0x80)] {
            let mut wrong = request.clone();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.both(&request, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
