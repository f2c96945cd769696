//! tls: SSL 2.0 hellos, SSL 3.0 to TLS 1.3, and TLCP.
//!
//! Specifications: RFC 8446 (TLS 1.3), sections 4.1 and 5.1; RFC 5246, section 7.4.1 and appendix E.2 (SSL 2.0
//! compatible hello); RFC 6101 (SSL 3.0); draft-hickman-netscape-ssl-00 (SSL 2.0); GB/T 38636 (TLCP, version
//! 0x0101). A hello proves it, from either side: the lengths of record, handshake message, session
//! id, cipher suites and extensions agree to the byte. So does an alert, whose every byte is
//! fixed but for its description. A hello that is right up to its cipher suites is one, whatever is wrong with what
//! follows. In midstream a chain of record headers proves it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Tls,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const HEARTBEAT: u8 = 24;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Type and length of a handshake message.
const HANDSHAKE_HEADER: usize = 4;
/// The largest plaintext fragment (RFC 8446, section 5.1).
const MAX_PLAINTEXT: u64 = 1 << 14;
/// The largest protected fragment (RFC 5246, section 6.2.3).
const MAX_CIPHERTEXT: u64 = MAX_PLAINTEXT + 2048;
/// Handshake bytes that reassembly over records keeps: as many as a side's bound.
const REASSEMBLED: usize = 512;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh(
        exchange,
        |message| side(message, midstream, client_hello, ssl2_client_hello),
        |message| side(message, midstream, server_hello, ssl2_server_hello),
    )
}

fn side(message: Message<'_>, midstream: bool, tls: Hello, ssl2: fn(Scan<'_>) -> Step<Proof>) -> Step<Proof> {
    match hello(message, tls, ssl2) {
        Err(Stop::Wrong) if midstream => record_chain(message),
        answer => answer,
    }
}

type Hello = fn(Scan<'_>, bool) -> Step<Proof>;

fn hello(message: Message<'_>, tls: Hello, ssl2: fn(Scan<'_>) -> Step<Proof>) -> Step<Proof> {
    let mut scan = message.scan();
    match scan.rest().first() {
        None => Err(Stop::Short),
        Some(&HANDSHAKE) => handshake(scan, message.spent, tls),
        Some(&ALERT) => alert(&mut scan),
        Some(0x80..) => ssl2(scan),
        Some(_) => Err(Stop::Wrong),
    }
}

/// A record header (RFC 8446, section 5.1): the length of the fragment.
fn record(scan: &mut Scan<'_>, content_type: u8, max: u64) -> Step<usize> {
    scan.expect(&[content_type])?;
    version(scan)?;
    scan.be(2, 1..=max).map(|length| length as usize)
}

/// 3.0 to 3.4 (no record says 3.4, some scanners do), or 1.1 for TLCP.
fn version(scan: &mut Scan<'_>) -> Step<()> {
    let major = scan.u8_if(|major| major == 3 || major == 1)?;
    scan.u8_if(|minor| if major == 3 { minor <= 4 } else { minor == 1 }).map(drop)
}

/// The first handshake message, which may be spread over records (RFC 8446, section 5.1).
fn handshake(mut scan: Scan<'_>, spent: bool, hello: Hello) -> Step<Proof> {
    let length = record(&mut scan, HANDSHAKE, MAX_PLAINTEXT)?;
    let fragment = Scan::new(scan.take_up_to(length));
    let mut fits = false;
    if let &[kind, high, middle, low, ..] = fragment.rest() {
        let message = HANDSHAKE_HEADER + u32::from_be_bytes([0, high, middle, low]) as usize;
        // Nothing may follow a ClientHello in its record: its sender waits for the answer.
        require(kind != CLIENT_HELLO || length <= message)?;
        fits = message == length || kind != CLIENT_HELLO && message < length;
    }
    let whole_record = fragment.len() == length;
    let answer = hello(fragment, spent && !whole_record);
    if answer != Err(Stop::Short) || !whole_record {
        return if fits { answer } else { unbroken(answer) };
    }
    let mut message = [0; REASSEMBLED];
    let mut kept = 0;
    append(&mut message, &mut kept, fragment.rest());
    let mut other_record = false;
    while !scan.is_empty() {
        match record(&mut scan, HANDSHAKE, MAX_PLAINTEXT) {
            Ok(length) => append(&mut message, &mut kept, scan.take_up_to(length)),
            Err(stop) => {
                other_record = stop == Stop::Wrong;
                break;
            }
        }
    }
    match unbroken(hello(Scan::new(&message[..kept]), spent && !other_record)) {
        // Nothing comes between the records of a handshake message.
        Err(Stop::Short) if other_record => Err(Stop::Wrong),
        answer => answer,
    }
}

/// A hello whose record has another length, or that is spread over records, must be right to its end.
fn unbroken(hello: Step<Proof>) -> Step<Proof> {
    if hello == Ok(Proof::Banner) { Err(Stop::Wrong) } else { hello }
}

fn append(message: &mut [u8; REASSEMBLED], kept: &mut usize, fragment: &[u8]) {
    let end = (*kept + fragment.len()).min(REASSEMBLED);
    message[*kept..end].copy_from_slice(&fragment[..end - *kept]);
    *kept = end;
}

/// ClientHello (RFC 8446, section 4.1.2). `spent`: what follows was cut off, decide on what is there.
fn client_hello(mut scan: Scan<'_>, spent: bool) -> Step<Proof> {
    // From one cipher suite without extensions to what OpenSSL still accepts.
    const LENGTH: std::ops::RangeInclusive<u64> = 41..=131_396;
    scan.expect(&[CLIENT_HELLO])?;
    let mut room = scan.be(3, LENGTH)? as usize;
    hello_start(&mut scan, &mut room)?;
    let suites = scan.be(2, 2..=room.saturating_sub(4) as u64)? as usize;
    require(suites.is_multiple_of(2))?;
    room -= 2 + suites;
    let known = scan.rest().chunks_exact(2).take(suites / 2).all(|suite| is_cipher_suite(suite[0], suite[1]));
    let tail = |mut scan: Scan<'_>| {
        scan.skip(suites)?;
        let methods = scan.be(1, 1..=room.saturating_sub(1) as u64)? as usize;
        // Every client offers null compression.
        require(scan.take(methods)?.contains(&0))?;
        extensions(scan, room - 1 - methods)
    };
    match tail(scan) {
        Err(Stop::Short) if spent => Ok(Proof::Structure),
        Err(Stop::Wrong) if known => Ok(Proof::Banner),
        answer => answer,
    }
}

/// ServerHello and HelloRetryRequest (RFC 8446, section 4.1.3).
fn server_hello(mut scan: Scan<'_>, _spent: bool) -> Step<Proof> {
    scan.expect(&[SERVER_HELLO])?;
    let mut room = scan.be(3, 38..=MAX_PLAINTEXT)? as usize;
    hello_start(&mut scan, &mut room)?;
    require(room >= 3)?;
    let known = is_cipher_suite(scan.u8()?, scan.u8()?);
    // Null, DEFLATE (RFC 3749) or LZS (RFC 3943).
    scan.u8_if(|method| matches!(method, 0 | 1 | 64))?;
    match extensions(scan, room - 3) {
        Err(Stop::Wrong) if known => Ok(Proof::Banner),
        answer => answer,
    }
}

/// The blocks that suites are assigned in (IANA, TLS Cipher Suites), private ones, and GREASE (RFC 8701).
const fn is_cipher_suite(high: u8, low: u8) -> bool {
    matches!(high, 0x00 | 0x13 | 0x56 | 0xc0 | 0xc1 | 0xcc | 0xd0 | 0xe0 | 0xfe | 0xff)
        || high == low && high & 0xf == 0xa
}

/// Version, random and session id, which both hellos start with.
fn hello_start(scan: &mut Scan<'_>, room: &mut usize) -> Step<()> {
    version(scan)?;
    scan.skip(32)?;
    let session_id = usize::from(scan.u8_if(|length| length <= 32)?);
    scan.skip(session_id)?;
    *room = room.checked_sub(35 + session_id).ok_or(Stop::Wrong)?;
    Ok(())
}

/// The extensions fill what is left of the message exactly; those that have arrived must chain.
fn extensions(mut scan: Scan<'_>, room: usize) -> Step<Proof> {
    if room == 0 {
        return Ok(Proof::Structure);
    }
    let mut room = room.checked_sub(2).ok_or(Stop::Wrong)?;
    scan.be(2, room as u64..=room as u64)?;
    while room > 0 {
        room = room.checked_sub(4).ok_or(Stop::Wrong)?;
        let length = match scan.skip(2).and_then(|()| scan.be(2, 0..=room as u64)) {
            Ok(length) => length as usize,
            Err(Stop::Short) => break,
            Err(Stop::Wrong) => return Err(Stop::Wrong),
        };
        scan.take_up_to(length);
        room -= length;
    }
    Ok(Proof::Structure)
}

/// One plaintext alert (RFC 8446, section 6).
fn alert(scan: &mut Scan<'_>) -> Step<Proof> {
    let length = record(scan, ALERT, 2)?;
    require(length == 2)?;
    scan.u8_if(|level| matches!(level, 1 | 2))?;
    scan.u8_if(|description| {
        matches!(description, 0 | 10 | 20..=22 | 30 | 40..=51 | 60 | 70 | 71 | 80 | 86 | 90 | 100 | 109..=116 | 120 | 121)
    })?;
    Ok(Proof::Structure)
}

/// Record headers that chain (midstream only): two or more prove it, one long record is plausible.
fn record_chain(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let mut headers = 0;
    while !scan.is_empty() {
        let content_type = scan.rest()[0];
        require((CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&content_type))?;
        let length = match record(&mut scan, content_type, MAX_CIPHERTEXT) {
            Err(Stop::Short) if headers > 0 => break,
            length => length?,
        };
        if content_type == CHANGE_CIPHER_SPEC {
            require(length == 1)?;
            match scan.expect(&[1]) {
                Err(Stop::Short) if headers > 0 => break,
                read => read?,
            }
        } else {
            scan.take_up_to(length);
        }
        headers += 1;
    }
    match headers {
        0 => Err(Stop::Short),
        1 => Ok(Proof::Heuristic),
        _ => Ok(Proof::Structure),
    }
}

/// SSL 2.0 CLIENT-HELLO, also as the compatible hello of later versions (RFC 5246, appendix E.2).
fn ssl2_client_hello(mut scan: Scan<'_>) -> Step<Proof> {
    let length = scan.be(2, 0x8000 + 28..=0x8fff)? as usize & 0x7fff;
    scan.expect(&[1])?;
    ssl2_version(&mut scan)?;
    let suites = scan.be(2, 3..=length as u64)? as usize;
    require(suites.is_multiple_of(3))?;
    let session_id = scan.be(2, 0..=16)? as usize;
    require(session_id == 0 || session_id == 16)?;
    let challenge = scan.be(2, 16..=32)? as usize;
    require(length == 9 + suites + session_id + challenge)?;
    Ok(Proof::Structure)
}

/// SSL 2.0 SERVER-HELLO.
fn ssl2_server_hello(mut scan: Scan<'_>) -> Step<Proof> {
    let length = scan.be(2, 0x8000 + 11..=0xffff)? as usize & 0x7fff;
    scan.expect(&[4])?;
    scan.u8_if(|session_id_hit| session_id_hit <= 1)?;
    scan.u8_if(|certificate_type| certificate_type <= 1)?;
    scan.expect(&[0, 2])?;
    let certificate = usize::from(scan.u16_be()?);
    let suites = usize::from(scan.u16_be()?);
    require(suites.is_multiple_of(3))?;
    let connection_id = scan.be(2, 0..=32)? as usize;
    require(length == 11 + certificate + suites + connection_id)?;
    Ok(Proof::Structure)
}

fn ssl2_version(scan: &mut Scan<'_>) -> Step<()> {
    let major = scan.u8_if(|major| major == 0 || major == 3)?;
    scan.u8_if(|minor| if major == 3 { minor <= 4 } else { minor == 2 }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(body);
        message
    }

    fn record_of(content_type: u8, fragment: &[u8]) -> Vec<u8> {
        let mut record = vec![content_type, 3, 1];
        record.extend((fragment.len() as u16).to_be_bytes());
        record.extend(fragment);
        record
    }

    fn client_body(suites: usize, extension: usize) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([0xa5; 32]);
        body.push(32);
        body.extend([7; 32]);
        body.extend((suites as u16 * 2).to_be_bytes());
        // A GREASE suite (RFC 8701) among real ones.
        body.extend([0x0a, 0x0a].iter().chain(&[0x13, 0x01]).cycle().take(suites * 2));
        body.extend([1, 0]);
        body.extend((extension as u16 + 4).to_be_bytes());
        body.extend([0, 21]);
        body.extend((extension as u16).to_be_bytes());
        body.extend(vec![0; extension]);
        body
    }

    fn server_body(extension: bool) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([0x5a; 32]);
        body.push(0);
        body.extend([0xc0, 0x2f, 0]);
        if extension {
            body.extend([0, 5, 0xff, 1, 0, 1, 0]);
        }
        body
    }

    #[test]
    fn client_hellos() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&record_of(22, &message(1, &client_body(8, 40))), Proof::Structure);
        // Longer than the bound, and with more cipher suites than the bound holds.
        tcp.client_proves(&record_of(22, &message(1, &client_body(8, 1700))), Proof::Structure);
        tcp.client_proves(&record_of(22, &message(1, &client_body(400, 10))), Proof::Structure);
    }

    #[test]
    fn a_hello_over_many_records() {
        let hello = message(1, &client_body(8, 40));
        for size in [1, 2, 7, 50] {
            let records: Vec<u8> = hello.chunks(size).flat_map(|part| record_of(22, part)).collect();
            Trial::tcp(check).client_proves(&records, Proof::Structure);
            let mut followed = records.clone();
            followed.extend(record_of(20, &[1]));
            Trial::tcp(check).client_proves(&followed, Proof::Structure);
            let cut = [&records[..5 + size], &record_of(20, &[1])].concat();
            assert_eq!(Trial::tcp(check).client(&cut), Match::No);
        }
    }

    #[test]
    fn server_messages() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(&record_of(22, &message(2, &server_body(true))), Proof::Structure);
        let mut flight = message(2, &server_body(false));
        flight.extend(message(11, &[0; 900]));
        tcp.server_proves(&record_of(22, &flight), Proof::Structure);
        let mut extensions = record_of(22, &message(2, &server_body(true)));
        extensions[51] ^= 1;
        tcp.server_proves(&extensions, Proof::Banner);
        tcp.server_proves(&[21, 3, 3, 0, 2, 2, 40], Proof::Structure);
    }

    #[test]
    fn ssl2_hellos() {
        let mut hello = vec![0x80, 9 + 6 + 16, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 4, 1, 0, 0x80];
        hello.extend([9; 16]);
        Trial::tcp(check).client_proves(&hello, Proof::Structure);
        let mut reply = vec![0x80, 11 + 5 + 3 + 16, 4, 0, 1, 0, 2, 0, 5, 0, 3, 0, 16];
        reply.extend([1; 24]);
        Trial::tcp(check).server_proves(&reply, Proof::Structure);
    }

    #[test]
    fn midstream_records_chain() {
        let mut records = record_of(23, &[0xd1; 30]);
        records.extend(record_of(23, &[0x3b; 900]));
        Trial::tcp(check).midstream().server_proves(&records, Proof::Structure);
        Trial::tcp(check).midstream().client_proves(&records[..20], Proof::Heuristic);
        // Roles swapped.
        let hello = record_of(22, &message(1, &client_body(8, 40)));
        assert_eq!(Trial::tcp(check).midstream().server(&hello), Match::Yes(Proof::Structure));
        // With the start seen, application data comes after a hello.
        assert_eq!(Trial::tcp(check).client(&records), Match::No);
        records.truncate(35);
        records.extend([0x99, 3, 1]);
        assert_eq!(Trial::tcp(check).midstream().client(&records), Match::No);
    }

    #[test]
    fn a_header_over_junk_is_not_tls() {
        let hello = record_of(22, &message(1, &client_body(8, 40)));
        let tcp = Trial::tcp(check);
        for offset in [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 43, 76, 77] {
            let mut wrong = hello.clone();
            wrong[offset] ^= 0x85;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        for offset in [94, 96, 97, 100] {
            let mut wrong = hello.clone();
            wrong[offset] ^= 0x85;
            tcp.client_proves(&wrong, Proof::Banner);
            wrong[80] = 0x77;
            assert_eq!(tcp.client(&wrong), Match::No, "no cipher suite, byte {offset}");
        }
        assert_eq!(tcp.client(&[0x16, 3, 1, 0x40, 0, 9]), Match::No);
        assert_eq!(tcp.client(&[0x16, 3, 1, 0x02, 0, 1, 0, 0, 0x80, 3, 3]), Match::No, "lengths disagree");
        assert_eq!(tcp.client(b"GET / HTTP/1.1\r\n"), Match::No);
        // The client's hello, answered in another protocol.
        assert_eq!(tcp.both(&hello, b"SSH-2.0-x\r\n"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(200_000);
        Trial::tcp(check).midstream().refuses_noise(200_000);
    }
}
