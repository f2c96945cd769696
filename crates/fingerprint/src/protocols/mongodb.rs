//! mongodb: the MongoDB wire protocol.
//!
//! Specifications: MongoDB manual, "MongoDB Wire Protocol" (header, OP_MSG, OP_COMPRESSED and the legacy opcodes);
//! BSON version 1.1. A message proves it, from either side: the header's opcode, the fields that the
//! opcode prescribes, and the length of the first document, which fits into the message's.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Mongodb,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[(3, |length| length <= 2), (13, |opcode| opcode <= 7), (14, |opcode| opcode == 0)],
    check,
};

const HEADER: usize = 16;
const REPLY: u32 = 1;
const UPDATE: u32 = 2001;
const INSERT: u32 = 2002;
const QUERY: u32 = 2004;
const GET_MORE: u32 = 2005;
const DELETE: u32 = 2006;
const KILL_CURSORS: u32 = 2007;
const COMMAND: u32 = 2010;
const COMMAND_REPLY: u32 = 2011;
const COMPRESSED: u32 = 2012;
const MSG: u32 = 2013;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| wire_message(message, false), |message| wire_message(message, true))
}

fn wire_message(message: Message<'_>, from_server: bool) -> Step<Proof> {
    // maxMessageSizeBytes; the smallest has a cursor count or a document of five bytes behind its header.
    const LENGTH: std::ops::RangeInclusive<u64> = HEADER as u64 + 9..=48_000_000;
    let mut scan = message.scan();
    let room = scan.le(4, LENGTH)? as usize - HEADER;
    scan.skip(4 + 4)?;
    let opcode = scan.le(4, 1..=u64::from(MSG))? as u32;
    let mut body = scan.part(room)?;
    if opcode == COMPRESSED {
        return compressed(&mut body, room, from_server);
    }
    require(allowed(opcode, from_server))?;
    match opcode {
        MSG => msg(&mut body, room),
        REPLY => reply(&mut body, room),
        COMMAND_REPLY => document(&mut body, room),
        COMMAND => {
            let database = cstring(&mut body, room)?;
            let command = cstring(&mut body, room - database)?;
            document(&mut body, room - database - command)
        }
        _ => legacy(&mut body, opcode, room),
    }
}

fn allowed(opcode: u32, from_server: bool) -> bool {
    match opcode {
        MSG => true,
        REPLY | COMMAND_REPLY => from_server,
        UPDATE | INSERT | QUERY | GET_MORE | DELETE | KILL_CURSORS | COMMAND => !from_server,
        _ => false,
    }
}

/// OP_MSG: flags, then sections, of which the body (kind 0) or a sequence (kind 1) comes first.
fn msg(body: &mut Scan<'_>, room: usize) -> Step<Proof> {
    // checksumPresent and moreToCome are required to be understood; of the optional half one is defined.
    const FLAGS: u32 = 0x0001_0003;
    let flags = body.u32_le()?;
    require(flags & !FLAGS == 0)?;
    body.u8_if(|kind| kind <= 1)?;
    document(body, room.checked_sub(5).ok_or(Stop::Wrong)?)
}

/// OP_REPLY: flags, cursor, position, count, documents.
fn reply(body: &mut Scan<'_>, room: usize) -> Step<Proof> {
    body.le(4, 0..=0x0f)?;
    body.skip(8)?;
    body.le(4, 0..=i32::MAX as u64)?;
    let count = body.le(4, 0..=48_000_000)?;
    let room = room.checked_sub(20).ok_or(Stop::Wrong)?;
    if count == 0 {
        require(room == 0)?;
        return Ok(Proof::Structure);
    }
    document(body, room)
}

/// The opcodes before OP_MSG that name a collection.
fn legacy(body: &mut Scan<'_>, opcode: u32, room: usize) -> Step<Proof> {
    if opcode == KILL_CURSORS {
        body.expect(&[0; 4])?;
        let cursors = body.le(4, 1..=6_000_000)? as usize;
        require(8 + 8 * cursors == room)?;
        return Ok(Proof::Structure);
    }
    // Flags of a query or an insert, zero elsewhere.
    body.le(4, 0..=0xff)?;
    let name = cstring(body, room.checked_sub(4).ok_or(Stop::Wrong)?)?;
    let room = room - 4 - name;
    // Numbers between the name and the first document.
    let numbers = match opcode {
        QUERY => 8,
        UPDATE | DELETE => 4,
        _ => 0,
    };
    if opcode == GET_MORE {
        require(room == 12)?;
        return Ok(Proof::Structure);
    }
    body.skip(numbers)?;
    document(body, room.checked_sub(numbers).ok_or(Stop::Wrong)?)
}

/// OP_COMPRESSED: the opcode inside, its size, and one of four compressors.
fn compressed(body: &mut Scan<'_>, room: usize, from_server: bool) -> Step<Proof> {
    let opcode = body.le(4, 1..=u64::from(MSG))? as u32;
    require(allowed(opcode, from_server))?;
    body.le(4, 1..=48_000_000)?;
    body.u8_if(|compressor| compressor <= 3)?;
    require(room > 9)?;
    Ok(Proof::Structure)
}

/// A collection's or database's name; its length with the terminator.
fn cstring(body: &mut Scan<'_>, room: usize) -> Step<usize> {
    // Namespaces are at most 255 bytes.
    const LONGEST: usize = 256;
    let seen = body.rest();
    let end = seen.iter().take(LONGEST).position(|&byte| byte == 0);
    let name = &seen[..end.unwrap_or(seen.len())];
    require(name.len() < LONGEST && name.iter().all(|&byte| byte >= 0x20))?;
    body.skip(end.map_or(seen.len() + 1, |end| end + 1))?;
    require(!name.is_empty() && name.len() < room)?;
    Ok(name.len() + 1)
}

/// The length of a BSON document, or of a section that holds one.
fn document(body: &mut Scan<'_>, room: usize) -> Step<Proof> {
    body.le(4, 5..=room as u64)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn message(response_to: u8, opcode: u32, body: &[u8]) -> Vec<u8> {
        let mut message = ((HEADER + body.len()) as u32).to_le_bytes().to_vec();
        message.extend([0x98, 0x36, 0x6e, 0x4d, response_to, 0, 0, 0]);
        message.extend(opcode.to_le_bytes());
        message.extend(body);
        message
    }

    const DOCUMENT: &[u8] = b"\x13\0\0\0\x10isMaster\0\x01\0\0\0\0";

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        let query = [b"\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff", DOCUMENT].concat();
        tcp.client_proves(&message(0, QUERY, &query), Proof::Structure);
        tcp.client_proves(&message(0, MSG, &[b"\0\0\0\0\0", DOCUMENT].concat()), Proof::Structure);
        tcp.client_proves(
            &message(0, GET_MORE, b"\0\0\0\0test.c\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08"),
            Proof::Structure,
        );
        tcp.client_proves(&message(0, COMPRESSED, b"\xdd\x07\0\0\x40\0\0\0\x01snappy"), Proof::Structure);
    }

    #[test]
    fn replies() {
        let tcp = Trial::tcp(check);
        let reply = [b"\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0", DOCUMENT].concat();
        tcp.server_proves(&message(7, REPLY, &reply), Proof::Structure);
        tcp.server_proves(&message(7, MSG, &[b"\0\0\0\0\0", DOCUMENT].concat()), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&message(0, REPLY, &[0; 20])), Match::No, "a reply from the client");
        assert_eq!(tcp.client(&message(0, 2003, &[0; 20])), Match::No);
        let mut long = DOCUMENT.to_vec();
        long[0] += 1;
        assert_eq!(tcp.client(&message(0, MSG, &[b"\0\0\0\0\0", long.as_slice()].concat())), Match::No);
        assert_eq!(tcp.client(&message(0, MSG, &[b"\0\0\x04\0\0", DOCUMENT].concat())), Match::No);
        assert_eq!(tcp.client(b"\x08\0\0\0"), Match::No);
        assert_eq!(
            tcp.both(&message(0, MSG, &[b"\0\0\0\0\0", DOCUMENT].concat()), b"HTTP/1.0 200 OK\r\n"),
            Match::No
        );
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
