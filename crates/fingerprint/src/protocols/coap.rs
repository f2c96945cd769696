//! coap: the Constrained Application Protocol over UDP; Lightweight M2M runs over it.
//!
//! Specifications: RFC 7252, section 3 (message format), 5.10 and 12.2 (options); RFC 7641, 7959, 7967, 8132, 8516, 8613,
//! 8768, 9175, 9177 (more codes and options). A request is plausible when its options are known, of their length, and
//! name a resource; a long name proves it, and so does the reply that repeats the request's message id and token.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Coap,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, is_first), (1, |code| content(code).is_some())]],
    stream: &[],
    check,
};

/// Types of message (RFC 7252, section 3).
const CONFIRMABLE: u8 = 0;
const ACKNOWLEDGEMENT: u8 = 2;
const RESET: u8 = 3;

/// Characters of names in options that make a request plausible, and that prove it.
const PLAUSIBLE: usize = 5;
const PROVEN: usize = 14;

/// Version 1, and a token of at most eight bytes.
const fn is_first(byte: u8) -> bool {
    byte >> 6 == 1 && byte & 0xf <= 8
}

fn check(exchange: &Exchange<'_>) -> Match {
    let (client, server) = (&exchange.client, &exchange.server);
    match (client.is_empty(), server.is_empty()) {
        (true, true) => Match::Maybe,
        (false, true) => alone(client),
        (true, false) => alone(server),
        (false, false) => both(client, server),
    }
}

fn alone(side: &Side<'_>) -> Match {
    message(side).map_or(Match::No, |message| message.proves())
}

fn both(client: &Side<'_>, server: &Side<'_>) -> Match {
    let Some((client, server)) = message(client).zip(message(server)) else { return Match::No };
    let paired = if client.is_answered_by(&server) || server.is_answered_by(&client) {
        // Of an empty message there is no more than the message id.
        let bare = matches!((client.content, server.content), (Content::Empty, Content::Empty));
        Match::Yes(if bare { Proof::Heuristic } else { Proof::Structure })
    } else {
        Match::Maybe
    };
    client.proves().or(server.proves()).or(paired)
}

/// What a code says (RFC 7252, section 12.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Empty,
    Request,
    Response,
}

const fn content(code: u8) -> Option<Content> {
    Some(match code {
        0x00 => Content::Empty,
        0x01..=0x07 => Content::Request,
        0x41..=0x45 | 0x5f | 0x80..=0x86 | 0x88 | 0x89 | 0x8c | 0x8d | 0x8f | 0x96 | 0x9d => {
            Content::Response
        }
        0xa0..=0xa5 | 0xa8 => Content::Response,
        _ => return None,
    })
}

#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    kind: u8,
    content: Content,
    id: u16,
    token: &'a [u8],
    /// Characters of names in its options.
    text: usize,
}

impl Message<'_> {
    fn proves(&self) -> Match {
        match (self.content, self.text) {
            (Content::Request, PROVEN..) => Match::Yes(Proof::Structure),
            (Content::Request, PLAUSIBLE..) => Match::Yes(Proof::Heuristic),
            _ => Match::Maybe,
        }
    }

    /// Whether the other is the acknowledgement, the reset or the separate response of this (RFC 7252, section 5.2).
    fn is_answered_by(&self, other: &Self) -> bool {
        let same_token = !self.token.is_empty() && self.token == other.token;
        match (other.kind, other.content) {
            (RESET, _) => self.kind == CONFIRMABLE && self.id == other.id,
            (ACKNOWLEDGEMENT, Content::Empty) => self.kind == CONFIRMABLE && self.id == other.id,
            (ACKNOWLEDGEMENT, _) => {
                self.content == Content::Request && self.id == other.id && self.token == other.token
            }
            (_, Content::Response) => self.content == Content::Request && same_token && self.token.len() >= 2,
            _ => false,
        }
    }
}

fn message<'a>(side: &Side<'a>) -> Option<Message<'a>> {
    let mut reader = Reader::new(side.first_datagram());
    let first = reader.u8().filter(|&first| is_first(first))?;
    let kind = first >> 4 & 3;
    let content = content(reader.u8()?)?;
    let id = u16::from_be_bytes([reader.u8()?, reader.u8()?]);
    let token = reader.take(usize::from(first & 0xf))?;
    let fits = match content {
        Content::Empty => side.first_len == 4,
        Content::Request => kind < ACKNOWLEDGEMENT,
        Content::Response => kind != RESET,
    };
    if !fits {
        return None;
    }
    let text = options(&mut reader, side.first_is_cut())?;
    Some(Message { kind, content, id, token, text })
}

/// Walks the options to the payload or to the end; how many characters of names they hold.
fn options(reader: &mut Reader<'_>, cut: bool) -> Option<usize> {
    const PAYLOAD: u8 = 0xff;
    const MOST: usize = 32;
    let (mut number, mut text) = (0usize, 0);
    for _ in 0..MOST {
        let Some(first) = reader.u8() else { return Some(text) };
        if first == PAYLOAD {
            // A marker without a payload is an error (RFC 7252, section 3).
            return (reader.len() > 0 || cut).then_some(text);
        }
        number += extended(reader, first >> 4)?;
        let length = extended(reader, first & 0xf)?;
        let kind = format(number)?;
        if !kind.lengths().contains(&length) {
            return None;
        }
        let Some(value) = reader.take(length) else { return cut.then_some(text) };
        if kind.is_text() {
            if !value.iter().all(|&byte| byte >= b' ' && byte != 0x7f) {
                return None;
            }
            text += value.iter().filter(|&&byte| is_of_name(byte)).count();
        }
    }
    None
}

/// What resources are mostly named with: RFC 3986's unreserved characters, and those between a query's parts.
const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'=' | b'/')
}

/// RFC 7252, section 3.1: 13 and 14 are continued, 15 is reserved.
fn extended(reader: &mut Reader<'_>, nibble: u8) -> Option<usize> {
    match nibble {
        13 => reader.u8().map(|byte| usize::from(byte) + 13),
        14 => reader.u16_be().map(|word| usize::from(word) + 269),
        15 => None,
        small => Some(usize::from(small)),
    }
}

/// How an option's value is built.
#[derive(Clone, Copy)]
enum Format {
    Empty,
    /// A number, or opaque bytes, of so many at least and at most.
    Bytes(usize, usize),
    Text(usize, usize),
}

impl Format {
    const fn lengths(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Empty => 0..=0,
            Self::Bytes(least, most) | Self::Text(least, most) => least..=most,
        }
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::Text(..))
    }
}

const fn format(number: usize) -> Option<Format> {
    use Format::{Bytes, Empty, Text};
    Some(match number {
        // If-Match and its opposite, ETag, Observe.
        1 => Bytes(0, 8),
        4 => Bytes(1, 8),
        5 => Empty,
        6 => Bytes(0, 3),
        // Uri-Host, -Port, -Path, -Query; Location-Path, -Query.
        3 => Text(1, 255),
        7 => Bytes(0, 2),
        8 | 11 | 15 | 20 => Text(0, 255),
        // OSCORE, EDHOC.
        9 => Bytes(0, 255),
        21 => Empty,
        // Content-Format, Max-Age, Accept, Hop-Limit.
        12 | 17 => Bytes(0, 2),
        14 => Bytes(0, 4),
        16 => Bytes(1, 1),
        // Blocks and sizes.
        19 | 23 | 27 | 31 => Bytes(0, 3),
        28 | 60 => Bytes(0, 4),
        35 => Text(1, 1034),
        39 => Text(1, 255),
        // Echo, No-Response, Request-Tag.
        252 => Bytes(1, 40),
        258 => Bytes(0, 1),
        292 => Bytes(0, 8),
        // Of vendors, and for experiments.
        2048..=65535 => Bytes(0, 255),
        // An elective option that is not known is passed over (section 5.4.1); here, one that may be read.
        _ if number.is_multiple_of(2) => Text(0, 255),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    /// GET /temperature, with a token.
    const GET: &[u8] = b"\x44\x01\x12\x34tokn\xbbtemperature";
    const CONTENT: &[u8] = b"\x64\x45\x12\x34tokn\xc0\xff22.3 C";

    #[test]
    fn requests() {
        let udp = Trial::udp(check);
        assert_eq!(udp.client(GET), Match::Yes(Proof::Heuristic));
        let discovery = b"\x40\x01\x12\x34\xbb.well-known\x04core";
        assert_eq!(udp.client(discovery), Match::Yes(Proof::Structure));
        assert_eq!(udp.server(discovery), Match::Yes(Proof::Structure));
        let elective = b"\x40\x01\x12\x34\x2b.well-known\x04core";
        assert_eq!(udp.client(elective), Match::Yes(Proof::Structure));
        // Lightweight M2M registers an endpoint.
        let register = b"\x48\x02\x12\x34tokentok\xb2rd\x11\x28\x39ep=urn:ab\x06lt=300\xff</1/0>";
        assert_eq!(udp.client(register), Match::Yes(Proof::Structure));
        assert_eq!(udp.client(b"\x40\x01\x12\x34"), Match::Maybe);
        assert_eq!(udp.client(b"\x40\x01\x12\x34\xb4temp"), Match::Maybe, "a short name");
    }

    #[test]
    fn replies_to_their_request() {
        let udp = Trial::udp(check);
        assert_eq!(udp.both(GET, CONTENT), Match::Yes(Proof::Structure));
        assert_eq!(udp.both(GET, b"\x60\0\x12\x34"), Match::Yes(Proof::Structure));
        assert_eq!(
            udp.both(b"\x54\x01\x12\x34tokn", b"\x54\x45\x99\x99tokn\xff1"),
            Match::Yes(Proof::Structure)
        );
        assert_eq!(udp.both(b"\x40\x01\x12\x34", b"\x60\x45\x12\x34\xff1"), Match::Yes(Proof::Structure));
        assert_eq!(udp.server(CONTENT), Match::Maybe);
        assert_eq!(udp.both(b"\x40\x01\x12\x34", b"\x60\x45\x12\x35\xff1"), Match::Maybe);
        // A ping.
        assert_eq!(udp.both(b"\x40\0\x12\x34", b"\x70\0\x12\x34"), Match::Yes(Proof::Heuristic));
        assert_eq!(udp.client(b"\x40\0\x12\x34"), Match::Maybe);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for other in [
            b"\x80\x01\x12\x34\xbbtemperature".as_slice(),
            b"\x49\x01\x12\x34123456789",
            b"\x44\x08\x12\x34tokn\xbbtemperature",
            b"\x64\x01\x12\x34tokn\xbbtemperature",
            b"\x44\x01\x12\x34tokn\xbctemperature",
            b"\x44\x01\x12\x34tokn\xbbtemp\x01rature",
            b"\x44\x01\x12\x34tokn\xdb\0temperature",
            b"\x40\x01\x12\x34\xf0",
            b"\x40\x01\x12\x34\xff",
            b"\x40\0\x12\x34\0",
            b"@home: text",
        ] {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(udp.both(GET, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
