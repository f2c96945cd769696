//! rx: the remote procedure calls of AFS: "Rx protocol specification draft" (N. Zeldovich, 1999), sections on the packet header
//! and the types of packets; AFS-3 "Specification for a Remote Procedure Call facility" (E. Zayas, 1991).
//!
//! Nothing in the header is fixed: proven by structure where the first data packet of a call has its small numbers, an
//! acknowledgement its counts, a challenge its levels, or where both sides name the same connection.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{LENGTH, Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rx,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[
        (8, |call| call == 0),
        (12, |sequence| sequence == 0),
        (20, is_kind),
        (LENGTH, |length| length as usize >= HEADER_LEN),
    ]],
    stream: &[],
    check,
};

const HEADER_LEN: usize = 28;

const DATA: u8 = 1;
const BUSY: u8 = 2;
const ABORT: u8 = 3;
const ACK: u8 = 4;
const CHALLENGE: u8 = 5;
const RESPONSE: u8 = 6;
const DEBUG: u8 = 7;
const VERSION: u8 = 13;

/// Sent by the client; acknowledgement wanted, last packet, more to come; slow start or a jumbo datagram.
const FLAGS: u8 = 0x3f;

fn check(exchange: &Exchange<'_>) -> Match {
    match weigh(exchange, packet, packet) {
        Match::Yes(_) if same_connection(&exchange.client, &exchange.server) => Match::Yes(Proof::Structure),
        answer => answer,
    }
}

const fn is_kind(kind: u8) -> bool {
    matches!(kind, DATA..=DEBUG | VERSION)
}

/// Epoch and connection id, but for the channel, are the same.
fn same_connection(client: &Side<'_>, server: &Side<'_>) -> bool {
    const CHANNEL: u8 = 0x03;
    let connection = |side: &Side<'_>| side.first_datagram().first_chunk::<8>().copied();
    match (connection(client), connection(server)) {
        (Some(one), Some(other)) => {
            one != [0; 8] && one[..7] == other[..7] && one[7] & !CHANNEL == other[7] & !CHANNEL
        }
        _ => false,
    }
}

fn packet(message: Message<'_>) -> Step<Proof> {
    const CALLS_MAX: u64 = 0x00ff_ffff;
    const SEQUENCES_MAX: u64 = 0x000f_ffff;
    const SECURITY_LAST: u8 = 5;
    let mut scan = message.scan();
    let body = message.total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)?;
    // Epoch, connection.
    scan.skip(8)?;
    let call = scan.be(4, 0..=CALLS_MAX)?;
    let sequence = scan.be(4, 0..=SEQUENCES_MAX)?;
    let serial = scan.be(4, 0..=CALLS_MAX)?;
    let kind = scan.u8_if(is_kind)?;
    scan.u8_if(|flags| flags & !FLAGS == 0)?;
    // The user's status; the security, and its checksum.
    scan.expect(&[0])?;
    let security = scan.u8_if(|security| security <= SECURITY_LAST)?;
    let checksum = scan.u16_be()?;
    require(security != 0 || checksum == 0)?;
    let service = scan.u16_be()?;
    match kind {
        DATA => {
            // Serials are counted through the connection, sequences through the call.
            require(call > 0 && sequence > 0 && serial >= sequence && service > 0)?;
            Ok(if sequence == 1 { Proof::Structure } else { Proof::Heuristic })
        }
        ACK => acknowledgement(&mut scan, body),
        CHALLENGE => challenge(&mut scan, body, security),
        BUSY => require(body == 0 && call > 0).map(|()| Proof::Heuristic),
        ABORT => require(body == 4 && serial > 0).map(|()| Proof::Heuristic),
        RESPONSE => require(body > 0 && security > 0).map(|()| Proof::Heuristic),
        // Of the implementation's own: outside of any call.
        _ => require(call == 0 && sequence == 0 && service == 0).map(|()| Proof::Heuristic),
    }
}

/// Buffer space, skew; the first packet, the previous one, the serial that it is for; a reason; what came or did not.
fn acknowledgement(scan: &mut Scan<'_>, body: usize) -> Step<Proof> {
    const FIXED: usize = 18;
    const REASON_LAST: u8 = 9;
    /// Three bytes of padding and four numbers: sizes of packets, window, packets in a datagram.
    const TRAILER_MAX: usize = 3 + 4 * 4;
    scan.skip(2 + 2)?;
    scan.be(4, 0..=0x000f_ffff)?;
    scan.skip(4 + 4)?;
    scan.u8_if(|reason| (1..=REASON_LAST).contains(&reason))?;
    let count = usize::from(scan.u8()?);
    let trailer = body.checked_sub(FIXED + count).ok_or(Stop::Wrong)?;
    require(trailer <= TRAILER_MAX)?;
    let came = scan.take_up_to(count);
    require(came.iter().all(|&came| came <= 1))?;
    Ok(Proof::Structure)
}

/// rxkad's: version, nonce, lowest level, greatest version of a ticket.
fn challenge(scan: &mut Scan<'_>, body: usize, security: u8) -> Step<Proof> {
    const RXKAD: u8 = 2;
    require(body > 0 && security > 0)?;
    if security != RXKAD {
        return Ok(Proof::Heuristic);
    }
    scan.be(4, 0..=2)?;
    scan.skip(4)?;
    scan.be(4, 0..=2)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn packet_of(serial: u8, kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let sequence = u8::from(kind == DATA);
        let mut packet = b"\xd1\x23\x45\x67\x89\xab\xcd\xe0\0\0\0\x07\0\0\0".to_vec();
        packet.extend([sequence, 0, 0, 0, serial, kind, flags, 0, 0, 0, 0, 0, 52]);
        packet.extend(body);
        packet
    }

    const CAME: &[u8] = b"\0\x20\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x03\x02\x01\x01\0\0\0\0\0\x05\xac\0\0\x05\xac\0\0\0\x20\0\0\0\x04";

    #[test]
    fn calls_and_acknowledgements() {
        let udp = Trial::udp(check);
        udp.client_proves(&packet_of(3, DATA, 5, b"\0\0\x02\x01"), Proof::Structure);
        udp.server_proves(&packet_of(2, ACK, 0x20, CAME), Proof::Structure);
        udp.client_proves(&packet_of(2, ACK, 1, &CAME[..19]), Proof::Structure);
        assert_eq!(
            udp.both(&packet_of(3, DATA, 5, b"\0\0\x02\x01"), &packet_of(2, ACK, 0x20, CAME)),
            Match::Yes(Proof::Structure)
        );
        let mut challenged = packet_of(2, CHALLENGE, 0, b"\0\0\0\x02abcd\0\0\0\0\0\0\0\x04");
        challenged[23] = 2;
        udp.server_proves(&challenged, Proof::Structure);
    }

    #[test]
    fn weaker_packets_need_the_same_connection_of_both() {
        let udp = Trial::udp(check);
        let (aborted, mut later) = (packet_of(4, ABORT, 0, b"\0\0\0\x01"), packet_of(9, DATA, 5, b"data"));
        later[15] = 6;
        udp.server_proves(&aborted, Proof::Heuristic);
        udp.client_proves(&later, Proof::Heuristic);
        assert_eq!(udp.both(&later, &aborted), Match::Yes(Proof::Structure));
        let mut stranger = aborted;
        stranger[7] ^= 4;
        assert_eq!(udp.both(&later, &stranger), Match::Yes(Proof::Heuristic));
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [
            (8, 1),
            (11, 0),
            (12, 1),
            (15, 4),
            (19, 0),
            (20, 0),
            (20, 8),
            (21, 0x40),
            (22, 1),
            (23, 6),
            (25, 1),
            (27, 0),
        ] {
            let mut wrong = packet_of(3, DATA, 5, b"\0\0\x02\x01");
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        for (at, value) in [(44, 0), (44, 10), (45, 20), (46, 2)] {
            let mut wrong = packet_of(2, ACK, 0x20, CAME);
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.both(&packet_of(3, DATA, 5, b"\0\0\x02\x01"), b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
