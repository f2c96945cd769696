//! dlep: Dynamic Link Exchange Protocol: RFC 8175, sections 11 (signals, messages, data items), 12 and 13 (what they hold).
//!
//! Over UDP a discovery signal is proven by its magic, type, length and items. Over TCP the session's initialization proves
//! it, from the router or the modem: a type, a length, and items of the lengths that they have, the mandatory one among them.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dlep,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == MAGIC[0])]],
    stream: &[],
    check,
};

const MAGIC: &[u8] = b"DLEP";

const INITIALIZATION: u8 = 1;
const INITIALIZATION_RESPONSE: u8 = 2;
const TERMINATION: u8 = 5;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(
        exchange,
        |message| either(message, &[INITIALIZATION]),
        |message| either(message, &[INITIALIZATION_RESPONSE, TERMINATION]),
    )
}

fn either(message: Message<'_>, kinds: &[u8]) -> Step<Proof> {
    if message.is_datagram() { signal(message) } else { session(message, kinds) }
}

/// Peer Discovery or Peer Offer.
fn signal(message: Message<'_>) -> Step<Proof> {
    const HEADER_LEN: usize = 8;
    let mut scan = message.scan();
    scan.expect(MAGIC)?;
    scan.be(2, 1..=2)?;
    let length = message.total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)? as u64;
    scan.be(2, length..=length)?;
    match items(&mut scan) {
        Err(Stop::Wrong) => Err(Stop::Wrong),
        _ => Ok(Proof::Structure),
    }
}

fn session(message: Message<'_>, kinds: &[u8]) -> Step<Proof> {
    /// A message without items is a header.
    const LONGEST: u64 = 4096;
    let mut scan = message.scan();
    scan.expect(&[0])?;
    let kind = scan.u8_if(|kind| kinds.contains(&kind))?;
    let length = scan.be(2, 0..=LONGEST)? as usize;
    let mut body = scan.part(length)?;
    let held = items(&mut body)?;
    // Section 12.5 to 12.9: the interval of heartbeats opens a session, a status ends one.
    require(held & item(if kind == TERMINATION { STATUS } else { HEARTBEAT_INTERVAL }) != 0)?;
    Ok(Proof::Structure)
}

const STATUS: u16 = 1;
const HEARTBEAT_INTERVAL: u16 = 5;

const fn item(kind: u16) -> u64 {
    1 << kind
}

/// Which of the items of section 13 there are.
fn items(scan: &mut Scan<'_>) -> Step<u64> {
    const TYPE_LAST: u16 = 63;
    const PRIVATE: std::ops::RangeInclusive<u16> = 65408..=65534;
    let mut held = 0;
    while !scan.is_empty() {
        let kind = scan.u16_be()?;
        require((1..=TYPE_LAST).contains(&kind) || PRIVATE.contains(&kind))?;
        let length = scan.u16_be()?;
        require(has_length(kind, length))?;
        scan.skip(usize::from(length))?;
        if kind <= TYPE_LAST {
            held |= item(kind);
        }
    }
    if scan.is_whole() { Ok(held) } else { Err(Stop::Short) }
}

const fn has_length(kind: u16, length: u16) -> bool {
    match kind {
        // Status and peer type: a byte, text. Extensions: two bytes each.
        STATUS | 4 => length >= 1,
        6 => length.is_multiple_of(2),
        // Connection points: flags, address, perhaps a port.
        2 => matches!(length, 5 | 7),
        3 => matches!(length, 17 | 19),
        HEARTBEAT_INTERVAL => length == 4,
        // Addresses of the layers 2 and 3, and subnets.
        7 => matches!(length, 6 | 8),
        8 => length == 5,
        9 => length == 17,
        10 => length == 6,
        11 => length == 18,
        // Data rates and latency; resources and quality; the largest packet.
        12..=16 => length == 8,
        17..=19 => length == 1,
        20 => length == 2,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const DISCOVERED: &[u8] = b"DLEP\0\x01\0\x0b\0\x04\0\x07\0router";
    const OFFERED: &[u8] = b"DLEP\0\x02\0\x0b\0\x02\0\x07\0\xc0\0\x02\x01\x03\x56";
    const INITIALIZED: &[u8] = b"\0\x01\0\x11\0\x05\0\x04\0\0\xea\x60\0\x04\0\x05\0test";
    const RESPONDED: &[u8] =
        b"\0\x02\0\x19\0\x01\0\x01\0\0\x05\0\x04\0\0\xea\x60\0\x0c\0\x08\0\0\0\0\0\x98\x96\x80";

    #[test]
    fn discovery() {
        let udp = Trial::udp(check);
        udp.client_proves(DISCOVERED, Proof::Structure);
        udp.server_proves(OFFERED, Proof::Structure);
        udp.client_proves(b"DLEP\0\x01\0\0", Proof::Structure);
    }

    #[test]
    fn sessions() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(INITIALIZED, Proof::Structure);
        tcp.server_proves(RESPONDED, Proof::Structure);
        assert_eq!(tcp.both(INITIALIZED, RESPONDED), Match::Yes(Proof::Structure));
        tcp.server_proves(b"\0\x05\0\x05\0\x01\0\x01\x81", Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, b'd'), (5, 3), (7, 10), (9, 0), (11, 8), (11, 6)] {
            let mut wrong = DISCOVERED.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        let tcp = Trial::tcp(check);
        for (at, value) in [(0, 1), (1, 2), (3, 0x12), (4, 1), (5, 6), (7, 5), (13, 99), (15, 6)] {
            let mut wrong = [INITIALIZED, b"\0\x10\0\0"].concat();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(INITIALIZED, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
        tcp.refuses_noise(100_000);
    }
}
