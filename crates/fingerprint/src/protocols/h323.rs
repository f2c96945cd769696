//! h323: ITU-T H.323's call signalling: H.225.0 in Q.931 messages (H.225.0, section 7.2; Q.931, section 4) and H.245 (section 7.1),
//! both behind TPKT headers (RFC 1006, section 6); registration at a gatekeeper (H.225.0, section 7.8) over UDP.
//!
//! A Q.931 message proves it by structure: its elements, and that for the user, which fills the packet and holds H.225.0. So do
//! the identifiers of the protocols, with their versions, in a terminal's capabilities and in requests to gatekeepers and their
//! confirmations.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::H323,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[
        (0, is_registration),
        (4, |byte| byte == 0x06),
        (5, |byte| byte == 0),
        (7, |byte| byte == 0x91),
    ]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        registration(exchange)
    } else {
        weigh(exchange, packets, packets)
    }
}

const HEADER_LEN: u64 = 4;

fn packets(message: Message<'_>) -> Step<Proof> {
    /// A master and slave determination may precede the capabilities.
    const PACKETS_MAX: usize = 4;
    let mut scan = message.scan();
    for _ in 0..PACKETS_MAX {
        scan.expect(&[3, 0])?;
        let length = scan.be(2, HEADER_LEN + 4..=0xffff)? - HEADER_LEN;
        let mut packet = scan.part(length as usize)?;
        match packet.u8_if(|first| matches!(first, CALL_CONTROL | DETERMINATION | CAPABILITIES))? {
            CALL_CONTROL => return call_control(&mut packet),
            CAPABILITIES => return capabilities(&mut packet),
            _ => determination(&mut packet)?,
        }
    }
    Err(Stop::Wrong)
}

/// Q.931's protocol discriminator.
const CALL_CONTROL: u8 = 0x08;

/// Call reference, message type, information elements.
fn call_control(packet: &mut Scan<'_>) -> Step<Proof> {
    const REFERENCE_LEN: u8 = 2;
    const ELEMENTS_MAX: usize = 16;
    const USER_USER: u8 = 0x7e;
    /// X.680's notation: H.225.0, section 7.2.2.28.
    const ASN1: u8 = 5;
    packet.expect(&[REFERENCE_LEN])?;
    packet.skip(REFERENCE_LEN.into())?;
    packet.u8_if(is_message)?;
    for _ in 0..ELEMENTS_MAX {
        match packet.u8()? {
            USER_USER => {
                let room = packet_room(packet, 2);
                let length = packet.be(2, 1..=0xffff)? as usize;
                require(room.is_none_or(|room| room == length))?;
                packet.expect(&[ASN1])?;
                return Ok(Proof::Structure);
            }
            // One byte says all.
            0x80.. => {}
            _ => {
                let length = packet.u8()?;
                packet.skip(usize::from(length))?;
            }
        }
    }
    Err(Stop::Wrong)
}

/// What is left of a packet that has arrived, behind the next `count` bytes.
const fn packet_room(packet: &Scan<'_>, count: usize) -> Option<usize> {
    if packet.is_whole() { packet.len().checked_sub(count) } else { None }
}

/// H.225.0, table 4: alerting, proceeding, progress, setup, connect; release; facility, notify, information, status.
const fn is_message(kind: u8) -> bool {
    matches!(kind, 0x01 | 0x02 | 0x03 | 0x05 | 0x07 | 0x0d | 0x0f | 0x5a | 0x62 | 0x6e | 0x75 | 0x7b | 0x7d)
}

/// H.245 in packed encoding: choices of a request.
const DETERMINATION: u8 = 0x01;
const CAPABILITIES: u8 = 0x02;

/// Terminal type; status determination number, behind its length.
fn determination(packet: &mut Scan<'_>) -> Step<()> {
    packet.expect(&[0])?;
    packet.skip(1)?;
    let length = packet.u8_if(|length| length & 0x3f == 0)? >> 6;
    packet.skip(usize::from(length) + 1)?;
    require(packet.is_empty())
}

/// Which of them there are; sequence; protocol and version.
fn capabilities(packet: &mut Scan<'_>) -> Step<Proof> {
    packet.skip(2)?;
    packet.expect(b"\x06\0\x08\x81\x75\0")?;
    packet.u8_if(|version| (1..=32).contains(&version))?;
    Ok(Proof::Structure)
}

/// The side that opens must prove it: of the answers some, rejections above all, name no protocol.
fn registration(exchange: &Exchange<'_>) -> Match {
    let opening = match exchange.first {
        Speaker::Client => &exchange.client,
        Speaker::Server => &exchange.server,
    };
    if opening.is_empty() {
        return Match::Maybe;
    }
    names_protocol(opening)
}

/// The choice of gatekeeper request or confirmation, registration request or confirmation: five bits behind a zero.
const fn is_registration(byte: u8) -> bool {
    matches!(byte >> 2, 0 | 1 | 3 | 4)
}

fn names_protocol(side: &Side<'_>) -> Match {
    const H225: &[u8] = b"\x06\0\x08\x91\x4a\0";
    const VERSION_LAST: u8 = 8;
    let &[first, _, _, _, ref identifier @ ..] = side.first_datagram() else { return Match::No };
    let version = identifier.strip_prefix(H225).and_then(|rest| rest.first());
    match version {
        Some(1..=VERSION_LAST) if is_registration(first) => Match::Yes(Proof::Structure),
        _ => Match::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};
    use crate::trial::Trial;

    fn packet(payload: &[u8]) -> Vec<u8> {
        [&[3, 0, 0, payload.len() as u8 + 4][..], payload].concat()
    }

    const SETUP: &[u8] =
        b"\x08\x02\0\x7b\x05\xa1\x04\x03\x88\x93\xa5\x28\x03abc\x7e\0\x08\x05\x20\xb8\x06\0\x08\x91\x4a";
    const RELEASE: &[u8] = b"\x08\x02\x80\x7b\x5a\x08\x02\x80\x90\x7e\0\x03\x05\x25\x80";
    const REQUEST: &[u8] = b"\x0e\xc0\0\x07\x06\0\x08\x91\x4a\0\x04\x80\x01";

    #[test]
    fn calls_are_signalled() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&packet(SETUP), Proof::Structure);
        tcp.server_proves(&packet(RELEASE), Proof::Structure);
        assert_eq!(tcp.both(&packet(SETUP), &packet(RELEASE)), Match::Yes(Proof::Structure));
    }

    #[test]
    fn calls_are_controlled() {
        let tcp = Trial::tcp(check);
        let capable = packet(b"\x02\x70\x01\x06\0\x08\x81\x75\0\x07\x80\x0d");
        tcp.client_proves(&capable, Proof::Structure);
        let determined = packet(b"\x01\0\x32\x80\x12\x34\x56");
        tcp.server_proves(&[determined, capable].concat(), Proof::Structure);
    }

    #[test]
    fn terminals_register() {
        let udp = Trial::udp(check);
        udp.client_proves(REQUEST, Proof::Structure);
        udp.client_proves(b"\0\0\0\0\x06\0\x08\x91\x4a\0\x02\0", Proof::Structure);
        udp.server_proves(b"\x12\xc0\0\x07\x06\0\x08\x91\x4a\0\x04\0", Proof::Structure);
        // A rejection.
        let rejected = Talk::udp().client(REQUEST).server(b"\x14\x80\0\x07\x83");
        assert_eq!(rejected.ask(check), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in [(0, 2), (1, 1), (4, 9), (5, 1), (8, 6), (16, 9), (22, 9), (23, 4)] {
            let mut wrong = packet(SETUP);
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        // RDP's and S7's connection request.
        assert_eq!(tcp.client(b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0"), Match::No);
        assert_eq!(tcp.client(&packet(b"\x02\x70\x01\x06\0\x08\x81\x76\0\x07")), Match::No);
        assert_eq!(tcp.both(&packet(SETUP), b"raw"), Match::No);
        let udp = Trial::udp(check);
        for (at, value) in [(0, 0x2e), (4, 5), (7, 0x81), (10, 0), (10, 9)] {
            let mut wrong = REQUEST.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        tcp.refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
