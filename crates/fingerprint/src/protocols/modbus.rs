//! modbus: Modbus/TCP (and the same over UDP).
//!
//! Specifications: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3 (the MBAP header); MODBUS
//! Application Protocol V1.1b3, section 6 (functions) and 7 (exceptions). Zero protocol id, and a length that is what
//! the function prescribes, prove it, from either side. Functions without a prescribed length
//! (the vendors' own, and fields beyond the specification) become plausible by a reply of the same transaction, unit
//! and function.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Modbus,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[
        (2, |byte| byte == 0),
        (3, |byte| byte == 0),
        (4, |byte| byte == 0),
        (5, |length| length >= 2),
        (7, |code| code & !EXCEPTION != 0),
    ]],
    stream: &[
        (2, |byte| byte == 0),
        (3, |byte| byte == 0),
        (4, |byte| byte == 0),
        (5, |length| length >= 2),
        (7, |code| code & !EXCEPTION != 0),
    ],
    check,
};

/// Set in the function of an exception response.
const EXCEPTION: u8 = 0x80;

fn check(exchange: &Exchange<'_>) -> Match {
    let sides = weigh(exchange, |message| units(message, request), |message| units(message, response));
    match sides {
        Match::Maybe if answered(&exchange.client, &exchange.server) => Match::Yes(Proof::Heuristic),
        _ => sides,
    }
}

/// What the body of one PDU says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Its length and fields are the function's.
    Agrees,
    /// The function prescribes nothing that could be checked.
    Opaque,
}

type Function = fn(&mut Scan<'_>, u8, usize) -> Step<Body>;

/// Application data units: one that agrees proves it, if the first few that are seen have a sound header.
fn units(message: Message<'_>, function: Function) -> Step<Proof> {
    const ENOUGH: usize = 8;
    let mut scan = message.scan();
    let mut agrees = false;
    let mut seen = 0;
    while seen < ENOUGH || !agrees {
        let (code, mut body, length) = match header(&mut scan) {
            Err(Stop::Short) if agrees => break,
            header => header?,
        };
        match function(&mut body, code, length) {
            Ok(Body::Agrees) => agrees = true,
            Ok(Body::Opaque) => {}
            Err(Stop::Short) if agrees => break,
            Err(stop) => return Err(stop),
        }
        if scan.is_empty() {
            break;
        }
        seen += 1;
    }
    // Opaque: only the other side can settle it.
    if agrees { Ok(Proof::Structure) } else { Err(Stop::Short) }
}

/// MBAP header and function: the code, the rest of the PDU, and its length.
fn header<'a>(scan: &mut Scan<'a>) -> Step<(u8, Scan<'a>, usize)> {
    // Unit and function at least; a PDU is at most 253 bytes.
    const LENGTH: std::ops::RangeInclusive<u64> = 2..=254;
    scan.skip(2)?;
    scan.expect(&[0, 0])?;
    let length = scan.be(2, LENGTH)? as usize;
    scan.skip(1)?;
    let code = scan.u8_if(|code| code & !EXCEPTION != 0)?;
    Ok((code, scan.part(length - 2)?, length - 2))
}

fn request(body: &mut Scan<'_>, code: u8, length: usize) -> Step<Body> {
    require(code & EXCEPTION == 0)?;
    match code {
        // Read coils and discrete inputs; holding and input registers: address, quantity.
        1 | 2 if length == 4 => quantity(body, 2000),
        3 | 4 if length == 4 => quantity(body, 125),
        // Write one coil: on or off. Write one register.
        5 if length == 4 => {
            body.skip(2)?;
            body.u8_if(|value| matches!(value, 0x00 | 0xff))?;
            body.expect(&[0])?;
            Ok(Body::Agrees)
        }
        6 if length == 4 => Ok(Body::Agrees),
        // Exception status, event counter and log, server id.
        7 | 11 | 12 | 17 if length == 0 => Ok(Body::Agrees),
        // Diagnostics: sub-function, data.
        8 if length >= 4 => body.be(2, 0..=20).map(|_| Body::Agrees),
        // Write several: address, quantity, count of bytes, bytes.
        15 | 16 if length > 5 => {
            body.skip(2)?;
            let quantity = body.be(2, 1..=1968)? as usize;
            let bytes = if code == 15 { quantity.div_ceil(8) } else { 2 * quantity };
            require(bytes == length - 5)?;
            body.expect(&[bytes as u8])?;
            Ok(Body::Agrees)
        }
        20 | 21 if length > 1 => counted(body, length),
        22 if length == 6 => Ok(Body::Agrees),
        // Read FIFO queue.
        24 if length == 2 => Ok(Body::Agrees),
        // Encapsulated interface: device identification.
        43 if length == 3 => {
            body.expect(&[14])?;
            body.u8_if(|level| (1..=4).contains(&level))?;
            Ok(Body::Agrees)
        }
        _ => Ok(Body::Opaque),
    }
}

fn response(body: &mut Scan<'_>, code: u8, length: usize) -> Step<Body> {
    if code & EXCEPTION != 0 {
        if length != 1 {
            return Err(Stop::Wrong);
        }
        body.u8_if(|exception| (1..=11).contains(&exception))?;
        return Ok(Body::Agrees);
    }
    match code {
        1 | 2 if length > 1 => counted(body, length),
        3 | 4 | 23 if length > 1 && length % 2 == 1 => counted(body, length),
        5 if length == 4 => request(body, code, length),
        6 if length == 4 => Ok(Body::Agrees),
        7 if length == 1 => Ok(Body::Agrees),
        8 if length >= 4 => request(body, code, length),
        11 if length == 4 => Ok(Body::Agrees),
        15 | 16 if length == 4 => quantity(body, 1968),
        12 | 17 | 20 | 21 if length > 1 => counted(body, length),
        22 if length == 6 => Ok(Body::Agrees),
        _ => Ok(Body::Opaque),
    }
}

fn quantity(body: &mut Scan<'_>, most: u64) -> Step<Body> {
    body.skip(2)?;
    match body.be(2, 1..=most) {
        // Scanners ask for too much; the device's reply settles it.
        Err(Stop::Wrong) => Ok(Body::Opaque),
        read => read.map(|_| Body::Agrees),
    }
}

/// A count of the bytes that follow it and fill the PDU.
fn counted(body: &mut Scan<'_>, length: usize) -> Step<Body> {
    let count = usize::from(body.u8()?);
    Ok(if count + 1 == length { Body::Agrees } else { Body::Opaque })
}

/// Whether the first unit of each side has the same transaction, unit and function.
fn answered(one: &Side<'_>, other: &Side<'_>) -> bool {
    let first = |side: &Side<'_>| side.bytes.first_chunk::<8>().copied();
    match (first(one), first(other)) {
        (Some(one), Some(other)) => {
            one[..2] == other[..2] && one[6] == other[6] && one[7] & !EXCEPTION == other[7] & !EXCEPTION
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn unit(transaction: u8, pdu: &[u8]) -> Vec<u8> {
        let mut unit = vec![0, transaction, 0, 0, 0, pdu.len() as u8 + 1, 1];
        unit.extend(pdu);
        unit
    }

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        for pdu in [
            &b"\x03\0\x01\0\x0a"[..],
            b"\x05\0\x01\xff\0",
            b"\x06\0\x01\x12\x34",
            b"\x10\0\x01\0\x02\x04\0\x01\0\x02",
            b"\x0f\0\x13\0\x0a\x02\xcd\x01",
            b"\x2b\x0e\x01\0",
            b"\x11",
        ] {
            tcp.client_proves(&unit(1, pdu), Proof::Structure);
            Trial::udp(check).client_proves(&unit(1, pdu), Proof::Structure);
        }
        tcp.client_proves(
            &[unit(1, b"\x03\0\x01\0\x0a"), unit(2, b"\x06\0\x01\x12\x34")].concat(),
            Proof::Structure,
        );
    }

    #[test]
    fn responses() {
        let tcp = Trial::tcp(check);
        for pdu in [&b"\x03\x04\x12\x34\x56\x78"[..], b"\x83\x02", b"\x10\0\x01\0\x02", b"\x01\x01\x05"] {
            tcp.server_proves(&unit(1, pdu), Proof::Structure);
        }
    }

    #[test]
    fn the_vendors_functions_need_their_reply() {
        let tcp = Trial::tcp(check);
        let request = unit(7, b"\x5a\0\x02");
        assert_eq!(tcp.client(&request), Match::Maybe);
        assert_eq!(tcp.both(&request, &unit(7, b"\x5a\0\xfe\x10\xff")), Match::Yes(Proof::Heuristic));
        assert_eq!(tcp.both(&request, &unit(8, b"\x5a\0\xfe\x10\xff")), Match::Maybe);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        // A type, a length of four bytes, a value: not yet anything, and refuted by the next one.
        let values = b"\0\x01\0\0\0\x08abcdefgh\0\x02\0\0\0\x04ijkl";
        assert_eq!(tcp.client(&values[..14]), Match::Maybe);
        assert_eq!(tcp.client(b"\0\x01\0\0\0\x08abcdefgh0123456789"), Match::No);
        assert_eq!(tcp.client(b"\0\x01\0\x01"), Match::No);
        assert_eq!(tcp.client(b"\0\x01\0\0\x01"), Match::No);
        assert_eq!(tcp.client(&unit(1, b"\x83\x02")), Match::No, "an exception from the client");
        assert_eq!(tcp.both(&unit(1, b"\x03\0\x01\0\x0a"), b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::udp(check).refuses_noise(100_000);
    }
}
