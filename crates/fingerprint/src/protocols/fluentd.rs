//! fluentd: the Forward protocol of Fluentd and Fluent Bit.
//!
//! Specifications: fluent/fluentd wiki, "Forward Protocol Specification v1" and v1.5; MessagePack. The server's HELO
//! and the client's PING prove it, and so does a batch of events: a tag, and entries of a time and a record. A single
//! event whose time is a plain number is plausible.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Fluentd,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// MessagePack's first bytes.
const MAP_16: u8 = 0xde;
const ARRAY_16: u8 = 0xdc;
const ARRAY_32: u8 = 0xdd;
const UINT_32: u8 = 0xce;
const FIXEXT_8: u8 = 0xd7;
const EXT_8: u8 = 0xc7;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, client, server)
}

fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let elements = scan.u8_if(|first| matches!(first, 0x92..=0x94 | 0x96))? & 0x0f;
    if elements == 6 {
        scan.expect(b"\xa4PING")?;
        return Ok(Proof::Banner);
    }
    tag(&mut scan)?;
    match scan.u8()? {
        // Forward mode: an array of entries.
        first @ (0x91..=0x9f | ARRAY_16 | ARRAY_32) if elements < 4 => {
            scan.skip(match first {
                ARRAY_16 => 2,
                ARRAY_32 => 4,
                _ => 0,
            })?;
            entry(&mut scan)
        }
        // Packed: as binary data or as a string.
        first @ (0xc4..=0xc6 | 0xd9..=0xdb) if elements < 4 => {
            let width = match first {
                0xc4 | 0xd9 => 1,
                0xc5 | 0xda => 2,
                _ => 4,
            };
            scan.be(width, 12..=0x1000_0000)?;
            if scan.rest().first() == Some(&0x1f) {
                scan.expect(&[0x1f, 0x8b, 8])?;
                return Ok(Proof::Structure);
            }
            entry(&mut scan)
        }
        // Message mode: time and record.
        first if elements > 2 => {
            let proof = time(first, &mut scan)?;
            record(&mut scan)?;
            Ok(proof)
        }
        _ => Err(Stop::Wrong),
    }
}

/// HELO with its options, or, to a client that has been refused or let in, PONG.
fn server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.u8_if(|first| matches!(first, 0x92 | 0x95 | 0x81))? == 0x81 {
        // An acknowledgement.
        scan.expect(b"\xa3ack")?;
        return Ok(Proof::Banner);
    }
    scan.u8_if(|first| first == 0xa4)?;
    match scan.u8_if(|first| matches!(first, b'H' | b'P'))? {
        b'H' => scan.expect(b"ELO")?,
        _ => scan.expect(b"ONG")?,
    }
    Ok(Proof::Banner)
}

/// Words between dots.
fn tag(scan: &mut Scan<'_>) -> Step<()> {
    let first = scan.u8_if(|first| matches!(first, 0xa2..=0xbf | 0xd9))?;
    let length = if first == 0xd9 { scan.u8_if(|length| length > 1)? } else { first & 0x1f };
    let length = usize::from(length);
    let mut tag = scan.part(length)?;
    let is_tag = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(byte);
    require(tag.rest().iter().all(is_tag))?;
    tag.skip(length)
}

/// A time, perhaps with metadata (version 1.5), and a record.
fn entry(scan: &mut Scan<'_>) -> Step<Proof> {
    scan.expect(&[0x92])?;
    let mut first = scan.u8()?;
    if first == 0x92 {
        first = scan.u8()?;
        time(first, scan)?;
        return record(scan).map(|()| Proof::Structure);
    }
    time(first, scan)?;
    record(scan)?;
    Ok(Proof::Structure)
}

/// Seconds since 1970, or an extension of type 0 and eight bytes.
fn time(first: u8, scan: &mut Scan<'_>) -> Step<Proof> {
    match first {
        UINT_32 => {
            // Since 2001.
            scan.be(4, 0x3b9a_ca00..=0xffff_ffff)?;
            Ok(Proof::Heuristic)
        }
        FIXEXT_8 => {
            scan.expect(&[0])?;
            scan.skip(8)?;
            Ok(Proof::Structure)
        }
        EXT_8 => {
            scan.expect(&[8, 0])?;
            scan.skip(8)?;
            Ok(Proof::Structure)
        }
        _ => Err(Stop::Wrong),
    }
}

/// A map.
fn record(scan: &mut Scan<'_>) -> Step<()> {
    scan.u8_if(|first| matches!(first, 0x80..=0x8f | MAP_16)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const RECORD: &[u8] = b"\x81\xa7message\xa3foo";

    #[test]
    fn events() {
        let tcp = Trial::tcp(check);
        let seconds = b"\xce\x65\x00\x00\x01";
        let precise = b"\xd7\0\x65\0\0\x01\0\0\0\x07";
        tcp.client_proves(&[&b"\x93\xa7app.log"[..], seconds, RECORD].concat(), Proof::Heuristic);
        tcp.client_proves(&[&b"\x94\xa7app.log"[..], precise, RECORD, b"\x80"].concat(), Proof::Structure);
        tcp.client_proves(&[&b"\x92\xa7app.log\x91\x92"[..], seconds, RECORD].concat(), Proof::Structure);
        tcp.client_proves(
            &[&b"\x93\xa7app.log\xc4\x18\x92"[..], precise, RECORD, b"\x80"].concat(),
            Proof::Structure,
        );
        tcp.client_proves(
            &[&b"\x93\xa7app.log\xdb\0\0\0\x18\x92\x92"[..], precise, b"\x80", RECORD].concat(),
            Proof::Structure,
        );
        tcp.client_proves(b"\x93\xa7app.log\xc5\x01\0\x1f\x8b\x08\0", Proof::Structure);
    }

    #[test]
    fn handshakes() {
        let tcp = Trial::tcp(check);
        let hello = b"\x92\xa4HELO\x83\xa5nonce";
        let ping = b"\x96\xa4PING\xa4host";
        tcp.server_proves(hello, Proof::Banner);
        tcp.client_proves(ping, Proof::Banner);
        assert_eq!(Talk::tcp().server(hello).client(ping).ask(check), Match::Yes(Proof::Banner));
        tcp.server_proves(b"\x81\xa3ack\xb8abc", Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\x93\xa7app log"), Match::No);
        assert_eq!(tcp.client(b"\x93\xa7app.log\xce\0"), Match::No, "a time of 1970");
        assert_eq!(tcp.client(b"\x93\xa7app.log\xc4\x18\x93"), Match::No);
        assert_eq!(tcp.client(b"\x92\xa4HELO"), Match::Maybe);
        assert_eq!(tcp.client(b"\x92\xa4HELO\x83"), Match::No);
        assert_eq!(tcp.server(b"\x92\xa4HELP"), Match::No);
        // RPC over MessagePack: [type, id, method, parameters].
        assert_eq!(tcp.client(b"\x94\0\x01\xa3add\x92\x01\x02"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
