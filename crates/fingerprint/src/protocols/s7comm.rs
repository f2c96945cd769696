//! s7comm: Siemens S7 communication and its successor S7comm-plus, over ISO transport on TCP.
//!
//! Specifications: RFC 1006 and ITU-T X.224 for the transport; S7 communication itself is unpublished: its header
//! is as Siemens' controllers and the open implementations of it agree. A data TPDU proves it: protocol id
//! 0x32, a message type, and parameter and data lengths that fill the packet; or 0x72, a version and a
//! length that does. Lengths that contradict behind the id leave it plausible. A connection request alone belongs to MMS and others as well and settles nothing, unless
//! it asks for a selector that Siemens' engineering stations and panels use.

use crate::answer::Proof;
use crate::cotp::{self, Tpdu};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::S7comm,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const S7: u8 = 0x32;
const S7_PLUS: u8 = 0x72;
/// Called by engineering stations (…-ES) and operator panels (…-HMI).
const ROOT_SELECTOR: &[u8] = b"SIMATIC-ROOT-";

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| packets(message, true), |message| packets(message, false))
}

fn packets(message: Message<'_>, from_client: bool) -> Step<Proof> {
    let mut scan = message.scan();
    loop {
        match cotp::read(&mut scan)? {
            Tpdu::ConnectionRequest(variable) if from_client => {
                let selectors = cotp::selectors(variable)?;
                let called = selectors.called.ok_or(Stop::Wrong)?;
                require(selectors.calling.is_some())?;
                if called.starts_with(ROOT_SELECTOR) {
                    return Ok(Proof::Banner);
                }
            }
            Tpdu::ConnectionConfirm(variable) if !from_client => {
                let selectors = cotp::selectors(variable)?;
                if selectors.called.is_some_and(|called| called.starts_with(ROOT_SELECTOR)) {
                    return Ok(Proof::Banner);
                }
            }
            // Nothing but the end of transmission: S7comm-plus ends its fragments so.
            Tpdu::Data { length: 0, .. } => {}
            Tpdu::Data { mut user, length } => {
                let header = match user.u8()? {
                    S7 => s7(&mut user, length, from_client),
                    S7_PLUS => s7_plus(&mut user, length),
                    _ => return Err(Stop::Wrong),
                };
                return match header {
                    Err(Stop::Wrong) => Ok(Proof::Heuristic),
                    header => header,
                };
            }
            _ => return Err(Stop::Wrong),
        }
    }
}

/// The S7 header: message type, reserved, reference, lengths of parameters and data, and, in replies, two
/// octets of error.
fn s7(user: &mut Scan<'_>, length: usize, from_client: bool) -> Step<Proof> {
    const JOB: u8 = 1;
    const ACK: u8 = 2;
    const ACK_DATA: u8 = 3;
    const USER_DATA: u8 = 7;
    let kind = user.u8_if(|kind| matches!(kind, JOB | ACK | ACK_DATA | USER_DATA))?;
    // A controller may send jobs too, when it pushes data to its partner.
    require(!from_client || kind != ACK)?;
    user.skip(2 + 2)?;
    let header = if kind == ACK || kind == ACK_DATA { 12 } else { 10 };
    let room = length.checked_sub(header).ok_or(Stop::Wrong)? as u64;
    let parameters = user.be(2, 0..=room)?;
    // Data may go on in the next fragment.
    user.be(2, 0..=0xffff).and_then(|data| require(parameters + data >= room)).map(|()| Proof::Structure)
}

/// Protocol id, version, length, content, and a trailer that repeats the first two with a length of zero: in
/// the last fragment only.
fn s7_plus(user: &mut Scan<'_>, length: usize) -> Step<Proof> {
    const HEADER: u64 = 4;
    const TRAILER: u64 = 4;
    user.u8_if(|version| matches!(version, 1..=3 | 0xfe | 0xff))?;
    let content = u64::from(user.u16_be()?);
    let length = length as u64;
    require(HEADER + content == length || HEADER + content + TRAILER == length)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn packet(tpdu: &[u8]) -> Vec<u8> {
        let mut packet = vec![3, 0, 0, tpdu.len() as u8 + 4];
        packet.extend(tpdu);
        packet
    }

    fn connection(code: u8, called: &[u8]) -> Vec<u8> {
        let mut tpdu =
            vec![6 + 3 + 4 + 2 + called.len() as u8, code, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0];
        tpdu.extend([0xc2, called.len() as u8]);
        tpdu.extend(called);
        packet(&tpdu)
    }

    fn setup(kind: u8) -> Vec<u8> {
        let mut tpdu = vec![2, 0xf0, 0x80, 0x32, kind, 0, 0, 0, 8, 0, 8, 0, 0];
        if kind == 3 {
            tpdu.extend([0, 0]);
        }
        tpdu.extend([0xf0, 0, 0, 1, 0, 1, 1, 0xe0]);
        packet(&tpdu)
    }

    #[test]
    fn a_connection_and_its_setup() {
        let tcp = Trial::tcp(check);
        let request = connection(0xe0, &[1, 2]);
        assert_eq!(tcp.client(&request), Match::Maybe);
        tcp.client_proves(&[request, setup(1)].concat(), Proof::Structure);
        tcp.server_proves(&[connection(0xd0, &[1, 2]), setup(3)].concat(), Proof::Structure);
        tcp.client_proves(&connection(0xe0, b"SIMATIC-ROOT-HMI"), Proof::Banner);
    }

    #[test]
    fn plus() {
        let tpdu = [2, 0xf0, 0x80, 0x72, 1, 0, 3, 0x31, 0, 0, 0x72, 1, 0, 0];
        let stream = [connection(0xe0, &[6, 0]), packet(&[2, 0xf0, 0]), packet(&tpdu)].concat();
        Trial::tcp(check).client_proves(&stream, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let request = connection(0xe0, &[0, 1]);
        // MMS: a session CONNECT follows.
        let session = packet(&[2, 0xf0, 0x80, 0x0d, 0xb2, 5, 6]);
        assert_eq!(tcp.client(&[request.clone(), session].concat()), Match::No);
        // RDP: a negotiation in place of selectors.
        assert_eq!(tcp.client(b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"), Match::No);
        let mut lengths = setup(1);
        lengths[14] = 200;
        tcp.client_proves(&[request.clone(), lengths].concat(), Proof::Heuristic);
        tcp.client_proves(&[packet(&[2, 0xf0, 0x80, 0x32]), setup(1)].concat(), Proof::Heuristic);
        assert_eq!(tcp.both(&[request, setup(1)].concat(), b"220 ready\r\n"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
