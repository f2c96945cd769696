//! The first payloads of an undecided flow, and what is kept of them for a flagged one.

use offport_wire::{Direction, Packet, TransportHeader};

use crate::config::PAYLOAD_BOUND;
use crate::entry::micros;
use crate::pool::NONE;
use crate::shared::passed;
use crate::stream::Stream;
use crate::view::FirstPayload;

/// How long an answer waits for what it answers, microseconds of packet time, and in payload packets: some batches of a
/// ring. Longer than a worker is off its core; short beside [`crate::Config::decide_after`], for captures of one side.
const WAIT: u64 = 100_000;
const WAIT_PACKETS: u8 = 128;

/// Both directions of an undecided flow, indexed by [`Direction::index`].
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) streams: [Stream; 2],
    /// Who sent the first payload.
    pub(crate) first: Direction,
    /// When, in microseconds.
    pub(crate) first_at: u64,
    /// Payload packets so far, without those that only waited.
    pub(crate) packets: u8,
    /// Payload packets that waited.
    waited: u8,
    /// Whose data has been acknowledged, but not read.
    awaited: Option<Direction>,
    /// There is more to look at than was looked at.
    held: bool,
    /// Sequence numbers at which the streams start, as far as their own packets or the other side's acknowledgements tell.
    starts: [Option<u32>; 2],
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
            waited: 0,
            awaited: None,
            held: false,
            starts: [None; 2],
            owner: 0,
            previous: NONE,
            next: NONE,
        }
    }
}

impl Assembly {
    /// Empty again: a flow's first payload was sent by `first`. It is up to the caller to link it.
    pub(crate) fn reset(&mut self, owner: u32, first: Direction, now: u64, bound: u16) {
        self.streams.iter_mut().for_each(|stream| stream.reset(bound));
        (self.first, self.first_at, self.owner) = (first, now, owner);
        (self.packets, self.starts) = (0, [None; 2]);
        (self.awaited, self.waited, self.held) = (None, 0, false);
    }

    /// A stream starts there; `told` by a SYN, or only known from what came first.
    pub(crate) fn start(&mut self, at: usize, seq: u32, told: bool) {
        self.starts[at] = Some(seq);
        if told {
            self.streams[at].anchor(seq);
        }
    }

    /// The first payload is there. If it is an answer, the other side spoke first.
    pub(crate) fn first_answers(&mut self, packet: &Packet<'_>) {
        if self.answers_unseen(packet) {
            self.first = packet.direction.reverse();
        }
    }

    /// Counts a packet whose payload was taken in. Whether the flow has to be looked at, for this packet or for those that
    /// waited; not, for some time, while what was answered has not been read.
    pub(crate) fn is_due(&mut self, packet: &Packet<'_>, changed: bool) -> bool {
        let carries = u8::from(packet.payload_len > 0);
        if self.awaited.is_none() && self.answers_unseen(packet) {
            self.awaited = Some(packet.direction.reverse());
        }
        let waits = self.waited < WAIT_PACKETS
            && !passed(self.first_at, micros(packet.time), WAIT)
            && self.awaited.is_some_and(|awaited| self.is_unheard(awaited));
        if waits {
            self.waited += carries;
            self.held |= changed;
            return false;
        }
        self.packets = self.packets.saturating_add(carries);
        std::mem::take(&mut self.held) || changed
    }

    /// Whether a packet acknowledges data of a side of which none is here. A worker reads several queues and nothing tells in
    /// which order their packets arrived: where the directions of a flow come on two queues, the answer may be read first.
    /// (A FIN takes a number, too.)
    fn answers_unseen(&self, packet: &Packet<'_>) -> bool {
        let other = packet.direction.reverse();
        let TransportHeader::Tcp(tcp) = packet.transport else { return false };
        let spoken = self.starts[other.index()].map_or(0, |start| tcp.ack.wrapping_sub(start) as i32);
        tcp.flags.ack() && spoken > 1 && self.is_unheard(other)
    }

    fn is_unheard(&self, direction: Direction) -> bool {
        let stream = &self.streams[direction.index()];
        stream.is_empty() && !stream.is_closed()
    }

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
