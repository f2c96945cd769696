//! mysql: the MySQL and MariaDB client/server protocol, and MySQL's X protocol.
//!
//! Specifications: MySQL Internals, "Client/Server Protocol" (connection phase, HandshakeV10, HandshakeResponse41 and 320,
//! ERR_Packet) and "X Protocol"; MariaDB Knowledge Base, "Connection". The server's greeting proves it: version 10 or
//! 9, a printable version, and reserved bytes in their places; so does the client's answer, sequence
//! number 1 with its capabilities and reserved zeros. An error can stand in for the greeting.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Mysql,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    let classic = weigh(
        exchange,
        |message| first_or(handshake_response(message), midstream, || command(message)),
        |message| first_or(greeting(message), midstream, || result(message)),
    );
    classic.or(weigh(exchange, x_client, x_notice))
}

fn first_or(first: Step<Proof>, midstream: bool, other: impl FnOnce() -> Step<Proof>) -> Step<Proof> {
    if midstream && first == Err(Stop::Wrong) { other() } else { first }
}

/// A packet header: the length of the payload, which must be in `length`, and this sequence number.
fn packet<'a>(scan: &mut Scan<'a>, length: std::ops::RangeInclusive<u64>, sequence: u8) -> Step<Scan<'a>> {
    let length = scan.le(3, length)? as usize;
    scan.expect(&[sequence])?;
    scan.part(length)
}

/// HandshakeV10, HandshakeV9, or an ERR_Packet in its place.
fn greeting(message: Message<'_>) -> Step<Proof> {
    let mut payload = packet(&mut message.scan(), 8..=0x3ff, 0)?;
    match payload.u8()? {
        version @ (9 | 10) => {
            server_version(&mut payload)?;
            // Thread, scramble, and the filler that ends it (version 9: the scramble's terminator).
            payload.skip(4 + 8)?;
            payload.expect(&[0])?;
            if version == 9 || (payload.is_whole() && payload.len() == 2) {
                return Ok(Proof::Structure);
            }
            // Capabilities, character set, status, more capabilities, length of the whole scramble.
            payload.skip(2 + 1 + 2 + 2 + 1)?;
            // Ten reserved bytes, of which MariaDB uses the last four.
            payload.expect(&[0; 6])?;
            Ok(Proof::Structure)
        }
        0xff => error(&mut payload),
        _ => Err(Stop::Wrong),
    }
}

fn server_version(payload: &mut Scan<'_>) -> Step<()> {
    // "5.5.5-10.11.2-MariaDB-1:10.11.2+maria~ubu2204" and longer ones of distributions.
    const LONGEST: usize = 128;
    let seen = payload.rest();
    let end = seen.iter().take(LONGEST).position(|&byte| byte == 0);
    let text = &seen[..end.unwrap_or(seen.len())];
    require(text.len() < LONGEST && text.iter().all(|byte| matches!(byte, 0x20..=0x7e)))?;
    require(text.first().is_none_or(u8::is_ascii_digit))?;
    payload.skip(end.map_or(seen.len() + 1, |end| end + 1))?;
    require(text.contains(&b'.'))
}

/// Code and message; before the handshake there is no SQL state.
fn error(payload: &mut Scan<'_>) -> Step<Proof> {
    const ENOUGH: usize = 8;
    // Server errors start at 1000, client errors at 2000, later server errors at 3000 and MariaDB's at 4000.
    payload.le(2, 1000..=4999)?;
    let text = payload.rest();
    require(text.iter().all(|&byte| byte >= 0x20 && byte != 0x7f))?;
    payload.skip(ENOUGH)?;
    Ok(Proof::Structure)
}

/// HandshakeResponse41 with its SSLRequest prefix, or HandshakeResponse320.
fn handshake_response(message: Message<'_>) -> Step<Proof> {
    const PROTOCOL_41: u16 = 0x0200;
    const SSL: u16 = 0x0800;
    const SSL_REQUEST: usize = 32;
    let mut scan = message.scan();
    let length = scan.le(3, 6..=0xffff)? as usize;
    scan.expect(&[1])?;
    let mut payload = scan.part(length)?;
    let capabilities = payload.u16_le()?;
    if capabilities & PROTOCOL_41 != 0 {
        require(length >= SSL_REQUEST && (length > SSL_REQUEST || capabilities & SSL != 0))?;
        // High capabilities, largest packet, character set; then 23 reserved bytes, of which MariaDB uses the last four.
        payload.skip(2 + 4 + 1)?;
        payload.expect(&[0; 19])?;
        return Ok(Proof::Structure);
    }
    // HandshakeResponse320: largest packet, then the user's name. Too little to prove anything without the greeting.
    payload.skip(3)?;
    let name = payload.rest();
    let end = name.iter().position(|&byte| byte == 0);
    require(name[..end.unwrap_or(name.len())].iter().all(|&byte| byte >= 0x20))?;
    payload.skip(end.map_or(name.len() + 1, |end| end + 1))?;
    require(end.is_some_and(|end| end > 0))?;
    Err(Stop::Short)
}

/// A command of an established session (midstream only): a query, or one that is nothing but its code.
fn command(message: Message<'_>) -> Step<Proof> {
    const QUERY: u8 = 3;
    const VERBS: [&[u8]; 12] = [
        b"select ",
        b"insert ",
        b"update ",
        b"delete ",
        b"replace ",
        b"set ",
        b"show ",
        b"begin",
        b"commit",
        b"rollback",
        b"call ",
        b"use ",
    ];
    let mut payload = packet(&mut message.scan(), 6..=0xff_ffff, 0)?;
    payload.expect(&[QUERY])?;
    if payload.rest().first() == Some(&0) {
        // No query attributes, one set of them.
        payload.expect(&[0, 1])?;
    }
    let text = payload.rest();
    let starts =
        |verb: &&[u8]| text.iter().zip(verb.iter()).all(|(seen, wanted)| seen.eq_ignore_ascii_case(wanted));
    let verb = VERBS.iter().find(|verb| starts(verb)).ok_or(Stop::Wrong)?;
    payload.skip(verb.len())?;
    Ok(Proof::Heuristic)
}

/// The answer to a command (midstream only): one column count, then a column of catalog "def".
fn result(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let mut count = packet(&mut scan, 1..=1, 1)?;
    count.u8_if(|columns| (1..=250).contains(&columns))?;
    let mut column = packet(&mut scan, 20..=0xffff, 2)?;
    column.expect(b"\x03def")?;
    Ok(Proof::Structure)
}

/// X protocol: the notice with which the server greets, Notice { type: SERVER_HELLO } in an empty payload.
fn x_notice(message: Message<'_>) -> Step<Proof> {
    message.scan().expect(b"\x05\0\0\0\x0b\x08\x05\x1a\0")?;
    Ok(Proof::Banner)
}

/// X protocol: CapabilitiesGet, which alone says too little, then CapabilitiesSet { capabilities { capability { name
/// } } } or AuthenticateStart { mech_name }.
fn x_client(message: Message<'_>) -> Step<Proof> {
    const GET: u8 = 1;
    const SET: u8 = 2;
    const AUTHENTICATE: u8 = 4;
    let mut scan = message.scan();
    let (mut room, mut kind) = x_header(&mut scan, |kind| matches!(kind, GET | SET | AUTHENTICATE))?;
    if kind == GET {
        require(room == 0)?;
        (room, kind) = x_header(&mut scan, |kind| matches!(kind, SET | AUTHENTICATE))?;
    }
    let depth = if kind == SET { 3 } else { 1 };
    for _ in 0..depth {
        room = x_field(&mut scan, room)?;
    }
    let name = scan.part(room)?;
    // "tls"; "MYSQL41", "SHA256_MEMORY".
    require(name.rest().iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_')))?;
    if name.is_whole() { Ok(Proof::Structure) } else { Err(Stop::Short) }
}

/// Length of the payload and type.
fn x_header(scan: &mut Scan<'_>, allowed: impl FnOnce(u8) -> bool) -> Step<(usize, u8)> {
    let length = scan.le(4, 1..=0x7f)? as usize;
    Ok((length - 1, scan.u8_if(allowed)?))
}

/// Field 1 of a message, length-delimited (protobuf); the length.
fn x_field(scan: &mut Scan<'_>, room: usize) -> Step<usize> {
    const FIELD_1: u8 = 0x0a;
    let room = room.checked_sub(2).ok_or(Stop::Wrong)?;
    scan.expect(&[FIELD_1])?;
    scan.be(1, 1..=room as u64).map(|length| length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn packet_of(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![payload.len() as u8, (payload.len() >> 8) as u8, 0, sequence];
        packet.extend(payload);
        packet
    }

    fn greeting_of(version: &str) -> Vec<u8> {
        let mut payload = vec![10];
        payload.extend(version.as_bytes());
        payload.extend(b"\0\x08\0\0\0abcdefgh\0\xff\xf7\x08\x02\0\xff\x81\x15");
        payload.extend([0; 10]);
        payload.extend(b"ijklmnopqrst\0mysql_native_password\0");
        packet_of(0, &payload)
    }

    fn response(length: usize) -> Vec<u8> {
        let mut payload = vec![0x85, 0xae, 0xff, 0, 0, 0, 0, 1, 33];
        payload.extend([0; 23]);
        payload.extend(b"root\0\0mysql_native_password\0");
        payload.truncate(length);
        packet_of(1, &payload)
    }

    #[test]
    fn greetings() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(&greeting_of("8.0.32"), Proof::Structure);
        tcp.server_proves(&greeting_of("5.5.5-10.11.2-MariaDB-1:10.11.2+maria~ubu2204"), Proof::Structure);
        tcp.server_proves(&packet_of(0, b"\xff\x6a\x04Host 'x' is not allowed"), Proof::Structure);
        tcp.server_proves(&packet_of(0, b"\x0a4.0.30\0\x08\0\0\0abcdefgh\0\x2c\x20"), Proof::Structure);
        tcp.server_proves(b"\x05\0\0\0\x0b\x08\x05\x1a\0", Proof::Banner);
    }

    #[test]
    fn responses() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&response(100), Proof::Structure);
        tcp.client_proves(&response(32), Proof::Structure);
        assert_eq!(tcp.both(&response(32), &greeting_of("8.0.32")), Match::Yes(Proof::Structure));
        tcp.client_proves(
            b"\x13\0\0\0\x02\x0a\x10\x0a\x0e\x0a\x03tls\x12\x07\x08\x01\x12\x03\x08\x07\x40",
            Proof::Structure,
        );
    }

    #[test]
    fn x_sessions() {
        let tcp = Trial::tcp(check);
        let authenticate = b"\x0a\0\0\0\x04\x0a\x07MYSQL41";
        tcp.client_proves(&[b"\x01\0\0\0\x01", authenticate.as_slice()].concat(), Proof::Structure);
        assert_eq!(tcp.client(b"\x01\0\0\0\x01"), Match::Maybe);
        assert_eq!(tcp.client(b"\x01\0\0\0\x01\0\x01\0\x01\0"), Match::No);
    }

    #[test]
    fn midstream_sessions() {
        let tcp = Trial::tcp(check).midstream();
        tcp.client_proves(&packet_of(0, b"\x03SELECT @@version"), Proof::Heuristic);
        let mut reply = packet_of(1, &[1]);
        reply.extend(packet_of(2, b"\x03def\0\0\0\x09@@version\0\x0c\x21\0\x54\0\0\0\xfd\0\0\0\0\0"));
        tcp.server_proves(&reply, Proof::Structure);
        assert_eq!(Trial::tcp(check).client(&packet_of(0, b"\x03SELECT @@version")), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.server(b"\x4a\0\0\0\x0bversion"), Match::No);
        assert_eq!(tcp.server(b"\x4a\0\0\0\x0a8.0\x01"), Match::No);
        assert_eq!(tcp.server(b"\x4a\0\0\x01\x0a8.0"), Match::No);
        let mut reserved = greeting_of("8.0.32");
        let at = reserved.len() - 45;
        reserved[at] = 7;
        assert_eq!(tcp.server(&reserved), Match::No);
        let mut filler = response(100);
        filler[20] = 1;
        assert_eq!(tcp.client(&filler), Match::No);
        assert_eq!(tcp.both(&response(32), b"220 ready\r\n"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::tcp(check).midstream().refuses_noise(100_000);
    }
}
