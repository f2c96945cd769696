//! rmi: Java Remote Method Invocation, JRMP.
//!
//! Specification: Oracle, "Java Remote Method Invocation Specification", chapter 10 (RMI Wire Protocol). The client opens with
//! `JRMI`, a version and a protocol, which proves it. To the stream protocol the server answers with the client's host and
//! port, whose lengths agree.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rmi,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const STREAM_PROTOCOL: u8 = 0x4b;
const MULTIPLEX_PROTOCOL: u8 = 0x4d;
const PROTOCOL_ACK: u8 = 0x4e;
const PROTOCOL_NOT_SUPPORTED: u8 = 0x4f;
const RETURN_DATA: u8 = 0x51;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, client, |message| server(message, asked))
}

fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"JRMI\0")?;
    scan.u8_if(|version| matches!(version, 1 | 2))?;
    scan.u8_if(|protocol| (STREAM_PROTOCOL..=MULTIPLEX_PROTOCOL).contains(&protocol))?;
    Ok(Proof::Banner)
}

fn server(message: Message<'_>, asked: bool) -> Step<Proof> {
    let mut scan = message.scan();
    match scan.u8()? {
        PROTOCOL_ACK => endpoint(&mut scan),
        PROTOCOL_NOT_SUPPORTED if asked => {
            require(scan.is_empty())?;
            Err(Stop::Short)
        }
        // Of the single operation protocol, at once.
        RETURN_DATA => {
            scan.expect(b"\xac\xed\0\x05")?;
            Ok(Proof::Banner)
        }
        _ => Err(Stop::Wrong),
    }
}

/// A host's name or address, and a port in 32 bits.
fn endpoint(scan: &mut Scan<'_>) -> Step<Proof> {
    let length = scan.be(2, 2..=255)? as usize;
    let mut host = scan.part(length)?;
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(byte);
    require(host.rest().iter().all(is_host))?;
    host.skip(length)?;
    scan.be(4, 0..=0xffff)?;
    Ok(if length >= 7 { Proof::Banner } else { Proof::Heuristic })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn handshakes() {
        let tcp = Trial::tcp(check);
        let acknowledged = b"\x4e\0\x0a192.0.2.17\0\0\xd0\x5c";
        tcp.client_proves(b"JRMI\0\x02\x4b", Proof::Banner);
        tcp.client_proves(b"JRMI\0\x02\x4c\x50\xac\xed\0\x05", Proof::Banner);
        tcp.server_proves(acknowledged, Proof::Banner);
        tcp.server_proves(b"\x51\xac\xed\0\x05\x77\x0f", Proof::Banner);
        assert_eq!(tcp.both(b"JRMI\0\x02\x4b", acknowledged), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(b"JRMI\0\x02\x4b", b"\x4f"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"JRMI\0\x03"), Match::No);
        assert_eq!(tcp.client(b"JRMI\0\x02\x4a"), Match::No);
        assert_eq!(tcp.server(b"\x4e\0\x0a192.0.2.1 \0\0"), Match::No);
        assert_eq!(tcp.server(b"\x4e\0\x0a192.0.2.17\0\x01"), Match::No);
        assert_eq!(tcp.server(b"\x4f"), Match::No);
        assert_eq!(tcp.server(b"Not Found"), Match::No);
        assert_eq!(tcp.both(b"JRMI\0\x02\x4b", b"HTTP/1.1 400"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
