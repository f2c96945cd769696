//! ISAKMP, IKE: RFC 2408, section 3.1 with RFC 2409 (version 1), RFC 7296, section 3.1 (version 2); behind a non-ESP
//! marker where NAT is traversed, in one flow with ESP and keep-alives (RFC 3948, section 2); over TCP RFC 9329.
//!
//! Proven from either side by structure: SPIs as the exchange has them, payload, version and exchange type that
//! belong together, a length that is the datagram's, and payloads that chain inside it. A tunnel that is up shows only
//! ESP: datagrams with one SPI and a sequence number that counts up are a heuristic.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, PORT_BITS, Probe, Sides, Transports, ports, weigh};
use crate::reader::Reader;
use crate::scan::{Scan, Step, Stop, require};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Isakmp,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        // Versions 1 and 2; behind a non-ESP marker the same; among keep-alives and ESP, anything.
        &[(17, is_version), (24, |length| length == 0)],
        &[(0, is_marker), (1, is_marker), (2, is_marker), (3, is_marker), (21, is_version)],
        &[(PORT_BITS, |ports| ports & ports::NAT_TRAVERSAL != 0)],
    ],
    stream: &[],
    check,
};

const HEADER_LEN: usize = 28;

/// RFC 3948, sections 2.2, 2.3 and 2.1.
const MARKER_LEN: usize = 4;
/// RFC 9329, section 4.
const TCP_PREFIX: &[u8] = b"IKETCP";
const NAT_KEEPALIVE: &[u8] = &[0xff];

/// RFC 2408, section 3.1; RFC 7296, section 3.1: major and minor.
const VERSION_1: u8 = 0x10;
const VERSION_2: u8 = 0x20;

/// Header, a block of payload, an integrity check value.
const ESP_MIN: usize = 28;
/// Between two datagrams of a flow that follow each other; the other direction has its own count.
const ESP_GAP: u32 = 64;

/// RFC 7296, section 3.1: exchange types of version 2 start here.
const IKE_SA_INIT: u8 = 34;

/// RFC 2408, section 3.1: encryption, commit, authentication only.
const FLAGS_V1: u8 = 0x07;
const FLAG_ENCRYPTED_V1: u8 = 0x01;

/// RFC 7296, section 3.2; RFC 7383: encrypted payloads, whose "next payload" is that of what is inside.
const PAYLOAD_ENCRYPTED: u8 = 46;
const PAYLOAD_ENCRYPTED_FRAGMENT: u8 = 53;

/// RFC 3948, section 2.2: zeros where ESP has its SPI.
const fn is_marker(byte: u8) -> bool {
    byte == 0
}

const fn is_version(version: u8) -> bool {
    matches!(version, VERSION_1 | VERSION_2)
}

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::TCP {
        return weigh(exchange, |side| stream(side, TCP_PREFIX), |side| stream(side, b""));
    }
    // Only where IKE and ESP share a port can ESP stand for it (RFC 3948, section 2).
    let with_esp = ports::of(exchange) & ports::NAT_TRAVERSAL != 0;
    match (side(&exchange.client, with_esp), side(&exchange.server, with_esp)) {
        (Saying::Other, _) | (_, Saying::Other) => Match::No,
        (Saying::Ike, _) | (_, Saying::Ike) => Match::Yes(Proof::Structure),
        (Saying::Esp { counts: true }, _) | (_, Saying::Esp { counts: true }) => Match::Yes(Proof::Heuristic),
        _ => Match::Maybe,
    }
}

/// What a side says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saying {
    /// Nothing yet, or keep-alives only.
    Nothing,
    Ike,
    /// A datagram that can be ESP.
    Esp {
        /// A second one counts up from it.
        counts: bool,
    },
    Other,
}

fn side(side: &Side<'_>, with_esp: bool) -> Saying {
    if side.is_empty() {
        return Saying::Nothing;
    }
    if message(side.first_datagram(), side.first_len as usize).is_ok() {
        return Saying::Ike;
    }
    if !with_esp {
        return Saying::Other;
    }
    let mut datagrams = side.datagrams().skip_while(|datagram| *datagram == NAT_KEEPALIVE);
    let Some(first) = datagrams.next() else { return Saying::Nothing };
    if message(first, first.len()).is_ok() {
        return Saying::Ike;
    }
    let Some((spi, number)) = esp(first) else { return Saying::Other };
    let mut counts = false;
    for datagram in datagrams {
        match esp(datagram) {
            // Between them may stand others, and at the end a short one that the bound cut.
            None if message(datagram, datagram.len()).is_ok() || datagram.len() < ESP_MIN => {}
            Some((same, next)) if same == spi => counts |= (1..=ESP_GAP).contains(&next.wrapping_sub(number)),
            _ => return Saying::Other,
        }
    }
    Saying::Esp { counts }
}

/// SPI and sequence number of an ESP packet (RFC 4303, section 2; RFC 3948, section 2.1). The first 256 SPIs are
/// reserved, and zero is the marker of IKE.
fn esp(datagram: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader::new(datagram);
    let spi = reader.u32_be().filter(|&spi| spi > 255)?;
    let number = reader.u32_be().filter(|&number| number > 0)?;
    (datagram.len() >= ESP_MIN).then_some((spi, number))
}

/// A message of IKE in a datagram of `total` bytes.
fn message(bytes: &[u8], total: usize) -> Step<Proof> {
    let marker = if bytes.starts_with(&[0; MARKER_LEN]) { MARKER_LEN } else { 0 };
    ike(&mut Scan::new(bytes.get(marker..).unwrap_or_default()), total.saturating_sub(marker))
}

/// IKE over TCP (RFC 9329, sections 3 and 4): the client's prefix, then messages behind a length that counts itself,
/// and the marker.
fn stream(side: &Side<'_>, prefix: &[u8]) -> Match {
    const LENGTH_LEN: usize = 2;
    let mut scan = Scan::new(side.bytes);
    let least = (LENGTH_LEN + MARKER_LEN + HEADER_LEN) as u64;
    let step = scan
        .expect(prefix)
        .and_then(|()| scan.be(LENGTH_LEN, least..=0xffff))
        .and_then(|length| scan.expect(&[0; MARKER_LEN]).map(|()| length as usize - LENGTH_LEN - MARKER_LEN))
        .and_then(|length| ike(&mut scan, length));
    match step {
        Ok(proof) => Match::Yes(proof),
        Err(Stop::Short) if !side.closed => Match::Maybe,
        Err(_) => Match::No,
    }
}

/// A message of IKE that is `total` bytes long.
fn ike(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    let initiator = scan.take(8)?;
    require(initiator != [0; 8])?;
    let responder_is_zero = scan.take(8)? == [0; 8];
    let payload = scan.u8()?;
    let version = scan.u8()?;
    let exchange_type = scan.u8()?;
    let flags = scan.u8()?;
    let message_id = scan.u32_be()?;
    let length = scan.u32_be()? as usize;
    require(length >= HEADER_LEN && length == total)?;
    let chained = match version {
        VERSION_1 => {
            // Base to Informational, Transaction, Quick Mode, New Group Mode, vendors' (RFC 2408, section 3.1; RFC 2409).
            require(matches!(exchange_type, 1..=6 | 32 | 33 | 240..=255) && flags & !FLAGS_V1 == 0)?;
            // RFC 2408, section 4.2: phase 1 has message id zero.
            require(message_id == 0 || !matches!(exchange_type, 1..=4))?;
            flags & FLAG_ENCRYPTED_V1 == 0
        }
        VERSION_2 => {
            // The other flags and, in the first exchange, the message id are ignored on receipt, and tested so.
            require((IKE_SA_INIT..=IKE_SA_INIT + 10).contains(&exchange_type))?;
            require(!responder_is_zero || exchange_type == IKE_SA_INIT || exchange_type == 38)?;
            true
        }
        _ => return Err(Stop::Wrong),
    };
    if chained {
        payloads(scan, payload, length - HEADER_LEN)?;
    }
    Ok(Proof::Structure)
}

/// Generic payload headers (RFC 2408, section 3.2; RFC 7296, section 3.2), as far as the bound left them.
fn payloads(scan: &mut Scan<'_>, mut next: u8, mut room: usize) -> Step<()> {
    while next != 0 {
        let this = next;
        let header = scan.u8().and_then(|following| {
            // The critical bit is all that the second byte may have; version 1 has it zero.
            scan.u8_if(|flags| flags & 0x7f == 0)?;
            Ok((following, usize::from(scan.u16_be()?)))
        });
        let (following, length) = match header {
            Ok(header) => header,
            Err(Stop::Short) => return Ok(()),
            Err(Stop::Wrong) => return Err(Stop::Wrong),
        };
        require((4..=room).contains(&length))?;
        room -= length;
        scan.take_up_to(length - 4);
        if matches!(this, PAYLOAD_ENCRYPTED | PAYLOAD_ENCRYPTED_FRAGMENT) {
            return require(room == 0);
        }
        next = following;
    }
    require(room == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, assert_every_prefix_goes_on, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    fn header(responder: u8, next: u8, version: u8, kind: u8, flags: u8, id: u32, body: &[u8]) -> Vec<u8> {
        let length = (HEADER_LEN + body.len()) as u32;
        let fixed = [next, version, kind, flags];
        [&[0x1c; 8][..], &[responder; 8], &fixed, &id.to_be_bytes(), &length.to_be_bytes(), body].concat()
    }

    fn payload(next: u8, body: &[u8]) -> Vec<u8> {
        [&[next, 0][..], &(body.len() as u16 + 4).to_be_bytes(), body].concat()
    }

    #[test]
    fn version_1() {
        let main_mode = header(0, 1, 0x10, 2, 0, 0, &[payload(13, &[1; 80]), payload(0, &[2; 16])].concat());
        let answer = header(7, 1, 0x10, 2, 0, 0, &payload(0, &[1; 80]));
        let quick_mode = header(7, 8, 0x10, 32, 1, 0x1234, &[0xee; 132]);
        assert_eq!(Talk::udp().client(&main_mode).ask(check), YES);
        assert_eq!(Talk::udp().client(&main_mode).server(&answer).ask(check), YES);
        assert_eq!(Talk::udp().client(&quick_mode).ask(check), YES);
    }

    #[test]
    fn version_2_also_behind_the_marker() {
        let init = header(
            0,
            33,
            0x20,
            34,
            0x08,
            0,
            &[payload(34, &[1; 44]), payload(40, &[2; 260]), payload(0, &[3; 32])].concat(),
        );
        let auth = header(7, 46, 0x20, 35, 0x08, 1, &payload(35, &[0xee; 700]));
        assert_eq!(Talk::udp().client(&init).ask(check), YES);
        assert_eq!(Talk::udp().server(&auth).ask(check), YES);
        assert_eq!(Talk::udp().client(&[&[0; 4][..], &auth].concat()).ask(check), YES);
    }

    #[test]
    fn over_tcp_byte_by_byte() {
        let frame =
            |message: &[u8]| [&(message.len() as u16 + 6).to_be_bytes()[..], &[0; 4], message].concat();
        let init = header(0, 33, 0x20, 34, 0x08, 0, &payload(0, &[1; 44]));
        let answer = header(7, 33, 0x20, 34, 0x20, 0, &payload(0, &[1; 44]));
        let client = [TCP_PREFIX, &frame(&init)].concat();
        assert_every_prefix_goes_on(&client, check);
        assert_eq!(Talk::tcp().client(&client).server(&frame(&answer)).ask(check), YES);
        assert_eq!(Talk::tcp().client(b"IKETCX").ask(check), Match::No);
        assert_eq!(Talk::tcp().server(b"220 ready\r\n").ask(check), Match::No);
    }

    #[test]
    fn esp_on_the_port_of_nat_traversal() {
        let esp = |spi: u32, number: u32| {
            [&spi.to_be_bytes()[..], &number.to_be_bytes(), &Noise::new(u64::from(number)).bytes(88)].concat()
        };
        let heuristic = Match::Yes(Proof::Heuristic);
        let talk = Talk::udp().port(4500).client(&[0xff]).client(&esp(0xcafe_0001, 70_000));
        assert_eq!(talk.ask(check), Match::Maybe);
        assert_eq!(talk.clone().client(&esp(0xcafe_0001, 70_001)).ask(check), heuristic);
        assert_eq!(talk.client(&esp(0xcafe_0001, 9)).ask(check), Match::Maybe);
        assert_eq!(
            Talk::udp().port(4500).client(&esp(0xcafe_0001, 1)).client(&esp(0xcafe_0002, 2)).ask(check),
            Match::No
        );
        let auth = [&[0; 4][..], &header(7, 46, 0x20, 35, 0x08, 1, &payload(35, &[0xee; 200]))].concat();
        assert_eq!(Talk::udp().port(4500).client(&esp(0xcafe_0001, 1)).server(&auth).ask(check), YES);
        assert_eq!(Talk::udp().port(4501).client(&esp(0xcafe_0001, 1)).ask(check), Match::No);
        assert_eq!(Talk::udp().port(4500).client(b"raw data").ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        let init = header(0, 33, 0x20, 34, 0x08, 0, &payload(0, &[1; 44]));
        assert_eq!(Talk::udp().client(&[&init[..], &[0]].concat()).ask(check), Match::No);
        assert_eq!(
            Talk::udp().client(&header(0, 33, 0x20, 35, 0x08, 1, &payload(0, &[1; 44]))).ask(check),
            Match::No
        );
        assert_eq!(
            Talk::udp().client(&header(0, 33, 0x30, 34, 0x08, 0, &payload(0, &[1; 44]))).ask(check),
            Match::No
        );
        assert_eq!(
            Talk::udp().client(&header(0, 33, 0x20, 34, 0x08, 0, &Noise::new(3).bytes(100))).ask(check),
            Match::No
        );
        assert_eq!(Talk::udp().client(&init).server(b"raw").ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
