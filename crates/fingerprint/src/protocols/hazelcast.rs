//! hazelcast: the Hazelcast Open Binary Client Protocol.
//!
//! Specification: Hazelcast, "Open Binary Client Protocol" 1.x (Hazelcast 3) and 2.x (4 and 5). The client opens with `CB2` or
//! `CP2` and authenticates: three letters, the frame's length and flags, and the type of message prove it. Of the
//! server a response to that does.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Hazelcast,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// A message in one piece.
const UNFRAGMENTED: u8 = 0xc0;
/// No partition.
const NOWHERE: [u8; 4] = [0xff; 4];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, client, server)
}

fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"C")?;
    let is_second = scan.u8_if(|kind| matches!(kind, b'B' | b'P'))? == b'P';
    scan.expect(b"2")?;
    if is_second {
        // The first frame: length, flags, type (of Client: authentication, custom authentication), correlation, partition.
        scan.le(4, 22..=0x100)?;
        flags(&mut scan)?;
        scan.expect(&[0])?;
        scan.u8_if(|method| (1..=2).contains(&method))?;
        scan.expect(&[0, 0])?;
        scan.skip(8)?;
        scan.expect(&NOWHERE)?;
    } else {
        // Length, version, flags, type, correlation, partition, where data begins.
        scan.le(4, 22..=0x1_0000)?;
        scan.u8_if(|version| version <= 10)?;
        scan.expect(&[UNFRAGMENTED])?;
        scan.le(2, 1..=0x0f)?;
        scan.skip(8)?;
        scan.expect(&NOWHERE)?;
        scan.expect(&[22, 0])?;
    }
    Ok(Proof::Structure)
}

/// Flags of a whole message, and those that say what it is.
fn flags(scan: &mut Scan<'_>) -> Step<()> {
    const LOW: u8 = 0x00;
    /// Begin and end of the message; not the end of a data structure.
    const KNOWN: u8 = 0xe0;
    scan.expect(&[LOW])?;
    let high = scan.u8()?;
    require(high & UNFRAGMENTED == UNFRAGMENTED && high & !KNOWN == 0)
}

/// The response to an authentication, by its type and the length of its first frame or of all of it.
fn server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.le(4, 13..=0x1000)?;
    if scan.u8_if(|version| version <= 10)? == 0 && scan.rest().get(1) != Some(&107) {
        let high = scan.u8()?;
        require(high & UNFRAGMENTED == UNFRAGMENTED)?;
        scan.expect(&[1])?;
        scan.u8_if(|method| (1..=2).contains(&method))?;
        scan.expect(&[0, 0])?;
    } else {
        scan.expect(&[UNFRAGMENTED])?;
        // Authentication, or an exception.
        scan.u8_if(|kind| matches!(kind, 107 | 109))?;
        scan.expect(&[0])?;
        scan.skip(8)?;
        scan.expect(&NOWHERE)?;
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn second() -> Vec<u8> {
        let mut message = b"CP2\x28\0\0\0\0\xc0\0\x01\0\0\x01\0\0\0\0\0\0\0\xff\xff\xff\xff".to_vec();
        message.extend([0; 18]);
        message.extend(b"\x09\0\0\0\0\0dev");
        message
    }

    fn first() -> Vec<u8> {
        b"CB2\x7f\0\0\0\x01\xc0\x02\0\x01\0\0\0\0\0\0\0\xff\xff\xff\xff\x16\0\x03\0\0\0dev".to_vec()
    }

    #[test]
    fn authentications() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&second(), Proof::Structure);
        tcp.client_proves(&first(), Proof::Structure);
        let answer = b"\x38\0\0\0\0\xc0\x01\x01\0\0\x01\0\0\0\0\0\0\0\0";
        tcp.server_proves(answer, Proof::Structure);
        let old = b"\x7f\0\0\0\x01\xc0\x6b\0\x01\0\0\0\0\0\0\0\xff\xff\xff\xff\x16\0";
        tcp.server_proves(old, Proof::Structure);
        assert_eq!(tcp.both(&second(), answer), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"CB3\x7f\0\0\0"), Match::No);
        assert_eq!(tcp.client(b"CP2 robot"), Match::No);
        let mut partition = second();
        partition[21] = 0;
        assert_eq!(tcp.client(&partition), Match::No);
        let mut kind = second();
        kind[10] = 3;
        assert_eq!(tcp.client(&kind), Match::No);
        assert_eq!(tcp.both(&second(), b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
