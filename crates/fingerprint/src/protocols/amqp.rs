//! amqp: AMQP 0-8, 0-9, 0-9-1, 0-10 and 1.0.
//!
//! Specifications: AMQP 0-9-1, sections 2.2.4 (protocol header), 2.3.5 (frames) and 1.4 (connection.start); AMQP 0-10, section
//! 4.2; OASIS AMQP 1.0, part 2, section 2.2 and part 5, sections 5.2 and 5.3. The protocol header proves it, from either
//! side, and so does connection.start, by its frame's length, class, method and version. In midstream a method or a
//! heartbeat does, if the frame's end is where its length says.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Amqp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const METHOD: u8 = 1;
const HEARTBEAT: u8 = 8;
const FRAME_END: u8 = 0xce;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh(
        exchange,
        |message| match message.bytes.first() {
            Some(&(METHOD | HEARTBEAT)) if midstream => frame(message),
            _ => header(message),
        },
        |message| match message.bytes.first() {
            Some(&METHOD) => start(message),
            _ => header(message),
        },
    )
}

/// `AMQP`, a protocol (of 1.0: AMQP, TLS or SASL), and a version.
fn header(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"AMQP")?;
    match scan.u8_if(|class| matches!(class, 0..=3))? {
        // 0-9-1: zero, then the version; 1.0.
        0 => {
            if scan.u8_if(|major| major <= 1)? == 0 {
                scan.expect(&[9])?;
                scan.u8_if(|revision| revision <= 1)?;
            } else {
                scan.expect(&[0, 0])?;
            }
        }
        // TLS and SASL of 1.0; class 1, instance 1 of 0-8 to 0-10.
        1 => {
            scan.expect(&[1])?;
            scan.u8_if(|version| matches!(version, 0 | 8 | 9))?;
            scan.u8_if(|revision| revision <= 10)?;
        }
        _ => scan.expect(&[1, 0, 0])?,
    }
    Ok(Proof::Banner)
}

/// Frame header, connection.start, version, and a table of properties that fits.
fn start(message: Message<'_>) -> Step<Proof> {
    const LARGEST: u64 = 0x2_0000;
    let mut scan = message.scan();
    scan.expect(&[METHOD, 0, 0])?;
    let length = scan.be(4, 4 + 2 + 4 + 4 + 4..=LARGEST)?;
    scan.expect(&[0, 10, 0, 10])?;
    match scan.u8_if(|major| matches!(major, 0 | 8))? {
        0 => scan.u8_if(|minor| matches!(minor, 8..=10))?,
        _ => scan.u8_if(|minor| minor == 0)?,
    };
    scan.be(4, 0..=length - 18)?;
    Ok(Proof::Structure)
}

/// A heartbeat, or a method of the classes of the specification.
fn frame(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.u8_if(|kind| matches!(kind, METHOD | HEARTBEAT))? == HEARTBEAT {
        scan.expect(&[0, 0, 0, 0, 0, 0, FRAME_END])?;
        return Ok(Proof::Banner);
    }
    scan.skip(2)?;
    let length = scan.be(4, 4..=400)? as usize;
    let mut payload = scan.part(length)?;
    let class = payload.be(2, 10..=90)?;
    require(matches!(class, 10 | 20 | 40 | 50 | 60 | 85 | 90))?;
    payload.be(2, 10..=120)?;
    if !payload.is_whole() {
        return Err(Stop::Short);
    }
    scan.expect(&[FRAME_END])?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const START: &[u8] = b"\x01\0\0\0\0\x01\xf0\0\x0a\0\x0a\0\x09\0\0\x01\xcb\x0ccapabilities";

    #[test]
    fn headers_of_every_version() {
        let tcp = Trial::tcp(check);
        for header in [
            b"AMQP\0\0\x09\x01",
            b"AMQP\x01\x01\0\x09",
            b"AMQP\x01\x01\x08\0",
            b"AMQP\x01\x01\0\x0a",
            b"AMQP\0\x01\0\0",
            b"AMQP\x02\x01\0\0",
            b"AMQP\x03\x01\0\0",
        ] {
            tcp.client_proves(header, Proof::Banner);
            tcp.server_proves(header, Proof::Banner);
        }
        tcp.server_proves(START, Proof::Structure);
        assert_eq!(tcp.both(b"AMQP\0\0\x09\x01", START), Match::Yes(Proof::Structure));
    }

    #[test]
    fn midstream_frames() {
        let tcp = Trial::tcp(check).midstream();
        tcp.client_proves(b"\x08\0\0\0\0\0\0\xce", Proof::Banner);
        tcp.client_proves(b"\x01\0\x01\0\0\0\x05\0\x14\0\x0a\0\xce", Proof::Structure);
        assert_eq!(tcp.client(b"\x01\0\x01\0\0\0\x05\0\x14\0\x0a\0\xcd"), Match::No);
        assert_eq!(Trial::tcp(check).client(b"\x08\0\0\0\0\0\0\xce"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"AMQP\0\0\x08\x01".as_slice(), b"AMQP\x04\x01\0\0", b"AMQP/1.0", b"AMQP\0\x01\0\x01"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"\x01\0\0\0\0\x01\xf0\0\x0a\0\x0b"), Match::No);
        assert_eq!(tcp.client(START), Match::No);
        assert_eq!(tcp.both(b"AMQP\0\0\x09\x01", b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::tcp(check).midstream().refuses_noise(100_000);
    }
}
