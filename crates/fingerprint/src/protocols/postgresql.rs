//! postgresql: the PostgreSQL frontend/backend protocol, version 3 (2 as far as it starts).
//!
//! Specification: PostgreSQL documentation, "Frontend/Backend Protocol", sections "Message Flow" and "Message
//! Formats". The client's first packet proves it: its length, then a request code or a protocol
//! version with parameters. The server's answer proves it by a message whose tag, length and content agree; the
//! single letter that answers an encryption request, only by what follows it. In midstream tagged messages that
//! chain prove it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Postgresql,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Request codes: "protocol version" 1234 with these minor numbers.
const REQUEST: u16 = 1234;
const CANCEL: u16 = 5678;
const SSL: u16 = 5679;
const GSS_ENCRYPTION: u16 = 5680;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh(
        exchange,
        |message| first_or(startup(message), midstream, || tagged(message, b"BCDEFHPQSXcdfp")),
        |message| first_or(reply(message), midstream, || tagged(message, b"123ACDEGHIKNRSTVWZcdnstv")),
    )
}

fn first_or(first: Step<Proof>, midstream: bool, other: impl FnOnce() -> Step<Proof>) -> Step<Proof> {
    if midstream && first == Err(Stop::Wrong) { other() } else { first }
}

/// StartupMessage, CancelRequest, SSLRequest, GSSENCRequest.
fn startup(message: Message<'_>) -> Step<Proof> {
    // The server refuses longer ones (MAX_STARTUP_PACKET_LENGTH).
    let mut scan = message.scan();
    let length = scan.be(4, 8..=10_000)? as usize;
    let mut packet = scan.part(length - 4)?;
    let major = packet.be(2, 2..=u64::from(REQUEST))? as u16;
    let minor = packet.u16_be()?;
    match (major, minor) {
        (REQUEST, SSL | GSS_ENCRYPTION) => require(length == 8)?,
        // The secret key is 4 bytes, up to 256 since version 3.2.
        (REQUEST, CANCEL) => require((16..=268).contains(&length))?,
        (3, 0..=9999) => parameter_name(&mut packet)?,
        // Fixed fields: database, user, options, unused, terminal.
        (2, 0) => require(length == 296)?,
        _ => return Err(Stop::Wrong),
    }
    Ok(Proof::Structure)
}

/// The name of the first parameter, with its terminator.
fn parameter_name(packet: &mut Scan<'_>) -> Step<()> {
    const LONGEST: usize = 63;
    let seen = packet.rest();
    let end = seen.iter().take(LONGEST).position(|&byte| byte == 0);
    let name = &seen[..end.unwrap_or(seen.len())];
    require(
        name.len() < LONGEST
            && name.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')),
    )?;
    packet.skip(end.map_or(seen.len() + 1, |end| end + 1))?;
    require(!name.is_empty())
}

/// What a server says first.
fn reply(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    // Encryption refused, by GSSAPI and by TLS, which a client may ask for in turn.
    for _ in 0..2 {
        match scan.rest() {
            [b'N', 0, ..] | [] => break,
            [b'N', ..] => scan.skip(1)?,
            _ => break,
        }
    }
    match scan.u8()? {
        // Encryption accepted: a TLS record, or a GSSAPI token behind its length, follows.
        b'S' => {
            scan.u8_if(|content_type| matches!(content_type, 0x15 | 0x16))?;
            scan.expect(&[3])?;
            scan.u8_if(|minor| minor <= 4)?;
            scan.be(2, 2..=16_384)?;
            Ok(Proof::Banner)
        }
        b'G' => {
            scan.be(4, 1..=16_384)?;
            scan.expect(&[0x60])?;
            Ok(Proof::Heuristic)
        }
        b'R' => authentication(&mut scan),
        b'E' | b'N' => error(&mut scan),
        b'v' => {
            // NegotiateProtocolVersion: newest minor version, count of options.
            scan.be(4, 12..=10_000)?;
            scan.be(4, 0..=0x0003_270f)?;
            scan.be(4, 0..=100)?;
            Ok(Proof::Structure)
        }
        _ => Err(Stop::Wrong),
    }
}

/// Authentication requests: their length depends on their kind.
fn authentication(scan: &mut Scan<'_>) -> Step<Proof> {
    let length = scan.be(4, 8..=10_000)?;
    let kind = scan.be(4, 0..=12)?;
    require(match kind {
        0 | 2 | 3 | 6 | 7 | 9 => length == 8,
        5 => length == 12,
        4 => length == 10,
        _ => length > 8,
    })?;
    Ok(Proof::Structure)
}

/// ErrorResponse and NoticeResponse: fields of a letter and a string. A server that does not know the version
/// answers as in version 2: text alone.
fn error(scan: &mut Scan<'_>) -> Step<Proof> {
    if scan.rest().first() == Some(&b'F') {
        scan.expect(b"FATAL:  ")?;
        return Ok(Proof::Banner);
    }
    let length = scan.be(4, 8..=0xffff)? as usize;
    let mut fields = scan.part(length - 4)?;
    fields.u8_if(|field| matches!(field, b'S' | b'V' | b'C' | b'M'))?;
    // Severity, or the five characters of an SQL state, in any language's letters.
    let text = fields.rest();
    let end = text.iter().position(|&byte| byte == 0);
    require(text[..end.unwrap_or(text.len())].iter().all(|&byte| byte >= 0x20))?;
    fields.skip(end.map_or(text.len() + 1, |end| end + 1))?;
    require(end.is_some_and(|end| end > 0))?;
    Ok(Proof::Structure)
}

/// Tagged messages (midstream only): two that chain prove it, one query is plausible.
fn tagged(message: Message<'_>, tags: &[u8]) -> Step<Proof> {
    let mut scan = message.scan();
    let mut headers = 0;
    let mut query = false;
    while !scan.is_empty() && headers < 2 {
        let tag = scan.u8_if(|tag| tags.contains(&tag))?;
        let length = scan.be(4, 4..=0x3f_ffff)? as usize;
        let mut content = scan.part(length - 4)?;
        match tag {
            // Execute of the frontend has the tag of the backend's error.
            b'Q' => query = content.is_whole() && content.rest().ends_with(&[0]),
            b'Z' => {
                require(length == 5)?;
                content.u8_if(|status| matches!(status, b'I' | b'T' | b'E'))?;
            }
            b'X' | b'1' | b'2' | b'3' | b'c' | b'n' | b's' | b'I' => require(length == 4)?,
            b'H' => require(length == 4 || length >= 7)?,
            _ => {}
        }
        if !content.is_whole() {
            break;
        }
        headers += 1;
    }
    match headers {
        2 => Ok(Proof::Structure),
        1 if query => Ok(Proof::Heuristic),
        _ => Err(Stop::Short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn startup_of(minor: u8, parameters: &[u8]) -> Vec<u8> {
        let mut packet = (parameters.len() as u32 + 8).to_be_bytes().to_vec();
        packet.extend([0, 3, 0, minor]);
        packet.extend(parameters);
        packet
    }

    const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    const NO_PASSWORD: &[u8] = b"E\0\0\0\x0cSFATAL\0\0";

    #[test]
    fn clients() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&startup_of(0, b"user\0root\0database\0x\0\0"), Proof::Structure);
        tcp.client_proves(&startup_of(2, b"database\0x\0user\0root\0\0"), Proof::Structure);
        tcp.client_proves(SSL_REQUEST, Proof::Structure);
        tcp.client_proves(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30], Proof::Structure);
        tcp.client_proves(&[0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 1, 2, 3, 4, 5, 6, 7, 8], Proof::Structure);
    }

    #[test]
    fn servers() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(b"R\0\0\0\x0c\0\0\0\x05\xde\xad\xbe\xef", Proof::Structure);
        tcp.server_proves(b"NR\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0", Proof::Structure);
        tcp.server_proves(b"NS\x16\x03\x03\0\x39", Proof::Banner);
        tcp.server_proves(NO_PASSWORD, Proof::Structure);
        tcp.server_proves(b"S\x16\x03\x03\0\x39", Proof::Banner);
        assert_eq!(tcp.server(b"N"), Match::Maybe);
        assert_eq!(tcp.server(b"NNNN"), Match::No);
        assert_eq!(tcp.both(SSL_REQUEST, b"S"), Match::Yes(Proof::Structure));
    }

    #[test]
    fn midstream_messages_chain() {
        let tcp = Trial::tcp(check).midstream();
        tcp.server_proves(b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I", Proof::Structure);
        tcp.client_proves(b"Q\0\0\0\x0dselect 1\0", Proof::Heuristic);
        assert_eq!(tcp.client(b"Q\0\0\0\x0dselect 1\0junk"), Match::No);
        assert_eq!(Trial::tcp(check).client(b"Q\0\0\0\x0dselect 1\0"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&[0, 0, 0, 9, 0x04, 0xd2, 0x16, 0x2f]), Match::No);
        assert_eq!(tcp.client(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x31]), Match::No);
        assert_eq!(tcp.client(&startup_of(0, b"\xfe\xed\0")), Match::No);
        assert_eq!(tcp.client(&[0, 0, 0x28]), Match::No);
        assert_eq!(tcp.server(b"R\0\0\0\x0c\0\0\0\x00"), Match::No);
        assert_eq!(tcp.server(b"SSH-2.0-x"), Match::No);
        assert_eq!(tcp.server(b"S\x17"), Match::No);
        assert_eq!(tcp.both(SSL_REQUEST, b"HTTP/1.1"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::tcp(check).midstream().refuses_noise(100_000);
    }
}
