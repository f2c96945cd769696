//! STUN: RFC 8489, section 5 (and RFC 5389), RFC 3489 without the magic cookie; TURN: RFC 8656. Over TCP bare (RFC 8489,
//! section 6.2.2) or framed as for ICE (RFC 6544, RFC 4571).
//!
//! Proven from either side by the magic cookie with a length that is the datagram's. Classic STUN has neither cookie
//! nor padding: attributes that chain to the end prove it, a bare request only with a response that repeats its
//! transaction id. TURN's channel data proves nothing.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{At, LENGTH, Match, Probe, Sides, Transports, weigh};
use crate::reader::Reader;
use crate::scan::{Scan, Step, Stop, require};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Stun,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        &[
            (0, |first| first <= 0x3f),
            (4, |cookie| cookie == MAGIC_COOKIE[0]),
            (5, |cookie| cookie == MAGIC_COOKIE[1]),
        ],
        &[(0, |first| first <= 1), (1, |kind| matches!(kind, 0x01..=0x04 | 0x11..=0x15)), WITH_HEADER],
        &[(0, |first| first == MULTIPLEX[0]), (1, |second| second == MULTIPLEX[1])],
    ],
    stream: &[(6, |cookie| matches!(cookie, 0x21 | 0xa4)), (7, |cookie| matches!(cookie, 0x12 | 0x42))],
    check,
};

const HEADER_LEN: usize = 20;
const WITH_HEADER: At = (LENGTH, |length| length as usize >= HEADER_LEN);
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Microsoft's TURN (MS-TURN, section 2.2.1) behind its own frame over UDP (MS-TURNBWM, MS-ICE2BWM): type, length, sequence.
const MULTIPLEX: [u8; 2] = [0xff, 0x10];
const MULTIPLEX_LEN: usize = 12;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::TCP {
        return weigh(exchange, stream, stream);
    }
    match weigh(exchange, datagram, datagram) {
        Match::Maybe => Match::Maybe.or(echo(exchange)),
        answer => answer,
    }
}

fn datagram(side: &Side<'_>) -> Match {
    let (bytes, total) = (side.first_datagram(), side.first_len as usize);
    if let Some(framed) = bytes.strip_prefix(&MULTIPLEX).and_then(|rest| rest.get(MULTIPLEX_LEN - 2..)) {
        return with_cookie(framed, total.saturating_sub(MULTIPLEX_LEN));
    }
    match with_cookie(bytes, total) {
        Match::No => classic(bytes, total),
        answer => answer,
    }
}

/// RFC 8489, section 5: two zero bits, a length that excludes the header, the cookie.
fn with_cookie(bytes: &[u8], total: usize) -> Match {
    let mut reader = Reader::new(bytes);
    let header = reader.u16_be().zip(reader.u16_be()).zip(reader.take(4));
    let Some(((kind, length), cookie)) = header else { return Match::No };
    if kind >= 0x4000 || cookie != MAGIC_COOKIE || usize::from(length) + HEADER_LEN != total {
        return Match::No;
    }
    Match::Yes(Proof::Structure)
}

/// RFC 3489, section 11.1: binding and shared secret, request, response and error.
fn classic(bytes: &[u8], total: usize) -> Match {
    let walk = |alignment| match classic_message(&mut Scan::new(bytes), total, alignment) {
        Ok(0) => Match::Maybe,
        Ok(_) | Err(Stop::Short) if bytes.len() >= HEADER_LEN => Match::Yes(Proof::Structure),
        _ => Match::No,
    };
    // RFC 3489 pads nothing; what was built between it and RFC 5389 pads attributes to words.
    walk(1).or(walk(4))
}

/// The number of attributes.
fn classic_message(scan: &mut Scan<'_>, total: usize, alignment: usize) -> Step<u32> {
    /// RFC 3489, section 11.2, and what later drafts and vendors added below 0x8000.
    const ATTRIBUTE_LAST: u16 = 0x0030;
    let kind = scan.u16_be()?;
    require(matches!(kind, 0x0001 | 0x0002 | 0x0003 | 0x0004 | 0x0101..=0x0104 | 0x0111..=0x0114 | 0x0115))?;
    let length = usize::from(scan.u16_be()?);
    require(length + HEADER_LEN == total)?;
    scan.skip(16)?;
    let mut room = length;
    let mut attributes = 0;
    while room > 0 {
        let attribute = scan.u16_be()?;
        require(attribute != 0 && attribute <= ATTRIBUTE_LAST || (0x8000..=0x80ff).contains(&attribute))?;
        let len = usize::from(scan.u16_be()?).next_multiple_of(alignment);
        require(len + 4 <= room)?;
        scan.skip(len)?;
        room -= len + 4;
        attributes += 1;
    }
    Ok(attributes)
}

/// Two bare classic messages: the response has the request's transaction id.
fn echo(exchange: &Exchange<'_>) -> Match {
    let (client, server) = (exchange.client.first_datagram(), exchange.server.first_datagram());
    match client.get(4..HEADER_LEN).zip(server.get(4..HEADER_LEN)) {
        Some((asked, answered)) if asked == answered && client[0] != server[0] => {
            Match::Yes(Proof::Structure)
        }
        _ => Match::No,
    }
}

fn stream(side: &Side<'_>) -> Match {
    let bare = stream_message(&mut Scan::new(side.bytes));
    let framed = framed_message(&mut Scan::new(side.bytes));
    let settled = |step: Step<()>| match step {
        Ok(()) => Match::Yes(Proof::Structure),
        Err(Stop::Short) if !side.closed => Match::Maybe,
        Err(_) => Match::No,
    };
    settled(bare).or(settled(framed))
}

/// Header and first attribute; over TCP the cookie is always there (RFC 5389 brought the transport).
fn stream_message(scan: &mut Scan<'_>) -> Step<()> {
    scan.be(2, 0..=0x3fff)?;
    let length = scan.u16_be()?;
    require(length % 4 == 0)?;
    scan.expect(&MAGIC_COOKIE)?;
    scan.skip(12)?;
    if length > 0 {
        scan.skip(2)?;
        scan.be(2, 0..=u64::from(length) - 4)?;
    }
    Ok(())
}

/// RFC 4571: a length, then the message that fills it.
fn framed_message(scan: &mut Scan<'_>) -> Step<()> {
    let frame = scan.be(2, HEADER_LEN as u64..=0xffff)?;
    let mut ahead = *scan;
    ahead.be(2, 0..=0x3fff)?;
    ahead.be(2, frame - HEADER_LEN as u64..=frame - HEADER_LEN as u64)?;
    stream_message(scan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, assert_every_prefix_goes_on, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    fn message(kind: u16, attributes: &[u8]) -> Vec<u8> {
        let length = (attributes.len() as u16).to_be_bytes();
        [&kind.to_be_bytes()[..], &length, &MAGIC_COOKIE, b"transaction!", attributes].concat()
    }

    fn classic_message(kind: u16, attributes: &[u8]) -> Vec<u8> {
        let mut message = message(kind, attributes);
        message[4..8].copy_from_slice(b"the ");
        message
    }

    #[test]
    fn with_the_cookie() {
        let request = message(0x0001, &[0, 6, 0, 4, b'a', b':', b'b', b'c']);
        let response = message(0x0101, &[0, 0x20, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Talk::udp().client(&request).ask(check), YES);
        assert_eq!(Talk::udp().client(&request).server(&response).ask(check), YES);
        assert_eq!(Talk::udp().client(&message(0x0003, &[])).server(&message(0x0113, &[])).ask(check), YES);
        let data = message(0x0016, &[&[0, 0x13, 2, 0x58][..], &[9; 600]].concat());
        assert_eq!(Talk::udp().client(&data).ask(check), YES);
        let multiplexed = [&[0xff, 0x10, 0, 28, 1, 2, 3, 4, 5, 6, 7, 8][..], &request].concat();
        assert_eq!(Talk::udp().client(&multiplexed).ask(check), YES);
    }

    #[test]
    fn classic() {
        let request = classic_message(0x0001, &[0, 3, 0, 4, 0, 0, 0, 0]);
        let response = classic_message(0x0101, &[0, 1, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Talk::udp().client(&request).ask(check), YES);
        assert_eq!(Talk::udp().server(&response).ask(check), YES);
        let bare = classic_message(0x0001, &[]);
        assert_eq!(Talk::udp().client(&bare).ask(check), Match::Maybe);
        assert_eq!(Talk::udp().client(&bare).server(&response).ask(check), YES);
        assert_eq!(Talk::udp().client(&bare).server(&classic_message(0x0101, &[])).ask(check), YES);
        assert_eq!(Talk::udp().client(&bare).server(b"raw").ask(check), Match::No);
    }

    #[test]
    fn over_tcp_byte_by_byte() {
        let request = message(0x0003, &[0, 0x19, 0, 4, 6, 0, 0, 0]);
        assert_every_prefix_goes_on(&request, check);
        assert_every_prefix_goes_on(&message(0x0001, &[]), check);
        let framed = [&(request.len() as u16).to_be_bytes()[..], &request].concat();
        assert_every_prefix_goes_on(&framed, check);
        assert_eq!(Talk::tcp().client(b"GET / HTTP/1.1\r\n").ask(check), Match::No);
        assert_eq!(Talk::tcp().client(&[0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x43]).ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        let request = message(0x0001, &[0, 6, 0, 4, b'a', b':', b'b', b'c']);
        assert_eq!(Talk::udp().client(&request[..24]).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&[&[0x40, 0, 0, 4][..], &[1; 4]].concat()).ask(check), Match::No);
        let mut junk = classic_message(0x0001, &Noise::new(2).bytes(40));
        assert_eq!(Talk::udp().client(&junk).ask(check), Match::No);
        junk[3] = 41;
        assert_eq!(Talk::udp().client(&junk).ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
