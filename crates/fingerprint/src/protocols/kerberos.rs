//! kerberos: version 5, over UDP and TCP.
//!
//! Specifications: RFC 4120, sections 5 (messages) and 7.2 (transports); RFC 3244 (changing passwords). A message of
//! either side proves it: an application tag, a sequence that fills it, and inside it the protocol version and a
//! message type that repeats the tag; over TCP the length in front agrees too. Version and type are plausible in
//! lengths that do not agree, and so are lengths that agree round another field.

use crate::answer::Proof;
use crate::ber::{self, Element, tag};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Kerberos,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        &[(0, |octet| octet & 0xe0 == 0x60)],
        // A change of a password: its version.
        &[
            (0, |length| length <= 0x3f),
            (2, |high| matches!(high, 0x00 | 0xff)),
            (3, |low| matches!(low, 0x01 | 0x80)),
        ],
    ],
    stream: &[],
    check,
};

const VERSION: u32 = 5;
const AS_REQ: u8 = 10;
const AS_REP: u8 = 11;
const TGS_REQ: u8 = 12;
const TGS_REP: u8 = 13;
const AP_REQ: u8 = 14;
const AP_REP: u8 = 15;
const SAFE: u8 = 20;
const CRED: u8 = 22;
const ERROR: u8 = 30;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh_either_way(
        exchange,
        |message| packet(message, |kind| matches!(kind, AS_REQ | TGS_REQ | AP_REQ | SAFE..=CRED)),
        |message| packet(message, |kind| matches!(kind, AS_REP | TGS_REP | AP_REP | SAFE..=CRED | ERROR)),
    )
}

fn packet(message: Message<'_>, allowed: fn(u8) -> bool) -> Step<Proof> {
    // The smallest message with its headers, and far more than a ticket with a large authorisation list takes.
    const LENGTH: std::ops::RangeInclusive<u64> = 16..=0x00ff_ffff;
    let mut scan = message.scan();
    let total = match message.is_datagram() {
        true => message.total,
        false => scan.be(4, LENGTH)? as usize,
    };
    match scan.rest().first() {
        // No message is so long that its change of a password would not start with a small number.
        Some(0..=0x3f) => change_password(&mut scan, total, allowed),
        _ => kerberos(&mut scan, total, allowed),
    }
}

/// A change of a password (RFC 3244, section 2): length, version, length of the AP-REQ or AP-REP that follows. In a
/// reply that is an error there is none.
fn change_password(scan: &mut Scan<'_>, total: usize, allowed: fn(u8) -> bool) -> Step<Proof> {
    const HEADER: usize = 6;
    require(total > HEADER)?;
    scan.be(2, total as u64..=total as u64)?;
    let version = scan.u16_be()?;
    require(matches!(version, 0x0001 | 0xff80))?;
    let authentication = scan.be(2, 0..=(total - HEADER) as u64)? as usize;
    if authentication == 0 {
        return kerberos(scan, total - HEADER, |kind| kind == ERROR);
    }
    kerberos(&mut scan.part(authentication)?, authentication, allowed)
}

/// A message of `total` bytes (RFC 4120, section 5.10 lists the application tags).
fn kerberos(scan: &mut Scan<'_>, total: usize, allowed: fn(u8) -> bool) -> Step<Proof> {
    let start = *scan;
    let mut ahead = start;
    let kind = ahead.u8_if(|octet| octet & 0xe0 == 0x60 && allowed(octet & 0x1f))? & 0x1f;
    match well_formed(scan, total, kind) {
        Err(Stop::Wrong) => fixed_fields(start, kind),
        answer => answer,
    }
}

fn well_formed(scan: &mut Scan<'_>, total: usize, kind: u8) -> Step<Proof> {
    let mut message = Element::read(scan)?;
    require(message.total() == total)?;
    let mut room = message.length;
    let mut sequence = Element::expect_in(&mut message.content, tag::SEQUENCE, &mut room)?;
    require(room == 0)?;
    let mut room = sequence.length;
    let fields = sequence.content;
    match version_and_type(&mut sequence.content, &mut room, kind) {
        Err(Stop::Wrong) => another_field(fields, sequence.length),
        answer => answer,
    }
}

fn version_and_type(fields: &mut Scan<'_>, room: &mut usize, kind: u8) -> Step<Proof> {
    let first = first_field(kind);
    let version = number(fields, tag::context(first), room)?;
    require(version == VERSION)?;
    let repeated = number(fields, tag::context(first + 1), room)?;
    require(repeated == u32::from(kind))?;
    Ok(Proof::Structure)
}

/// Requests to the KDC number their fields from one (RFC 4120, section 5.4.1), all other messages from zero.
const fn first_field(kind: u8) -> u8 {
    if matches!(kind, AS_REQ | TGS_REQ) { 1 } else { 0 }
}

/// Version and type in the only encoding they have: 80 bits that need no length round them.
fn fixed_fields(mut scan: Scan<'_>, kind: u8) -> Step<Proof> {
    let first = first_field(kind);
    scan.skip(1)?;
    ber::skip_length(&mut scan)?;
    scan.expect(&[tag::SEQUENCE])?;
    ber::skip_length(&mut scan)?;
    scan.expect(&[tag::context(first), 3, tag::INTEGER, 1, VERSION as u8])?;
    scan.expect(&[tag::context(first + 1), 3, tag::INTEGER, 1, kind])?;
    Ok(Proof::Heuristic)
}

/// A field that some message has, and a value that fills it.
fn another_field(mut fields: Scan<'_>, mut room: usize) -> Step<Proof> {
    let mut field = Element::read_in(&mut fields, &mut room)?;
    require((tag::context(0)..=tag::context(13)).contains(&field.tag))?;
    let mut room = field.length;
    Element::expect_in(&mut field.content, tag::INTEGER, &mut room)?;
    require(room == 0)?;
    Ok(Proof::Heuristic)
}

/// An explicitly tagged INTEGER.
fn number(scan: &mut Scan<'_>, field: u8, room: &mut usize) -> Step<u32> {
    let mut outer = Element::expect_in(scan, field, room)?;
    let mut inner_room = outer.length;
    let value = Element::expect_in(&mut outer.content, tag::INTEGER, &mut inner_room)?.unsigned()?;
    require(inner_room == 0)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match content.len() {
            short @ 0..=0x7f => bytes.push(short as u8),
            long => bytes.extend([0x82, (long >> 8) as u8, long as u8]),
        }
        bytes.extend(content);
        bytes
    }

    fn message(kind: u8, repeated: u8, rest: usize) -> Vec<u8> {
        let first = u8::from(kind == AS_REQ || kind == TGS_REQ);
        let mut fields = element(0xa0 | first, &[2, 1, 5]);
        fields.extend(element(0xa1 + first, &[2, 1, repeated]));
        fields.extend(element(0xa2 + first, &vec![4; rest]));
        element(0x60 | kind, &element(0x30, &fields))
    }

    fn over_tcp(message: &[u8]) -> Vec<u8> {
        let mut packet = (message.len() as u32).to_be_bytes().to_vec();
        packet.extend(message);
        packet
    }

    #[test]
    fn requests_and_replies() {
        for (request, reply) in [(AS_REQ, AS_REP), (TGS_REQ, TGS_REP), (AP_REQ, AP_REP), (AS_REQ, ERROR)] {
            for rest in [20, 1500] {
                let (request, reply) = (message(request, request, rest), message(reply, reply, rest));
                Trial::udp(check).client_proves(&request, Proof::Structure);
                Trial::udp(check).server_proves(&reply, Proof::Structure);
                Trial::tcp(check).client_proves(&over_tcp(&request), Proof::Structure);
                Trial::tcp(check).server_proves(&over_tcp(&reply), Proof::Structure);
            }
        }
    }

    #[test]
    fn changes_of_passwords() {
        let authentication = message(AP_REQ, AP_REQ, 40);
        let length = authentication.len() as u8;
        let packet =
            [&[0, length + 6 + 30, 0xff, 0x80, 0, length], authentication.as_slice(), &[0x75; 30]].concat();
        Trial::udp(check).client_proves(&packet, Proof::Structure);
        Trial::tcp(check).client_proves(&over_tcp(&packet), Proof::Structure);
        assert_eq!(Trial::udp(check).client(&packet[..packet.len() - 1]), Match::No);
    }

    #[test]
    fn fields_and_lengths_that_disagree() {
        let mut lengths = message(AS_REQ, AS_REQ, 20);
        lengths[1] += 2;
        let error = b"\x7e\x14\x30\x12\xa6\x03\x02\x01\x19\xac\x0b\x30\x09\x30\x07\xa1\x03\x02\x01\x02\xa2\0";
        for broken in [&lengths[..], error] {
            Trial::udp(check).client_proves(broken, Proof::Heuristic);
            for offset in [0, 2, 4, 5, 6] {
                let mut head = broken.to_vec();
                head[offset] ^= 0xa5;
                assert_eq!(Trial::udp(check).client(&head), Match::No, "{offset}: {head:02x?}");
            }
        }
        Trial::tcp(check).client_proves(&over_tcp(&lengths), Proof::Heuristic);
        Trial::tcp(check).server_proves(&over_tcp(error), Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let types_differ = message(AS_REQ, TGS_REQ, 20);
        assert_eq!(udp.client(&types_differ), Match::Yes(Proof::Heuristic));
        assert_eq!(udp.client(&types_differ[..types_differ.len() - 1]), Match::No);
        let reply = message(AS_REP, AS_REP, 20);
        assert_eq!(Trial::tcp(check).client(&over_tcp(&reply)), Match::No, "a reply from the client");
        assert_eq!(udp.client(&reply), Match::Yes(Proof::Structure), "the request was not seen");
        let whole = message(AS_REQ, AS_REQ, 20);
        assert_eq!(udp.client(&whole[..whole.len() - 1]), Match::Yes(Proof::Heuristic), "a length is off");
        assert_eq!(udp.client(&whole[..12]), Match::No);
        let mut version = whole.clone();
        version[8] = 4;
        version[1] += 1;
        assert_eq!(udp.client(&version), Match::No);
        let mut packet = over_tcp(&version);
        packet[3] += 1;
        assert_eq!(Trial::tcp(check).client(&packet), Match::No);
        assert_eq!(udp.both(&whole, b"nonsense"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::udp(check).refuses_noise(100_000);
    }
}
