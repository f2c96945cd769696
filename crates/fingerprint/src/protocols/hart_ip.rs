//! hart-ip: HART-IP.
//!
//! Specifications: FieldComm Group HCF_SPEC-085 (network management), section on HART-IP (message header, message ids), and
//! HCF_SPEC-081 (token-passing data link layer: delimiter, address, check byte). Version, type, id and a length that the
//! message prescribes prove it; of a token-passing PDU its own length and check byte.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::HartIp,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, 1 | 2))]],
    stream: &[],
    check,
};

const HEADER: u64 = 8;
/// Types of message.
const REQUEST: u8 = 0;
const RESPONSE: u8 = 1;
const PUBLISH: u8 = 2;
const ERROR: u8 = 3;
const NAK: u8 = 15;
/// Ids of message.
const INITIATE: u8 = 0;
const CLOSE: u8 = 1;
const KEEP_ALIVE: u8 = 2;
const TOKEN_PASSING: u8 = 3;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh_either_way(exchange, |message| message_of(message, true), |message| message_of(message, false))
}

fn message_of(message: Message<'_>, from_client: bool) -> Step<Proof> {
    let mut scan = message.scan();
    // Version 2 brought security and is otherwise the same.
    scan.u8_if(|version| matches!(version, 1 | 2))?;
    let kind = scan.u8_if(|kind| match kind {
        REQUEST => from_client,
        kind => matches!(kind, RESPONSE | PUBLISH | ERROR | NAK) && !from_client,
    })?;
    let id = scan.u8_if(|id| id <= TOKEN_PASSING)?;
    let status = scan.u8()?;
    require(kind != REQUEST || status == 0)?;
    scan.skip(2)?;
    let lengths = match id {
        // Refused, it may come back without content.
        INITIATE if kind == REQUEST => HEADER + 5..=HEADER + 5,
        INITIATE => HEADER..=HEADER + 5,
        CLOSE | KEEP_ALIVE => HEADER..=HEADER,
        _ => HEADER + 5..=HEADER + 5 + 3 + 2 + 255 + 1,
    };
    let length = scan.be(2, lengths)? as usize;
    require(!message.is_datagram() || message.total == length)?;
    match id {
        // Secondary or primary master; its inactivity timer.
        INITIATE if length > HEADER as usize => drop(scan.u8_if(|master| master <= 1)?),
        TOKEN_PASSING => pdu(&mut scan, length - HEADER as usize)?,
        _ => {}
    }
    Ok(Proof::Structure)
}

/// Delimiter, address, expansion, command, count, data, and the byte that makes the sum of all zero.
fn pdu(scan: &mut Scan<'_>, length: usize) -> Step<()> {
    const LONG_ADDRESS: u8 = 0x80;
    let mut whole = *scan;
    let delimiter = scan.u8()?;
    // Burst, from the master, from the device; physical layer.
    require(matches!(delimiter & 7, 1 | 2 | 6) && delimiter & 0x10 == 0)?;
    let address = if delimiter & LONG_ADDRESS != 0 { 5 } else { 1 };
    let expansion = usize::from(delimiter >> 5 & 3);
    scan.skip(address + expansion + 1)?;
    let count = usize::from(scan.u8()?);
    require(1 + address + expansion + 1 + 1 + count + 1 == length)?;
    let bytes = whole.take(length)?;
    if bytes.iter().fold(0, |sum, byte| sum ^ byte) == 0 { Ok(()) } else { Err(Stop::Wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn message(kind: u8, id: u8, body: &[u8]) -> Vec<u8> {
        let length = (8 + body.len() as u16).to_be_bytes();
        [&[1, kind, id, 0, 0, 7, length[0], length[1]], body].concat()
    }

    fn token(kind: u8, delimiter: u8, rest: &[u8]) -> Vec<u8> {
        let mut pdu = vec![delimiter];
        pdu.extend(rest);
        pdu.push(pdu.iter().fold(0, |sum, byte| sum ^ byte));
        message(kind, 3, &pdu)
    }

    #[test]
    fn sessions_and_commands() {
        for (request, response) in [
            (message(0, 0, &[1, 0, 0, 0x75, 0x30]), message(1, 0, &[1, 0, 0, 0x75, 0x30])),
            (message(0, 2, &[]), message(1, 2, &[])),
            (token(0, 2, &[0, 0, 0]), token(1, 6, &[0, 0, 4, 0, 0, 0xfe, 5])),
            (
                token(0, 0x82, &[0x26, 6, 1, 2, 3, 3, 0]),
                token(1, 0x86, &[0x26, 6, 1, 2, 3, 3, 3, 0, 0, 0x5a]),
            ),
        ] {
            for trial in [Trial::tcp(check), Trial::udp(check)] {
                trial.client_proves(&request, Proof::Structure);
                trial.server_proves(&response, Proof::Structure);
                assert_eq!(trial.both(&request, &response), Match::Yes(Proof::Structure));
            }
        }
        // A device publishes; heard over UDP before anything else.
        Trial::udp(check).client_proves(&token(2, 1, &[0x80, 3, 3, 0, 0, 9]), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (offset, value) in [(0, 3), (1, 1), (2, 4), (3, 1), (6, 1), (7, 12), (8, 2)] {
            let mut wrong = message(0, 0, &[1, 0, 0, 0x75, 0x30]);
            wrong[offset] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        let mut wrong = token(0, 2, &[0, 0, 0]);
        *wrong.last_mut().unwrap() ^= 1;
        assert_eq!(tcp.client(&wrong), Match::No, "the check byte");
        assert_eq!(tcp.both(&message(0, 2, &[]), b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
