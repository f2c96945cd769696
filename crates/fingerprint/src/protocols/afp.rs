//! afp: the Apple Filing Protocol over TCP, in the frames of DSI.
//!
//! Specification: Apple Filing Protocol Programming Guide, version 3.4, "Data Stream Interface". A session opens with
//! DSIOpenSession or DSIGetStatus; a header with its zeros, and options or a status block whose lengths and offsets fit,
//! prove it. A request without a payload is mostly zeros, and plausible at best.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Afp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const REQUEST: u8 = 0;
const REPLY: u8 = 1;
const GET_STATUS: u8 = 3;
const OPEN_SESSION: u8 = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| header(message, REQUEST), |message| header(message, REPLY))
}

fn header(message: Message<'_>, flags: u8) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[flags])?;
    let command = scan.u8_if(|command| matches!(command, GET_STATUS | OPEN_SESSION))?;
    scan.skip(2)?;
    // The offset of data to write, or the error of a reply that is none.
    scan.expect(&[0; 4])?;
    let longest = if flags == REQUEST { 64 } else { 4096 };
    let length = scan.be(4, 0..=longest)? as usize;
    scan.expect(&[0; 4])?;
    let mut payload = scan.part(length)?;
    match (flags, command) {
        (REPLY, GET_STATUS) => status(&mut payload, length),
        (_, OPEN_SESSION) if length > 0 => options(&mut payload),
        // The command that asks for the status may be there, padded.
        (REQUEST, GET_STATUS) if length == 2 => payload.expect(&[15, 0]).map(|()| Proof::Heuristic),
        _ => require(length == 0).map(|()| Proof::Heuristic),
    }
}

/// The first option: server quantum, attention quantum or replay cache size, each a number of four bytes.
fn options(payload: &mut Scan<'_>) -> Step<Proof> {
    payload.u8_if(|kind| kind <= 2)?;
    payload.expect(&[4])?;
    payload.skip(4)?;
    Ok(Proof::Structure)
}

/// Offsets of machine type, versions, authentication methods and icon, flags, and the server's name.
fn status(payload: &mut Scan<'_>, length: usize) -> Step<Proof> {
    const HEADER: u64 = 10;
    let last = (length as u64).checked_sub(1).ok_or(Stop::Wrong)?;
    for _ in 0..3 {
        payload.be(2, HEADER + 1..=last)?;
    }
    let icon = payload.be(2, 0..=last)?;
    require(icon == 0 || icon > HEADER)?;
    payload.skip(2)?;
    let name = payload.be(1, 1..=last - HEADER)?;
    let first = payload.u8()?;
    require(name <= 128 && first >= 0x20 && first != 0x7f)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn frame(flags: u8, command: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![flags, command, 0, 1, 0, 0, 0, 0, 0, 0, 0, payload.len() as u8, 0, 0, 0, 0];
        frame.extend(payload);
        frame
    }

    fn server_status() -> Vec<u8> {
        let mut status = vec![0, 20, 0, 30, 0, 50, 0, 0, 0x8f, 0xfb, 6];
        status.extend(b"server\0\0\0\x09Macintosh\x02\x06AFP3.4\x06AFPX03\0\0\0\x01\x04DHX2");
        status
    }

    #[test]
    fn sessions_and_status() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&frame(0, 4, b"\x01\x04\0\0\x04\0"), Proof::Structure);
        tcp.server_proves(&frame(1, 4, b"\0\x04\0\x10\0\0\x02\x04\0\0\0\x80"), Proof::Structure);
        tcp.client_proves(&frame(0, 3, b""), Proof::Heuristic);
        tcp.client_proves(&frame(0, 3, b"\x0f\0"), Proof::Heuristic);
        tcp.client_proves(&frame(0, 4, b""), Proof::Heuristic);
        tcp.server_proves(&frame(1, 3, &server_status()), Proof::Structure);
        assert_eq!(tcp.both(&frame(0, 3, b""), &frame(1, 3, &server_status())), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&frame(0, 2, b"")), Match::No);
        assert_eq!(tcp.client(&frame(0, 4, b"\x01\x02\0\0")), Match::No);
        assert_eq!(tcp.client(&frame(0, 3, b"\x0e\0")), Match::No);
        assert_eq!(tcp.client(&frame(1, 4, b"")), Match::No);
        let mut status = server_status();
        status[3] = 200;
        assert_eq!(tcp.server(&frame(1, 3, &status)), Match::No);
        let mut reserved = frame(0, 4, b"\x01\x04\0\0\x04\0");
        reserved[15] = 1;
        assert_eq!(tcp.client(&reserved), Match::No);
        assert_eq!(tcp.both(&frame(0, 3, b""), b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
