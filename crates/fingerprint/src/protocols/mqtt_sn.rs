//! mqtt-sn: MQTT for Sensor Networks.
//!
//! Specification: MQTT-SN 1.2 (IBM, 2013), section 5. A CONNECT proves it: a length that is the datagram's, type, flags,
//! protocol id and a client id that is text. All other messages are too short for that and only fit it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, STARTS_WITH_LENGTH, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::MqttSn,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[
        &[(STARTS_WITH_LENGTH, |holds| holds == 1), (1, is_kind)],
        &[(0, |first| first == LONG), (1, |length| length <= LONGEST_HIGH), (3, is_kind)],
    ],
    stream: &[],
    check,
};

/// The first octet of a length of three, and the high one of the longest.
const LONG: u8 = 1;
const LONGEST_HIGH: u8 = 0x1f;

const fn is_kind(kind: u8) -> bool {
    kind == CONNECT || is_of_client(kind) || is_of_gateway(kind)
}

const SEARCH_GATEWAY: u8 = 0x01;
const CONNECT: u8 = 0x04;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh_either_way(exchange, client, gateway)
}

/// Length, in one octet or three, and type.
fn header(scan: &mut Scan<'_>, total: usize) -> Step<u8> {
    let length = match scan.u8()? {
        LONG => scan.be(2, 0..=u64::from(LONGEST_HIGH) << 8 | 0xff)? as usize,
        short => usize::from(short),
    };
    require(length == total)?;
    scan.u8()
}

fn client(message: Message<'_>) -> Step<Proof> {
    /// A will, and a clean session.
    const FLAGS: u8 = 0x0c;
    const PROTOCOL: u8 = 1;
    /// The specification allows 23.
    const LONGEST: usize = 64;
    let mut scan = message.scan();
    let kind = header(&mut scan, message.total)?;
    if kind != CONNECT {
        return if is_of_client(kind) { Err(Stop::Short) } else { Err(Stop::Wrong) };
    }
    scan.u8_if(|flags| flags & !FLAGS == 0)?;
    scan.expect(&[PROTOCOL])?;
    scan.skip(2)?;
    let id = scan.rest();
    require((1..=LONGEST).contains(&id.len()) && id.iter().all(|&byte| byte >= b' ' && byte != 0x7f))?;
    Ok(if id.len() > 2 { Proof::Structure } else { Proof::Heuristic })
}

fn gateway(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let kind = header(&mut scan, message.total)?;
    if is_of_gateway(kind) { Err(Stop::Short) } else { Err(Stop::Wrong) }
}

/// Will, registration, publication, subscription, ping, disconnect.
const fn is_of_client(kind: u8) -> bool {
    matches!(kind, SEARCH_GATEWAY | 0x07 | 0x09..=0x10 | 0x12 | 0x14 | 0x16..=0x18 | 0x1a | 0x1c | 0xfe)
}

/// Advertisement, and the other ends of those.
const fn is_of_gateway(kind: u8) -> bool {
    matches!(kind, 0x00 | 0x02 | 0x05 | 0x06 | 0x08 | 0x0a..=0x10 | 0x13 | 0x15..=0x18 | 0x1b | 0x1d | 0xfe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const CONNECTION: &[u8] = b"\x0c\x04\x04\x01\0\x3cclient";

    #[test]
    fn connections() {
        let udp = Trial::udp(check);
        udp.client_proves(CONNECTION, Proof::Structure);
        udp.client_proves(b"\x01\0\x0e\x04\x0c\x01\0\x3cclient", Proof::Structure);
        udp.client_proves(b"\x01\0\x1e\x04\x0c\x01\0\x3cclient-of-a-long-name1", Proof::Structure);
        udp.client_proves(b"\x07\x04\x04\x01\0\x3cc", Proof::Heuristic);
        assert_eq!(udp.both(CONNECTION, &[3, 5, 0]), Match::Yes(Proof::Structure));
        assert_eq!(udp.both(&[3, 5, 0], CONNECTION), Match::Yes(Proof::Structure));
        assert_eq!(udp.client(&[3, 1, 0]), Match::Maybe);
        assert_eq!(udp.both(&[3, 1, 0], &[3, 2, 1]), Match::Maybe);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (offset, value) in [(0, 13), (1, 3), (2, 0x24), (3, 2), (6, 1)] {
            let mut wrong = CONNECTION.to_vec();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.both(CONNECTION, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::udp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
