//! beats: the Lumberjack protocol of Elastic Beats and Logstash, versions 1 and 2.
//!
//! Specifications: elastic/logstash-forwarder, `PROTOCOL.md` (version 1); elastic/go-lumber (version 2). Frames of a version, a
//! letter and numbers: a window's size and the frame behind it prove it. The server's acknowledgement is six bytes and
//! plausible.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Beats,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, client, server)
}

fn client(message: Message<'_>) -> Step<Proof> {
    const WINDOW_MAX: u64 = 0x10_0000;
    let mut scan = message.scan();
    let version = scan.u8_if(|version| matches!(version, b'1' | b'2'))?;
    scan.expect(b"W")?;
    let window = scan.be(4, 1..=WINDOW_MAX)?;
    scan.expect(&[version])?;
    data(&mut scan, version, window)
}

/// Compressed frames, JSON, or, of version 1, pairs of keys and values.
fn data(scan: &mut Scan<'_>, version: u8, window: u64) -> Step<Proof> {
    const LARGEST: u64 = 0x0400_0000;
    match scan.u8()? {
        b'C' => {
            scan.be(4, 8..=LARGEST)?;
            // zlib, of any level.
            scan.expect(&[0x78])?;
            scan.u8_if(|flags| matches!(flags, 0x01 | 0x5e | 0x9c | 0xda))?;
        }
        b'J' if version == b'2' => {
            scan.be(4, 0..=window)?;
            scan.be(4, 2..=LARGEST)?;
            scan.expect(b"{")?;
        }
        b'D' => {
            scan.skip(4)?;
            scan.be(4, 1..=0x400)?;
            let length = scan.be(4, 1..=0xff)? as usize;
            let mut key = scan.part(length)?;
            require(key.rest().iter().all(|byte| matches!(byte, 0x20..=0x7e)))?;
            key.skip(length)?;
        }
        _ => return Err(Stop::Wrong),
    }
    Ok(Proof::Structure)
}

/// Acknowledgements, and nothing else; in version 2 also of zero, to keep the connection.
fn server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.u8_if(|version| matches!(version, b'1' | b'2'))?;
    scan.expect(b"A")?;
    scan.be(4, 0..=0x10_0000)?;
    if !scan.is_empty() {
        scan.u8_if(|version| matches!(version, b'1' | b'2'))?;
    }
    Ok(Proof::Heuristic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const COMPRESSED: &[u8] = b"2W\0\0\0\x0a2C\0\0\x01\x40\x78\x5e\xa4\x93";

    #[test]
    fn frames() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(COMPRESSED, Proof::Structure);
        tcp.client_proves(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x0d{\"message\":1}", Proof::Structure);
        tcp.client_proves(b"1W\0\0\0\x011D\0\0\0\x01\0\0\0\x02\0\0\0\x04host", Proof::Structure);
        tcp.server_proves(b"2A\0\0\0\x0a", Proof::Heuristic);
        tcp.server_proves(b"2A\0\0\0\x002A\0\0\0\x0a", Proof::Heuristic);
        assert_eq!(tcp.both(COMPRESSED, b"2A\0\0\0\x0a"), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"2W\0\0\0\0".as_slice(),
            b"2What",
            b"3W\0\0\0\x01",
            b"2W\0\0\0\x0a1C",
            b"2W\0\0\0\x0a2C\0\0\x01\x40\x79",
            b"1W\0\0\0\x011J",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"2A\0\0\0\x0araw"), Match::No);
        assert_eq!(tcp.both(COMPRESSED, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
