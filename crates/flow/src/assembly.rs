//! The first payloads of an undecided flow, and what is kept of them for a flagged one.

use offport_wire::Direction;

use crate::config::PAYLOAD_BOUND;
use crate::pool::NONE;
use crate::stream::Stream;
use crate::view::FirstPayload;

/// Both directions of an undecided flow, indexed by [`Direction::index`].
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) streams: [Stream; 2],
    /// Who sent the first payload.
    pub(crate) first: Direction,
    /// When, in microseconds.
    pub(crate) first_at: u64,
    /// Payload packets so far.
    pub(crate) packets: u8,
    /// The flow: index into its table, top bit set for IPv6.
    pub(crate) owner: u32,
    /// Neighbours in the queue of undecided flows, oldest first.
    pub(crate) previous: u32,
    pub(crate) next: u32,
}

impl Default for Assembly {
    fn default() -> Self {
        Self {
            streams: [Stream::default(), Stream::default()],
            first: Direction::LowToHigh,
            first_at: 0,
            packets: 0,
            owner: 0,
            previous: NONE,
            next: NONE,
        }
    }
}

impl Assembly {
    /// Who spoke first, as far as is known: zeros that may be padding do not count while the other side has spoken.
    pub(crate) fn first_speaker(&self) -> Direction {
        let [first, other] = [self.first, self.first.reverse()].map(|at| &self.streams[at.index()]);
        if first.is_empty() && !other.is_empty() { self.first.reverse() } else { self.first }
    }
}

/// The first payload of a flagged flow.
#[derive(Debug)]
pub(crate) struct Heads {
    pub(crate) first: Direction,
    lens: [u16; 2],
    bytes: [[u8; PAYLOAD_BOUND]; 2],
}

impl Default for Heads {
    fn default() -> Self {
        Self { first: Direction::LowToHigh, lens: [0; 2], bytes: [[0; PAYLOAD_BOUND]; 2] }
    }
}

impl Heads {
    pub(crate) fn keep(&mut self, assembly: &Assembly) {
        self.first = assembly.first_speaker();
        for ((stream, len), bytes) in assembly.streams.iter().zip(&mut self.lens).zip(&mut self.bytes) {
            let kept = stream.first_payload().bytes;
            *len = kept.len() as u16;
            bytes[..kept.len()].copy_from_slice(kept);
        }
    }

    pub(crate) fn first_payload(&self, direction: usize) -> FirstPayload<'_> {
        let bytes = &self.bytes[direction][..usize::from(self.lens[direction])];
        FirstPayload { bytes, ends: &[], first_len: bytes.len() as u32, closed: true, bounded: false }
    }
}
