//! HTTP/2: frame behind frame (RFC 9113, sections 3.4, 4.1 and 6).

use super::{Breach, Step};

/// What a client that knows the version begins with (section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADER: usize = 9;
const SETTINGS: u8 = 4;
/// What a frame holds at most, unless both agree on more (section 4.2), which is done for DATA.
const USUAL: u32 = 16_384;

/// Whether a side that was not announced begins with frames: with the one that must come first (section 3.4).
pub(super) fn is_opening(head: &[u8]) -> bool {
    matches!(head, [0, 0, _, SETTINGS, 0, 0, 0, 0, 0, ..])
}

/// The header of a frame; its content is passed over.
pub(super) fn frame(head: &[u8]) -> Step {
    let Some(header) = head.first_chunk::<HEADER>() else { return Step::More };
    let [high, middle, low, kind, _, stream @ ..] = *header;
    let length = u32::from_be_bytes([0, high, middle, low]);
    // The reserved bit is ignored (section 4.1).
    let on_stream = u32::from_be_bytes(stream) & 0x7fff_ffff != 0;
    let is_sound = match kind {
        // DATA, HEADERS, CONTINUATION; PUSH_PROMISE.
        0 | 1 | 9 => on_stream,
        5 => on_stream && length >= 4,
        // PRIORITY, RST_STREAM.
        2 => on_stream && length == 5,
        3 => on_stream && length == 4,
        SETTINGS => !on_stream && length.is_multiple_of(6),
        // PING, GOAWAY, WINDOW_UPDATE.
        6 => !on_stream && length == 8,
        7 => !on_stream && length >= 8,
        8 => length == 4,
        // Extensions, and what is sent to see that they are passed over (section 5.5).
        _ => length <= USUAL,
    };
    if is_sound { Step::Took(u64::from(length) + HEADER as u64) } else { Step::Broken(Breach::HttpFrame) }
}
