//! WebSocket: RFC 6455, section 5.2.
//!
//! A connection starts with an HTTP upgrade and is called http; this is for one picked up later. Proof: frames whose
//! lengths lead from one to the next and end where a segment ends, masked from the client and not from the server, with
//! text where they say text.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Websocket,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[(0, |head| head & 0x30 == 0 && matches!(head & 0x0f, 0..=2 | 8..=10))],
    check,
};

/// The longest frame that is taken for one.
const FRAME_MAX: u64 = 1 << 24;

/// Text that proves a frame by itself.
const WORDS: usize = 16;

fn check(exchange: &Exchange<'_>) -> Match {
    if !exchange.midstream {
        return Match::No;
    }
    match (Frames::read(&exchange.client), Frames::read(&exchange.server)) {
        (Some(one), Some(other)) if one.masked != other.masked => Match::Yes(Proof::Structure),
        (Some(side), None) | (None, Some(side)) if side.words => Match::Yes(Proof::Heuristic),
        _ => Match::No,
    }
}

/// What a run of frames says of itself.
struct Frames {
    masked: bool,
    /// A whole frame of text that is text.
    words: bool,
}

impl Frames {
    /// Reads frames up to the end of what is kept; `None` if that is not the end of a frame, nor the bound inside one.
    fn read(side: &Side<'_>) -> Option<Self> {
        let mut rest = Reader::new(side.bytes);
        let mut frames = Self { masked: side.bytes.get(1)? & 0x80 != 0, words: false };
        let mut continues = false;
        while rest.len() > 0 {
            let (head, size) = (rest.u8()?, rest.u8()?);
            let (last, opcode, masked) = (head & 0x80 != 0, head & 0x0f, size & 0x80 != 0);
            let length = match size & 0x7f {
                126 => u64::from(rest.u16_be()?),
                127 => rest.u64_be()?,
                short => u64::from(short),
            };
            // RSV1 marks a compressed message (RFC 7692). A message goes on with opcode 0; control frames are short
            // and whole, and may come between (section 5.4, 5.5). Empty messages are too cheap a proof.
            let data = head & 0x30 == 0
                && if continues { opcode == 0 } else { matches!(opcode, 1 | 2) && length > 0 };
            let control = matches!(opcode, 8..=10) && head & 0xf0 == 0x80 && length <= 125;
            if masked != frames.masked || !(data || control) || length > FRAME_MAX {
                return None;
            }
            if data {
                continues = !last;
            }
            let mask = if masked { rest.take(4)? } else { &[0; 4] };
            let payload = rest.take((length as usize).min(rest.len()))?;
            if (payload.len() as u64) < length && !side.closed {
                return None;
            }
            if opcode == 1 && head & 0x40 == 0 {
                if !payload.iter().zip(mask.iter().cycle()).all(|(byte, mask)| is_text(byte ^ mask)) {
                    return None;
                }
                frames.words |= payload.len() >= WORDS;
            }
        }
        Some(frames)
    }
}

/// UTF-8, without the control characters that no message needs.
const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..=0xf4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const MASKED_HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

    #[test]
    fn frames_of_both_sides() {
        let midstream = Trial::tcp(check).midstream();
        assert_eq!(midstream.both(MASKED_HELLO, b"\x81\x05Hello"), Match::Yes(Proof::Structure));
        assert_eq!(midstream.both(b"\x89\x80\x01\x02\x03\x04", b"\x8a\0"), Match::Yes(Proof::Structure));
        assert_eq!(midstream.both(MASKED_HELLO, MASKED_HELLO), Match::No);
    }

    #[test]
    fn words_of_one_side() {
        let midstream = Trial::tcp(check).midstream();
        assert_eq!(midstream.server(b"\x81\x15{\"type\":\"heartbeat\"}"), Match::No);
        assert_eq!(midstream.server(b"\x81\x14{\"type\":\"heartbeat\"}"), Match::Yes(Proof::Heuristic));
        assert_eq!(midstream.server(b"\x81\x05Hello"), Match::No);
    }

    #[test]
    fn never_from_the_start() {
        assert_eq!(Trial::tcp(check).both(MASKED_HELLO, b"\x81\x05Hello"), Match::No);
        Trial::tcp(check).midstream().refuses_noise(2000);
    }
}
