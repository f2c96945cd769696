//! cassandra: the CQL native protocol, versions 1 to 5, and DSE's.
//!
//! Specification: Apache Cassandra, `native_protocol_v1.spec` to `native_protocol_v5.spec`, sections 2 (frame header) and 4
//! (messages). STARTUP proves it from the client, by the lengths of its map; from the server SUPPORTED, AUTHENTICATE and
//! ERROR do, by that of their first string. OPTIONS and READY have no body and are plausible.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Cassandra,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Set in the version of a response.
const RESPONSE: u8 = 0x80;

const ERROR: u8 = 0x00;
const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const OPTIONS: u8 = 0x05;
const SUPPORTED: u8 = 0x06;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, response)
}

/// Version, flags, stream, opcode, length of the body; of versions 1 and 2 the stream is one byte.
fn header(scan: &mut Scan<'_>, direction: u8) -> Step<(u8, usize)> {
    const LARGEST: u64 = 0x1000_0000;
    /// Compression, tracing, payload, warnings, beta.
    const FLAGS: u8 = 0x1f;
    // Version 1 and 2 of DSE are 0x41 and 0x42.
    let version = scan.u8_if(|version| {
        version & RESPONSE == direction && matches!(version & !RESPONSE, 1..=6 | 0x41 | 0x42)
    })?;
    scan.u8_if(|flags| flags & !FLAGS == 0)?;
    scan.skip(if version & !RESPONSE < 3 { 1 } else { 2 })?;
    let opcode = scan.u8_if(|opcode| opcode <= 0x10)?;
    Ok((opcode, scan.be(4, 0..=LARGEST)? as usize))
}

fn request(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    match header(&mut scan, 0)? {
        (OPTIONS, 0) => Ok(Proof::Heuristic),
        (STARTUP, length @ 16..=0x1000) => {
            // A map of options: their number, and the first one's name and value.
            let mut body = scan.part(length)?;
            body.be(2, 1..=16)?;
            let name = string(&mut body, 32)?;
            require(name.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'_')))?;
            string(&mut body, 255)?;
            Ok(Proof::Structure)
        }
        _ => Err(Stop::Wrong),
    }
}

fn response(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    match header(&mut scan, RESPONSE)? {
        (READY, 0) => Ok(Proof::Heuristic),
        (AUTHENTICATE, length @ 4..=258) => {
            scan.be(2, length as u64 - 2..=length as u64 - 2)?;
            text(&mut scan, length - 2)?;
            Ok(Proof::Structure)
        }
        (SUPPORTED, length @ 8..=0x4000) => {
            let mut body = scan.part(length)?;
            body.be(2, 1..=64)?;
            let name = string(&mut body, 64)?;
            require(name.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'_')))?;
            Ok(Proof::Structure)
        }
        (ERROR, length @ 7..=0x4000) => {
            let mut body = scan.part(length)?;
            body.be(4, 0..=0x2500)?;
            let length = body.be(2, 1..=length as u64 - 6)? as usize;
            text(&mut body, length.min(16))?;
            Ok(Proof::Structure)
        }
        _ => Err(Stop::Wrong),
    }
}

/// A length of at most `most`, and as much text.
fn string<'a>(body: &mut Scan<'a>, most: u64) -> Step<&'a [u8]> {
    let length = body.be(2, 1..=most)? as usize;
    text(body, length)
}

fn text<'a>(body: &mut Scan<'a>, length: usize) -> Step<&'a [u8]> {
    let mut text = body.part(length)?;
    require(text.rest().iter().all(|&byte| byte >= 0x20 && byte != 0x7f))?;
    text.take(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const OPTIONS_4: &[u8] = b"\x04\0\0\0\x05\0\0\0\0";
    const STARTUP_4: &[u8] = b"\x04\0\0\x01\x01\0\0\0\x16\0\x01\0\x0bCQL_VERSION\0\x053.0.0";
    const STARTUP_1: &[u8] = b"\x01\0\0\x01\0\0\0\x16\0\x01\0\x0bCQL_VERSION\0\x053.0.0";
    const SUPPORTED_4: &[u8] = b"\x84\0\0\0\x06\0\0\0\x16\0\x01\0\x0bCQL_VERSION\0\x01\0\x053.4.5";

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(OPTIONS_4, Proof::Heuristic);
        tcp.client_proves(b"\x05\x10\0\0\x05\0\0\0\0", Proof::Heuristic);
        tcp.client_proves(STARTUP_4, Proof::Structure);
        tcp.client_proves(STARTUP_1, Proof::Structure);
    }

    #[test]
    fn responses() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(SUPPORTED_4, Proof::Structure);
        tcp.server_proves(b"\x84\0\0\x01\x02\0\0\0\0", Proof::Heuristic);
        tcp.server_proves(b"\x83\0\0\x01\x03\0\0\0\x09\0\x07o.a.c.P", Proof::Structure);
        tcp.server_proves(b"\x84\0\0\0\0\0\0\0\x16\0\0\0\x0a\0\x10Invalid protocol", Proof::Structure);
        tcp.server_proves(b"\x82\0\0\0\0\0\0\x16\0\0\0\x0a\0\x10Invalid protocol", Proof::Structure);
        assert_eq!(tcp.both(OPTIONS_4, SUPPORTED_4), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\x04\0\0\0\x05\0\0\0\x01"), Match::No, "OPTIONS with a body");
        assert_eq!(tcp.client(b"\x07\0\0\0\x05\0\0\0\0"), Match::No);
        assert_eq!(tcp.client(b"\x04\x80\0\0\x05\0\0\0\0"), Match::No);
        assert_eq!(tcp.client(b"\x04\0\0\x01\x01\0\0\0\x16\0\x01\0\x0bcql_version"), Match::No);
        assert_eq!(tcp.client(SUPPORTED_4), Match::No);
        assert_eq!(tcp.both(OPTIONS_4, b"\x04\0\0\0"), Match::No);
        // SOCKS 5 and 4.
        assert_eq!(tcp.client(b"\x05\x01\0\x05\x01\0\x01\x7f\0\0\x01\0\x50"), Match::No);
        assert_eq!(tcp.client(b"\x04\x01\0\x50\x7f\0\0\x01\0"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
