//! ajp: the Apache JServ Protocol, version 1.3.
//!
//! Specification: Apache Tomcat Connectors, "AJPv13" and its extension proposal. Packets prove it: the magic of their direction,
//! a length, a code, and what that code has behind it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ajp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, from_web_server, from_container)
}

fn from_web_server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[0x12, 0x34])?;
    let length = scan.u16_be()?;
    match scan.u8()? {
        // Forward request: method, protocol.
        2 => {
            require(length >= 32)?;
            scan.u8_if(|method| (1..=28).contains(&method) || method == 0xff)?;
            scan.expect(&[0])?;
            scan.u8_if(|length| matches!(length, 6 | 8))?;
            scan.expect(b"HTTP/")?;
            Ok(Proof::Structure)
        }
        // Shutdown, ping, CPing.
        7 | 8 | 10 => {
            require(length == 1)?;
            Ok(Proof::Structure)
        }
        _ => Err(Stop::Wrong),
    }
}

fn from_container(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"AB")?;
    let length = scan.u16_be()?;
    match scan.u8()? {
        // A chunk of the body, before headers: only in midstream.
        3 => {
            let room = u64::from(length).checked_sub(4).ok_or(Stop::Wrong)?;
            scan.be(2, room..=room)?;
        }
        // Headers: status, its text.
        4 => {
            let room = u64::from(length).checked_sub(8).ok_or(Stop::Wrong)?;
            scan.be(2, 100..=599)?;
            scan.be(2, 0..=room)?;
        }
        // The end: whether to use the connection again.
        5 => {
            require(length == 2)?;
            scan.u8_if(|reuse| reuse <= 1)?;
        }
        // It wants so much of the body.
        6 => require(length == 3)?,
        // CPong.
        9 => require(length == 1)?,
        _ => return Err(Stop::Wrong),
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const REQUEST: &[u8] = b"\x12\x34\0\x80\x02\x02\0\x08HTTP/1.1\0\0\x01/\0";
    const HEADERS: &[u8] = b"AB\0\x30\x04\0\xc8\0\x02OK\0\0\x01";

    #[test]
    fn packets() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(REQUEST, Proof::Structure);
        tcp.client_proves(b"\x12\x34\0\x01\x0a", Proof::Structure);
        tcp.server_proves(HEADERS, Proof::Structure);
        tcp.server_proves(b"AB\0\x01\x09", Proof::Structure);
        tcp.server_proves(b"AB\0\x02\x05\x01", Proof::Structure);
        assert_eq!(tcp.both(REQUEST, HEADERS), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\x12\x34\0\x02\x0a"), Match::No);
        assert_eq!(tcp.client(b"\x12\x34\0\x80\x02\x02\0\x08HTTQ"), Match::No);
        assert_eq!(tcp.client(b"\x12\x34\0\x80\x03"), Match::No);
        assert_eq!(tcp.server(b"AB\0\x30\x04\x02\x58"), Match::No);
        assert_eq!(tcp.server(b"ABCDEFG"), Match::No);
        assert_eq!(tcp.client(HEADERS), Match::No);
        assert_eq!(tcp.both(REQUEST, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
