//! zmtp: the ZeroMQ Message Transport Protocol, versions 2.0 to 3.1.
//!
//! Specifications: ZeroMQ RFC 15 (ZMTP 2.0), 23 (3.0) and 37 (3.1), "Greeting". Both sides open with a signature of ten
//! bytes, padded with zeros so that a peer of version 1 reads it as a long identity; it proves it. Version, mechanism
//! and filler behind it must fit. Version 1 itself opens with an identity's length and cannot be told.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Zmtp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, greeting, greeting)
}

fn greeting(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[0xff, 0, 0, 0, 0, 0, 0, 0])?;
    // The length of the identity that follows, plus one; most write 0 or 1.
    scan.skip(1)?;
    scan.expect(&[0x7f])?;
    // Who waits for its peer's signature has sent no more than this.
    let major = match scan.u8_if(|major| matches!(major, 1..=3)) {
        Err(Stop::Short) => return Ok(Proof::Banner),
        major => major?,
    };
    if major < 3 {
        return match scan.u8_if(|socket| socket <= 0x0b) {
            Err(Stop::Wrong) => Err(Stop::Wrong),
            _ => Ok(Proof::Banner),
        };
    }
    let mut rest = scan;
    let mechanism = |scan: &mut crate::scan::Scan<'_>| {
        scan.u8_if(|minor| minor <= 9)?;
        let name = scan.take_up_to(20);
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        let (name, padding) = name.split_at(end);
        require(
            name.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'+')),
        )?;
        require(padding.iter().all(|&byte| byte == 0))?;
        scan.u8_if(|as_server| as_server <= 1)?;
        scan.expect(&[0; 31])
    };
    match mechanism(&mut rest) {
        Ok(()) => Ok(Proof::Structure),
        Err(Stop::Short) => Ok(Proof::Banner),
        Err(Stop::Wrong) => Err(Stop::Wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn signature() -> Vec<u8> {
        b"\xff\0\0\0\0\0\0\0\x01\x7f".to_vec()
    }

    fn third() -> Vec<u8> {
        let mut greeting = signature();
        greeting.extend(b"\x03\x01NULL");
        greeting.resize(64, 0);
        greeting
    }

    #[test]
    fn greetings() {
        let tcp = Trial::tcp(check);
        for side in [Trial::client_proves, Trial::server_proves] {
            side(&tcp, &signature(), Proof::Banner);
            side(&tcp, &third(), Proof::Structure);
            side(&tcp, &[signature(), vec![3]].concat(), Proof::Banner);
            side(&tcp, &[signature(), vec![1, 5, 0, 0]].concat(), Proof::Banner);
        }
        assert_eq!(tcp.both(&third(), &third()), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let mut filler = third();
        filler[50] = 1;
        assert_eq!(tcp.client(&filler), Match::No);
        let mut mechanism = third();
        mechanism[13] = b'u';
        assert_eq!(tcp.client(&mechanism), Match::No);
        assert_eq!(tcp.client(b"\xff\0\0\0\0\0\0\0\x01\x7e"), Match::No);
        assert_eq!(tcp.client(b"\xff\xfd\x18"), Match::No);
        assert_eq!(tcp.both(&third(), b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
