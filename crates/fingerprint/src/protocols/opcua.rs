//! opcua: OPC UA over TCP.
//!
//! Specification: OPC 10000-6 (OPC Unified Architecture, part 6), sections 6.7.2 (message chunks) and 7.1.2 (Hello,
//! Acknowledge, Error, ReverseHello). A type, a size, and the lengths in it prove it. In midstream the header of
//! a chunk is no more than a banner.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Opcua,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Type, chunk, size.
const HEADER: u64 = 8;
/// The longest text of section 7.1.2.
const TEXT_MAX: u64 = 4096;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh(
        exchange,
        |message| chunk(message, midstream, |kind| matches!(kind, b"HEL" | b"RHE")),
        |message| chunk(message, midstream, |kind| matches!(kind, b"ACK" | b"ERR" | b"HEL")),
    )
}

fn chunk(message: Message<'_>, midstream: bool, opens: impl Fn(&[u8; 3]) -> bool) -> Step<Proof> {
    const KINDS: [&[u8; 3]; 7] = [b"HEL", b"RHE", b"ACK", b"ERR", b"OPN", b"MSG", b"CLO"];
    let mut scan = message.scan();
    let start = &scan.rest()[..scan.len().min(3)];
    let later = |kind: &[u8; 3]| midstream && matches!(kind, b"OPN" | b"MSG" | b"CLO");
    let kind = KINDS.iter().find(|kind| kind.starts_with(start) && (opens(kind) || later(kind)));
    let kind = kind.ok_or(Stop::Wrong)?;
    scan.skip(3)?;
    match *kind {
        b"MSG" => scan.u8_if(|chunk| matches!(chunk, b'F' | b'C' | b'A'))?,
        _ => scan.u8_if(|chunk| chunk == b'F')?,
    };
    match *kind {
        b"HEL" => {
            let size = scan.le(4, HEADER + 24..=HEADER + 24 + TEXT_MAX)?;
            limits(&mut scan)?;
            text(&mut scan, size - HEADER - 24)?;
        }
        b"ACK" => {
            scan.le(4, HEADER + 20..=HEADER + 20)?;
            limits(&mut scan)?;
        }
        b"ERR" => {
            let size = scan.le(4, HEADER + 8..=HEADER + 8 + TEXT_MAX)?;
            // A status code whose severity is bad.
            scan.le(4, 0x8000_0000..=0xbfff_ffff)?;
            text(&mut scan, size - HEADER - 8)?;
        }
        b"RHE" => {
            let size = scan.le(4, HEADER + 8..=HEADER + 8 + 2 * TEXT_MAX)?;
            // The server's name; an address follows it.
            scan.le(4, 1..=size - HEADER - 8)?;
            scan.u8_if(|byte| byte.is_ascii_graphic())?;
        }
        b"OPN" => {
            const POLICY: &[u8] = b"http://opcfoundation.org/UA/SecurityPolicy#";
            let size = scan.le(4, HEADER + 16..=0x00ff_ffff)?;
            scan.skip(4)?;
            scan.le(4, POLICY.len() as u64..=(size - HEADER - 8).min(255))?;
            scan.expect(POLICY)?;
        }
        _ => {
            scan.le(4, HEADER + 16..=0x00ff_ffff)?;
            scan.le(4, 1..=0xffff_ffff)?;
            // Token, sequence number, request.
            scan.skip(12)?;
            return Ok(Proof::Banner);
        }
    }
    Ok(Proof::Structure)
}

/// Version, sizes of the buffers, of a message and its chunks.
fn limits(scan: &mut Scan<'_>) -> Step<()> {
    const BUFFER: std::ops::RangeInclusive<u64> = 1024..=0x7fff_ffff;
    scan.le(4, 0..=0xff)?;
    scan.le(4, BUFFER)?;
    scan.le(4, BUFFER)?;
    scan.skip(4 + 4)
}

/// A text that fills the message: its length, or none.
fn text(scan: &mut Scan<'_>, room: u64) -> Step<()> {
    let length = scan.u32_le()?;
    require(u64::from(length) == room || (length == u32::MAX && room == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn message(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        let size = (body.len() as u32 + 8).to_le_bytes();
        [kind, &size, &body].concat()
    }

    const LIMITS: [u8; 20] = [0, 0, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    fn hello() -> Vec<u8> {
        message(b"HELF", &[&LIMITS, &[20, 0, 0, 0], b"opc.tcp://plc.a:4840"])
    }

    #[test]
    fn openings() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&hello(), Proof::Structure);
        tcp.client_proves(&message(b"HELF", &[&LIMITS, &[0xff; 4]]), Proof::Structure);
        tcp.server_proves(&message(b"ACKF", &[&LIMITS]), Proof::Structure);
        let error = message(b"ERRF", &[&[0, 0, 0x83, 0x80], &[3, 0, 0, 0], b"bad"]);
        tcp.server_proves(&error, Proof::Structure);
        let reverse = message(b"RHEF", &[&[5, 0, 0, 0], b"urn:a", &[9, 0, 0, 0], b"opc.tcp:/"]);
        tcp.client_proves(&reverse, Proof::Structure);
        assert_eq!(tcp.both(&reverse, &hello()), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(&hello(), &message(b"ACKF", &[&LIMITS])), Match::Yes(Proof::Structure));
    }

    #[test]
    fn chunks_in_midstream() {
        let tcp = Trial::tcp(check).midstream();
        let chunk = message(b"MSGF", &[&[7, 0, 0, 0], &[1; 12], &[9; 30]]);
        tcp.client_proves(&chunk, Proof::Banner);
        tcp.server_proves(&chunk, Proof::Banner);
        let policy = b"http://opcfoundation.org/UA/SecurityPolicy#None";
        let open = message(b"OPNF", &[&[0; 4], &[47, 0, 0, 0], policy, &[0xff; 8], &[1; 20]]);
        tcp.client_proves(&open, Proof::Structure);
        assert_eq!(Trial::tcp(check).client(&chunk), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (offset, value) in [(0, b'h'), (3, b'C'), (4, 0), (6, 1), (14, 0x80), (28, 21)] {
            let mut wrong = hello();
            wrong[offset] = value;
            if offset == 14 {
                wrong[15] = 0x80;
            }
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.client(b"HELO a\r\n"), Match::No);
        assert_eq!(tcp.client(b"HELP\r\n"), Match::No);
        assert_eq!(tcp.server(b"ERR no\r\n"), Match::No);
        assert_eq!(tcp.both(&hello(), b"HTTP/1.1 400"), Match::No);
        assert_eq!(tcp.client(&message(b"ACKF", &[&LIMITS])), Match::No, "a reply from the client");
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
