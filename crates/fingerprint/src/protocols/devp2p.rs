//! devp2p: Ethereum's node discovery, version 4.
//!
//! Specification: ethereum/devp2p, "Node Discovery Protocol v4" (wire protocol), with EIP-868 (records); RLP: Ethereum
//! Yellow Paper, appendix B. Hash and signature are random to an observer; behind them the signature's recovery id, a
//! type, and a list whose items are of the type's kinds and fill the datagram prove it. Version 5 is masked.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Devp2p,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[
        (HASH_LEN + SIGNATURE_LEN, |recovery| recovery <= 1),
        (HASH_LEN + SIGNATURE_LEN + 1, |kind| matches!(kind, PING..=ENR_RESPONSE)),
    ]],
    stream: &[],
    check,
};

const HASH_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;
const PACKET_MAX: usize = 1280;

const PING: u8 = 1;
const PONG: u8 = 2;
const FIND_NODE: u8 = 3;
const NEIGHBORS: u8 = 4;
const ENR_REQUEST: u8 = 5;
const ENR_RESPONSE: u8 = 6;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

/// What an item is, as far as its prefix tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    List,
    /// Of so many bytes.
    Bytes(usize),
}

fn packet(message: Message<'_>) -> Step<Proof> {
    require(message.total <= PACKET_MAX)?;
    let mut scan = message.scan();
    scan.skip(HASH_LEN + SIGNATURE_LEN)?;
    scan.u8_if(|recovery| recovery <= 1)?;
    let kind = scan.u8_if(|kind| (PING..=ENR_RESPONSE).contains(&kind))?;
    let (list, length) = prefix(&mut scan)?;
    let behind = scan.len() + (message.total - message.bytes.len());
    require(list == Item::List && length == behind)?;
    let mut index = 0;
    while !scan.is_empty() {
        let item = prefix(&mut scan).and_then(|(item, length)| {
            require(fits(kind, index, item))?;
            scan.skip(length)
        });
        match item {
            Err(Stop::Short) => return Ok(Proof::Structure),
            item => item?,
        }
        index += 1;
    }
    require(index >= least(kind))?;
    Ok(Proof::Structure)
}

/// Items of a type's list: expiration times are of four bytes, hashes of 32, public keys of 64. More may follow
/// (EIP-8).
const fn fits(kind: u8, index: usize, item: Item) -> bool {
    match (kind, index, item) {
        (PING, 0, Item::Bytes(length)) => length == 1,
        (PING, 1 | 2, Item::List) | (PONG | NEIGHBORS, 0, Item::List) | (ENR_RESPONSE, 1, Item::List) => true,
        (PONG, 1, Item::Bytes(length)) | (ENR_RESPONSE, 0, Item::Bytes(length)) => length == 32,
        (FIND_NODE, 0, Item::Bytes(length)) => length == 64,
        (PING, 3, Item::Bytes(length))
        | (PONG, 2, Item::Bytes(length))
        | (FIND_NODE | NEIGHBORS, 1, Item::Bytes(length))
        | (ENR_REQUEST, 0, Item::Bytes(length)) => length == 4,
        _ => index >= least(kind) && index < 8,
    }
}

const fn least(kind: u8) -> usize {
    match kind {
        PING => 4,
        PONG => 3,
        ENR_REQUEST => 1,
        _ => 2,
    }
}

/// The prefix of an item: its kind, and the length of what follows. A byte below 0x80 is its own content.
fn prefix(scan: &mut Scan<'_>) -> Step<(Item, usize)> {
    let first = scan.u8()?;
    let length = match first {
        0..=0x7f => return Ok((Item::Bytes(1), 0)),
        0x80..=0xb7 => usize::from(first - 0x80),
        0xc0..=0xf7 => usize::from(first - 0xc0),
        0xb8 | 0xf8 => scan.be(1, 56..=0xff)? as usize,
        0xb9 | 0xf9 => scan.be(2, 0x100..=0xffff)? as usize,
        _ => return Err(Stop::Wrong),
    };
    Ok((if first >= 0xc0 { Item::List } else { Item::Bytes(length) }, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, random_yeses};
    use crate::trial::Trial;

    fn packet_of(kind: u8, items: &[u8]) -> Vec<u8> {
        let mut packet = Noise::new(4).bytes(96);
        packet.extend([1, kind]);
        match items.len() {
            length @ 0..56 => packet.push(0xc0 + length as u8),
            length @ 56..256 => packet.extend([0xf8, length as u8]),
            length => packet.extend([0xf9, (length >> 8) as u8, length as u8]),
        }
        packet.extend(items);
        packet
    }

    const PING_ITEMS: &[u8] =
        b"\x04\xcb\x84\x7f\0\0\x01\x82\x76\x5f\x82\x76\x5f\xc9\x84\xc0\0\x02\x01\x82\x76\x5f\x80\x84\x65\x43\x21\0";

    #[test]
    fn packets_of_every_type() {
        let udp = Trial::udp(check);
        let find = [&[0xb8, 64][..], &[7; 64], &[0x84, 0x65, 0x43, 0x21, 0]].concat();
        let pong =
            [&PING_ITEMS[13..23], &[0xa0], &[9; 32], &[0x84, 0x65, 0x43, 0x21, 0], &[0x82, 1, 2]].concat();
        let nodes = [&[0xf9, 2, 0][..], &[0x41; 512], &[0x84, 0x65, 0x43, 0x21, 0]].concat();
        udp.client_proves(&packet_of(1, PING_ITEMS), Proof::Structure);
        udp.client_proves(&packet_of(1, &[PING_ITEMS, &[0x86, 1, 2, 3, 4, 5, 6]].concat()), Proof::Structure);
        udp.server_proves(&packet_of(2, &pong), Proof::Structure);
        udp.client_proves(&packet_of(3, &find), Proof::Structure);
        udp.server_proves(&packet_of(4, &nodes), Proof::Structure);
        udp.client_proves(&packet_of(5, &[0x84, 0x65, 0x43, 0x21, 0]), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let ping = packet_of(1, PING_ITEMS);
        for (at, value) in [(96, 2), (97, 0), (97, 7), (97, 3), (98, 0xdd), (99, 0x81), (100, 0x8b)] {
            let mut wrong = ping.clone();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&[&ping[..], &[0]].concat()), Match::No);
        assert_eq!(udp.both(&ping, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
