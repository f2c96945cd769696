//! Google QUIC before its frames went behind keys of their own: Q001 to Q049.
//!
//! The sources are Google's "QUIC Wire Layout Specification" and "QUIC Crypto". A client's first packet names its
//! version and carries a stream-1 (later crypto) frame with the tag `CHLO`, under a hash but not encrypted; the
//! server's rejection and hello travel the same way.

use crate::answer::Proof;
use crate::reader::Reader;

/// Public flags (wire layout, "Public Packet Header").
const FLAG_VERSION: u8 = 0x01;
const FLAG_RESET: u8 = 0x02;
const FLAG_CONNECTION_ID: u8 = 0x08;
/// Connection ids of 8 bytes set both bits before Q034, and 0x08 alone since; 0x40 and 0x80 are reserved.
const FLAGS_RESERVED: u8 = 0xc0;

/// Whether public flags, the first byte, say that the version follows.
pub(crate) const fn is_version_first(flags: u8) -> bool {
    flags & (FLAGS_RESERVED | FLAG_VERSION | FLAG_CONNECTION_ID | FLAG_RESET) == FLAG_VERSION
}

/// Whether they say that the version follows the connection id.
pub(crate) const fn is_version_behind_id(flags: u8) -> bool {
    flags & (FLAGS_RESERVED | FLAG_VERSION | FLAG_CONNECTION_ID | FLAG_RESET)
        == FLAG_VERSION | FLAG_CONNECTION_ID
}

/// Whether they say that the connection ends.
pub(crate) const fn is_reset(flags: u8) -> bool {
    flags & (FLAGS_RESERVED | FLAG_RESET) == FLAG_RESET
}

/// Whether they say nothing of that.
pub(crate) const fn is_bare(flags: u8) -> bool {
    flags & (FLAGS_RESERVED | FLAG_VERSION | FLAG_RESET) == 0
}

/// The lengths of both connection ids in one byte: one side's, or both, each of 8 bytes, of which the code is 5.
pub(crate) const fn are_id_lengths(byte: u8) -> bool {
    matches!(byte, 0x50 | 0x05 | 0x55)
}

/// A handshake message begins within this many bytes: header, 12 bytes of hash, an acknowledgement, a frame header.
const TAG_WITHIN: usize = 96;

/// How well a datagram proves to be Google QUIC with its public header; `None` if it is none.
pub(crate) fn proof(datagram: &[u8]) -> Option<Proof> {
    let mut reader = Reader::new(datagram);
    let flags = reader.u8()?;
    if flags & FLAGS_RESERVED != 0 {
        return None;
    }
    if flags & FLAG_CONNECTION_ID != 0 {
        reader.take(8)?;
    }
    if flags & FLAG_RESET != 0 {
        return (reader.take(4)? == b"PRST").then_some(Proof::Banner);
    }
    if flags & FLAG_VERSION == 0 {
        return has_handshake_tag(reader.rest()).then_some(Proof::Banner);
    }
    let version = reader.u32_be()?;
    if !is_version(version) {
        return None;
    }
    if has_handshake_tag(reader.rest()) {
        return Some(Proof::Structure);
    }
    // A version negotiation is a list of versions and nothing else.
    let (list, odd) = reader.rest().as_chunks();
    if flags & !(FLAG_VERSION | FLAG_CONNECTION_ID | 0x04) == 0
        && odd.is_empty()
        && list.iter().all(|&version| is_version(u32::from_be_bytes(version)))
    {
        return Some(Proof::Structure);
    }
    Some(Proof::Banner)
}

/// How well a datagram proves to be Q044 to Q048: a long header with both connection id lengths in one byte.
/// `rest` is what follows the version.
pub(crate) fn long_header_proof(rest: &[u8]) -> Option<Proof> {
    let proof = if has_handshake_tag(rest) { Proof::Structure } else { Proof::Banner };
    are_id_lengths(*rest.first()?).then_some(proof)
}

/// `Q001` to `Q049`, as four characters.
pub(crate) fn is_version(version: u32) -> bool {
    let [letter, zero, tens, units] = version.to_be_bytes();
    letter == b'Q' && zero == b'0' && (b'0'..=b'4').contains(&tens) && units.is_ascii_digit()
}

/// The tag of a handshake message, and the number of its entries, which two zero bytes pad.
fn has_handshake_tag(bytes: &[u8]) -> bool {
    let near = bytes.get(..TAG_WITHIN).unwrap_or(bytes);
    near.windows(8).any(|window| {
        let (tag, count) = window.split_at(4);
        matches!(tag, b"CHLO" | b"SHLO" | b"REJ\0" | b"SREJ") && count[0] != 0 && count[1..] == [0, 0, 0]
    })
}
