//! SNMP: RFC 1157 (v1), RFC 3416 with RFC 1901 (v2c), RFC 3412, section 6 (v3); BER all of them. Over TCP, RFC 3430.
//!
//! Proven from either side by structure: a SEQUENCE that fills the datagram, a version, and the members that this
//! version has in their order, down to the variable bindings. Of what breaks behind its head, or has a length that
//! is a little off round it, the head is plausible.

use crate::answer::Proof;
use crate::ber::{Element, tag};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Snmp,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == tag::SEQUENCE)]],
    stream: &[],
    check,
};

const V1: u32 = 0;
const V2C: u32 = 1;
const V3: u32 = 3;

/// PDUs: GetRequest to Report, `[0]` to `[8]`; `[4]` is the trap of version 1.
const FIRST_PDU: u8 = tag::context(0);
const LAST_PDU: u8 = tag::context(8);
const TRAP_V1: u8 = tag::context(4);

const OBJECT_IDENTIFIER: u8 = 0x06;
const TIME_TICKS: u8 = 0x43;
const IP_ADDRESS: u8 = 0x40;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(message: Message<'_>) -> Step<Proof> {
    match well_formed(message) {
        Err(Stop::Wrong) => attempt(message),
        answer => answer,
    }
}

/// Version and community, whatever the lengths round them say, then a PDU or its first member: 45 bits and those that
/// make the community legible. In a datagram, the length may be off by about one small message.
fn attempt(message: Message<'_>) -> Step<Proof> {
    const COMMUNITY: std::ops::RangeInclusive<u64> = 4..=64;
    const OFF_BY: usize = 64;
    let mut scan = message.scan();
    scan.expect(&[tag::SEQUENCE])?;
    let length = usize::from(scan.u8_if(|length| length < 0x80)?);
    require(!message.is_datagram() || message.total.abs_diff(2 + length) <= OFF_BY)?;
    scan.expect(&[tag::INTEGER, 1])?;
    scan.u8_if(|version| version < V3 as u8)?;
    scan.expect(&[tag::OCTET_STRING])?;
    let community = scan.be(1, COMMUNITY)? as usize;
    require(scan.take(community)?.iter().all(u8::is_ascii_graphic))?;
    scan.u8_if(|kind| (FIRST_PDU..=LAST_PDU).contains(&kind) || kind == tag::INTEGER)?;
    scan.be(1, 1..=0x7f)?;
    Ok(Proof::Heuristic)
}

fn well_formed(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let outer = Element::expect(&mut scan, tag::SEQUENCE)?;
    require(!message.is_datagram() || outer.total() == message.total)?;
    let mut content = outer.content;
    let mut room = outer.length;
    let version = Element::expect_in(&mut content, tag::INTEGER, &mut room)?.unsigned()?;
    let proof = match version {
        V1 | V2C => community_message(&mut content, &mut room),
        V3 => v3_message(&mut content, &mut room),
        _ => Err(Stop::Wrong),
    };
    match proof {
        // What the bound left fits.
        Err(Stop::Short) if message.spent => Ok(Proof::Structure),
        proof => proof,
    }
}

/// The proof that a head gives, by what follows it.
fn with_rest(rest: Step<()>) -> Proof {
    if rest == Err(Stop::Wrong) { Proof::Heuristic } else { Proof::Structure }
}

/// RFC 1157, section 4: community, PDU.
fn community_message(content: &mut Scan<'_>, room: &mut usize) -> Step<Proof> {
    Element::expect_in(content, tag::OCTET_STRING, room)?;
    let pdu = Element::read_in(content, room)?;
    require(*room == 0 && (FIRST_PDU..=LAST_PDU).contains(&pdu.tag))?;
    Ok(with_rest(pdu_members(pdu)))
}

/// RFC 3416, section 3; for the trap RFC 1157, section 4.1.6.
fn pdu_members(pdu: Element<'_>) -> Step<()> {
    let (mut content, mut room) = (pdu.content, pdu.length);
    let members: &[u8] = if pdu.tag == TRAP_V1 {
        &[OBJECT_IDENTIFIER, IP_ADDRESS, tag::INTEGER, tag::INTEGER, TIME_TICKS]
    } else {
        // Request id, error status or non-repeaters, error index or max-repetitions.
        &[tag::INTEGER; 3]
    };
    for &member in members {
        Element::expect_in(&mut content, member, &mut room)?;
    }
    let bindings = Element::expect_in(&mut content, tag::SEQUENCE, &mut room)?;
    require(room == 0)?;
    let (mut list, mut room) = (bindings.content, bindings.length);
    // Pairs of name and value; agents exist that leave the pair's own SEQUENCE out.
    while room > 0 {
        Element::read_in(&mut list, &mut room)?;
    }
    Ok(())
}

/// RFC 3412, section 6: global data, security parameters, scoped PDU in the clear or encrypted.
fn v3_message(content: &mut Scan<'_>, room: &mut usize) -> Step<Proof> {
    let global = Element::expect_in(content, tag::SEQUENCE, room)?;
    let (mut data, mut left) = (global.content, global.length);
    Element::expect_in(&mut data, tag::INTEGER, &mut left)?;
    Element::expect_in(&mut data, tag::INTEGER, &mut left)?;
    let flags = Element::expect_in(&mut data, tag::OCTET_STRING, &mut left)?;
    require(flags.length == 1)?;
    Element::expect_in(&mut data, tag::INTEGER, &mut left)?;
    require(left == 0)?;
    Ok(with_rest(v3_parts(content, room)))
}

fn v3_parts(content: &mut Scan<'_>, room: &mut usize) -> Step<()> {
    Element::expect_in(content, tag::OCTET_STRING, room)?;
    let scoped = Element::read_in(content, room)?;
    require(*room == 0 && (scoped.tag == tag::SEQUENCE || scoped.tag == tag::OCTET_STRING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, assert_every_prefix_goes_on, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        match content.len() {
            short @ 0..=127 => [&[tag, short as u8][..], content].concat(),
            long => [&[tag, 0x82][..], &(long as u16).to_be_bytes(), content].concat(),
        }
    }

    fn binding(value: &[u8]) -> Vec<u8> {
        element(0x30, &[element(6, &[0x2b, 6, 1, 2, 1, 1, 1, 0]), value.to_vec()].concat())
    }

    fn v2c(pdu: u8, bindings: &[u8]) -> Vec<u8> {
        let numbers = [element(2, &[1, 2, 3, 4]), element(2, &[0]), element(2, &[0])].concat();
        let pdu = element(pdu, &[numbers, element(0x30, bindings)].concat());
        element(0x30, &[element(2, &[1]), element(4, b"public"), pdu].concat())
    }

    #[test]
    fn requests_and_responses() {
        let get = v2c(0xa0, &binding(&[5, 0]));
        let response = v2c(0xa2, &binding(&element(4, &[b'x'; 200])));
        assert_eq!(Talk::udp().client(&get).ask(check), YES);
        assert_eq!(Talk::udp().client(&get).server(&response).ask(check), YES);
        assert_eq!(Talk::udp().server(&response).ask(check), YES);
        let bulk = v2c(0xa2, &binding(&element(4, &[b'x'; 100])).repeat(10));
        assert!(bulk.len() > 512);
        assert_eq!(Talk::udp().server(&bulk).ask(check), YES);
    }

    #[test]
    fn traps_of_version_1() {
        let members = [
            element(6, &[0x2b, 6, 1, 4, 1]),
            element(0x40, &[192, 0, 2, 1]),
            element(2, &[6]),
            element(2, &[1]),
            element(0x43, &[9, 9]),
            element(0x30, &[]),
        ]
        .concat();
        let trap =
            element(0x30, &[element(2, &[0]), element(4, b"public"), element(0xa4, &members)].concat());
        assert_eq!(Talk::udp().client(&trap).ask(check), YES);
    }

    #[test]
    fn version_3() {
        let global =
            [element(2, &[9]), element(2, &[0, 0xff, 0xe3]), element(4, &[4]), element(2, &[3])].concat();
        let discovery = |scoped: Vec<u8>| {
            let parts = [element(2, &[3]), element(0x30, &global), element(4, &[0x30, 0]), scoped];
            element(0x30, &parts.concat())
        };
        assert_eq!(Talk::udp().client(&discovery(element(0x30, &[4, 0, 4, 0, 0xa0, 0]))).ask(check), YES);
        assert_eq!(Talk::udp().client(&discovery(element(4, &[0xee; 40]))).ask(check), YES);
    }

    #[test]
    fn lengths_that_contradict_behind_a_community() {
        let get = v2c(0xa0, &binding(&[5, 0]));
        let mut outer = get.clone();
        outer[1] += 2;
        let mut inner = get.clone();
        inner[14] -= 1;
        let no_pair = v2c(0xa0, &[6, 3, 0x2b, 6, 1, 5]);
        let bare = b"\x30\x11\x02\x01\0\x04\x06public\x02\x04\0\0\0\x2a".repeat(2);
        for message in [outer, inner, no_pair, bare, get.repeat(2)] {
            let answer = Talk::udp().client(&message).ask(check);
            assert_eq!(answer, Match::Yes(Proof::Heuristic), "{message:02x?}");
            for (offset, value) in [(0, 0x31), (2, 4), (3, 2), (4, 4), (5, 6), (6, 1), (13, 0x60)] {
                let mut head = message.clone();
                head[offset] = value;
                assert_eq!(Talk::udp().client(&head).ask(check), Match::No, "{offset}: {head:02x?}");
            }
        }
    }

    #[test]
    fn messages_in_a_stream() {
        let response = v2c(0xa2, &binding(&element(4, &[b'x'; 200])));
        let stream = response.repeat(2);
        assert_every_prefix_goes_on(&stream, check);
        assert_eq!(Talk::tcp().client(&v2c(0xa0, &binding(&[5, 0]))).server(&stream).ask(check), YES);
        assert_eq!(Talk::tcp().client(b"0123456789").ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        let get = v2c(0xa0, &binding(&[5, 0]));
        assert_eq!(Talk::udp().client(&[&get[..], &[b'x'; 100]].concat()).ask(check), Match::No);
        let search = element(0x30, &[element(2, &[1]), element(0x63, &[4, 0])].concat());
        assert_eq!(Talk::udp().client(&search).ask(check), Match::No);
        let mut junk =
            element(0x30, &[element(2, &[1]), element(4, b"public"), Noise::new(2).bytes(80)].concat());
        junk[3] = 1;
        assert_eq!(Talk::udp().client(&junk).ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
