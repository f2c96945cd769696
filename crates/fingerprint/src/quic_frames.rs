//! The frames of a QUIC Initial packet: RFC 9000, sections 12.4 and 19.

use crate::exchange::Speaker;
use crate::reader::Reader;

/// RFC 9000, section 12.4, table 3: the frames of an Initial, up to one that chance does not give.
///
/// `frames` is what was kept of a payload of `payload_len` bytes.
pub(crate) fn are_initial_frames(frames: &[u8], payload_len: usize, speaker: Speaker, google: bool) -> bool {
    const PADDING: u8 = 0x00;
    const PING: u8 = 0x01;
    const ACK: u8 = 0x02;
    const ACK_ECN: u8 = 0x03;
    const CRYPTO: u8 = 0x06;
    const CONNECTION_CLOSE: u8 = 0x1c;
    /// Google's CRYPTO and PING; an acknowledgement has the top bits 01.
    const GOOGLE_CRYPTO: u8 = 0x08;
    const GOOGLE_PING: u8 = 0x07;
    const PADDING_PROVES: u32 = 8;

    let mut reader = Reader::new(frames);
    let (mut padding, mut pieces) = (0, 0);
    while let Some(kind) = reader.u8() {
        match kind {
            PADDING => {
                padding += 1;
                if padding == PADDING_PROVES {
                    return true;
                }
            }
            PING => {}
            GOOGLE_PING if google => {}
            // Google's acknowledgement has many forms; the frame behind it is not looked for.
            0x40..=0x7f if google => return true,
            ACK | ACK_ECN if acknowledgement(&mut reader, kind == ACK_ECN) => {}
            CRYPTO | GOOGLE_CRYPTO if kind == CRYPTO || google => {
                let room = payload_len.saturating_sub(frames.len() - reader.len());
                match crypto(&mut reader, room, speaker) {
                    Crypto::Hello => return true,
                    Crypto::Piece => pieces += 1,
                    Crypto::Cut => return pieces > 0,
                    Crypto::Malformed => return false,
                }
            }
            // Error code, frame type, reason (RFC 9000, section 19.19); the rest is padding, if anything.
            CONNECTION_CLOSE => {
                let code = varint(&mut reader).is_some_and(|code| code < 0x200);
                let frame = varint(&mut reader).is_some_and(|frame| frame < 0x40);
                let reason = varint(&mut reader).and_then(|len| reader.take(usize::try_from(len).ok()?));
                return code && frame && reason.is_some_and(<[u8]>::is_ascii);
            }
            _ => return false,
        }
    }
    // The bytes that were kept end behind or inside a piece of a hello.
    pieces > 0
}

/// The pieces of the handshake that CRYPTO frames of version 1 and 2 carry: offset and bytes, the last as far as it was
/// kept. Ends at what no first Initial of a client has.
pub(crate) fn crypto_pieces(frames: &[u8]) -> Vec<(u64, &[u8])> {
    const PADDING: u8 = 0x00;
    const PING: u8 = 0x01;
    const CRYPTO: u8 = 0x06;
    let mut reader = Reader::new(frames);
    let mut pieces = Vec::new();
    while let Some(kind) = reader.u8() {
        match kind {
            PADDING | PING => {}
            CRYPTO => {
                let Some((offset, length)) = varint(&mut reader).zip(varint(&mut reader)) else { break };
                let rest = reader.rest();
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                pieces.push((offset, reader.take(length).unwrap_or(rest)));
                if length > rest.len() {
                    break;
                }
            }
            _ => break,
        }
    }
    pieces
}

/// Steps over an ACK frame (RFC 9000, section 19.3) as the first packets of a connection have it.
fn acknowledgement(reader: &mut Reader<'_>, with_ecn: bool) -> bool {
    const FIRST_NUMBERS: u64 = 64;
    let mut number = |limit| varint(reader).is_some_and(|value| value <= limit);
    // Largest acknowledged, delay, further ranges (none yet), first range.
    let plain = number(FIRST_NUMBERS) && number(1 << 20) && number(0) && number(FIRST_NUMBERS);
    plain && (!with_ecn || number(FIRST_NUMBERS) && number(FIRST_NUMBERS) && number(FIRST_NUMBERS))
}

enum Crypto {
    /// The start of a hello.
    Hello,
    /// A later piece; Chrome sends them in any order.
    Piece,
    /// The bytes end in the frame's header.
    Cut,
    Malformed,
}

/// Steps over the rest of a CRYPTO frame (RFC 9000, section 19.6) in a payload with `room` bytes left for it.
fn crypto(reader: &mut Reader<'_>, room: usize, speaker: Speaker) -> Crypto {
    /// Longer than any hello that is sent.
    const HELLO_MAX: u64 = 1 << 16;
    let Some((offset, length)) = varint(reader).zip(varint(reader)) else { return Crypto::Cut };
    if offset > HELLO_MAX || length == 0 || length > room as u64 {
        return Crypto::Malformed;
    }
    let data = reader.rest();
    let data = data.get(..length as usize).unwrap_or(data);
    let _ = reader.take(data.len());
    if offset != 0 {
        return Crypto::Piece;
    }
    // TLS ClientHello or ServerHello with its 24-bit length (RFC 8446, section 4), or Google's tags.
    let tls = match speaker {
        Speaker::Client => 1,
        Speaker::Server => 2,
    };
    let hello = match *data {
        [first, high, ..] if first == tls => high == 0,
        [first] => first == tls,
        _ => matches!(data.get(..4), Some(b"CHLO" | b"SHLO" | b"REJ\0")),
    };
    if hello { Crypto::Hello } else { Crypto::Malformed }
}

/// A variable-length integer (RFC 9000, section 16).
pub(crate) fn varint(reader: &mut Reader<'_>) -> Option<u64> {
    let first = reader.u8()?;
    let more = (1_usize << (first >> 6)) - 1;
    let rest = reader.take(more)?;
    Some(rest.iter().fold(u64::from(first & 0x3f), |value, &byte| value << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_client(frames: &[u8]) -> bool {
        are_initial_frames(frames, 1100, Speaker::Client, false)
    }

    #[test]
    fn a_hello_after_what_may_precede_it() {
        let hello = [6, 0, 0x40, 0xf1, 1, 0, 0, 0xed, 3, 3];
        assert!(from_client(&hello));
        assert!(from_client(&[&[1, 0, 0, 2, 0, 0x10, 0, 0][..], &hello].concat()));
        assert!(!are_initial_frames(&hello, 1100, Speaker::Server, false));
        assert!(!from_client(&[&[8][..], &hello].concat()));
        assert!(!from_client(&[6, 0, 0x7f, 0xff, 1, 0]));
    }

    #[test]
    fn pieces_in_any_order_and_padding() {
        assert!(from_client(&[6, 0x40, 0x80, 2, 9, 9, 0, 6, 0x40, 0x99, 0x41, 0, 5]));
        assert!(from_client(&[0; 8]));
        assert!(!from_client(&[0; 7]));
    }

    #[test]
    fn numbers() {
        // RFC 9000, appendix A.1.
        let number = |bytes: &[u8]| varint(&mut Reader::new(bytes));
        assert_eq!(number(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]), Some(151_288_809_941_952_652));
        assert_eq!(number(&[0x9d, 0x7f, 0x3e, 0x7d]), Some(494_878_333));
        assert_eq!(number(&[0x7b, 0xbd]), Some(15_293));
        assert_eq!(number(&[0x25]), Some(37));
        assert_eq!(number(&[0x7b]), None);
    }
}
