//! aerospike: Aerospike's wire protocol.
//!
//! Specification: Aerospike client API, `as_proto.h` (header, types) and "Info" commands. Eight bytes of version, type and
//! size, then what agrees with them proves it, from either side: lines of text that fill an info message, or the fixed
//! header of a data or admin message.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Aerospike,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const VERSION: u8 = 2;
const INFO: u8 = 1;
const ADMIN: u8 = 2;
const MESSAGE: u8 = 3;
/// PROTO_SIZE_MAX.
const LARGEST: u64 = 128 << 20;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| proto(message, true), |message| proto(message, false))
}

fn proto(message: Message<'_>, from_client: bool) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[VERSION])?;
    let kind = scan.u8_if(|kind| matches!(kind, INFO | ADMIN | MESSAGE))?;
    let size = scan.be(6, 3..=LARGEST)?;
    match kind {
        INFO => info(&mut scan, size as usize, from_client),
        ADMIN => admin(&mut scan, size),
        _ => data(&mut scan, size, from_client),
    }
}

/// Names, each ended by LF; in an answer a tab and the value behind each. The last LF may be missing.
fn info(scan: &mut Scan<'_>, size: usize, from_client: bool) -> Step<Proof> {
    const ENOUGH: usize = 64;
    let mut body = scan.part(size)?;
    let seen = &body.rest()[..body.len().min(ENOUGH)];
    // Names of commands, with their arguments.
    let is_name = |byte: &u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'/' | b':' | b'=' | b';' | b'.' | b',');
    let end = seen.iter().position(|byte| !is_name(byte));
    let name = &seen[..end.unwrap_or(seen.len())];
    require(
        name.first().is_none_or(u8::is_ascii_lowercase) && seen.first().is_none_or(u8::is_ascii_lowercase),
    )?;
    match end.map(|end| seen[end]) {
        Some(b'\n') => {}
        Some(b'\t') => require(!from_client)?,
        Some(_) => return Err(Stop::Wrong),
        // The whole is one name.
        None => {
            body.skip(size.min(ENOUGH))?;
        }
    }
    require(seen.iter().all(|&byte| byte >= 0x20 || matches!(byte, b'\n' | b'\t')))?;
    require(name.len() >= 3)?;
    Ok(Proof::Structure)
}

/// Version, result, command, number of fields, twelve reserved bytes.
fn admin(scan: &mut Scan<'_>, size: u64) -> Step<Proof> {
    require((16..=0x1_0000).contains(&size))?;
    scan.expect(&[0])?;
    scan.skip(1)?;
    scan.u8_if(|command| command <= 64)?;
    scan.u8_if(|fields| fields <= 32)?;
    scan.expect(&[0; 12])?;
    Ok(Proof::Structure)
}

/// Length of this header, four bytes of flags, result, generation, two times, numbers of fields and operations; a field's
/// length, in a request.
fn data(scan: &mut Scan<'_>, size: u64, from_client: bool) -> Step<Proof> {
    const HEADER: u8 = 22;
    let room = size.checked_sub(u64::from(HEADER)).ok_or(Stop::Wrong)?;
    scan.expect(&[HEADER])?;
    scan.skip(4)?;
    if from_client {
        scan.expect(&[0])?;
    } else {
        scan.skip(1)?;
    }
    scan.skip(4 + 4 + 4)?;
    let fields = scan.be(2, 0..=64)?;
    let operations = scan.be(2, 0..=0x7fff)?;
    if fields == 0 && operations == 0 {
        require(room == 0 || !from_client)?;
        return Ok(Proof::Structure);
    }
    scan.be(4, 1..=room.checked_sub(4).ok_or(Stop::Wrong)?)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[2, kind, 0, 0, 0, 0, 0, body.len() as u8][..], body].concat()
    }

    #[test]
    fn info_messages() {
        let tcp = Trial::tcp(check);
        let question = message(1, b"node\npartition-generation\nfeatures\n");
        let answer = message(1, b"node\tBB9020011AC4202\npartition-generation\t0\n");
        tcp.client_proves(&question, Proof::Structure);
        tcp.client_proves(&message(1, b"build"), Proof::Structure);
        tcp.server_proves(&answer, Proof::Structure);
        assert_eq!(tcp.both(&question, &answer), Match::Yes(Proof::Structure));
    }

    #[test]
    fn other_messages() {
        let tcp = Trial::tcp(check);
        let login = [&[0, 0, 20, 2][..], &[0; 12], &[0, 0, 0, 4, 0, b'a', b'b', b'c']].concat();
        tcp.client_proves(&message(2, &login), Proof::Structure);
        let get = [&[22, 3, 0, 0, 0, 0][..], &[0; 12], &[0, 1, 0, 0], &[0, 0, 0, 5, 0], b"test"].concat();
        tcp.client_proves(&message(3, &get), Proof::Structure);
        let absent = [&[22, 0, 0, 0, 0, 2][..], &[0; 12], &[0; 4]].concat();
        tcp.server_proves(&message(3, &absent), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&message(5, b"node")), Match::No);
        assert_eq!(tcp.client(&message(1, b"node\tBB9")), Match::No, "an answer from the client");
        assert_eq!(tcp.client(&message(1, b"\x01ode")), Match::No);
        assert_eq!(tcp.client(&message(1, b"no")), Match::No);
        assert_eq!(tcp.client(b"\x02\x01\0\x01"), Match::No, "too large");
        assert_eq!(tcp.both(&message(1, b"node\n"), b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
