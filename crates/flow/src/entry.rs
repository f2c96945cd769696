//! A flow in memory: one cache line that every packet touches, and 20 bytes that few do.
//!
//! Times are microseconds since the Unix epoch in 56 bits (all of [`Timestamp`]'s range fits in 55), so that no
//! base and no wrap-around has to be minded. Counters are 32 bits; a carry out of them goes to the flow's
//! [`crate::extra::Extra`], which only big flows have.

use offport_wire::{Direction, Timestamp, Transport};

use crate::class::Class;
use crate::pool::NONE;
use crate::state::TcpState;

/// What every packet touches. Arrays are indexed by [`Direction::index`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Hot<K> {
    pub(crate) key: K,
    /// First packet, microseconds << 8, and the transport; topmost a bit of [`Hot::adrift`].
    start: u64,
    /// Latest packet, microseconds << 8, and the status; topmost a bit of [`Hot::adrift`].
    last: u64,
    pub(crate) packets: [u32; 2],
    pub(crate) bytes: [u32; 2],
    pub(crate) payload: [u32; 2],
    /// TCP: the sequence number that comes next; meaningful once the direction has sent a packet.
    pub(crate) next_seq: [u32; 2],
}

/// What few packets touch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cold {
    /// Neighbours in the list of the flow's class, or in the free list.
    pub(crate) previous: u32,
    pub(crate) next: u32,
    /// Index into the pool of extras.
    pub(crate) extra: u32,
    pub(crate) path: u16,
    pub(crate) label: u16,
    /// The low 8 bits; carries go to the extra.
    pub(crate) retransmitted: u8,
    pub(crate) out_of_order: u8,
    flags: u16,
}

/// No path, no label.
pub(crate) const NO_ID: u16 = u16::MAX;

/// How far identification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No payload yet.
    Silent,
    /// First payload is being assembled; or the flow is settled and watched, which [`Cold::watched`] tells.
    Undecided,
    /// Settled.
    Settled,
}

const STATE: u64 = 0b0000_0111;
const CLIENT_HIGH: u64 = 0b0000_1000;
const FLAGGED: u64 = 0b0001_0000;
const STAGE: u64 = 0b0110_0000;
const STAGE_SHIFT: u32 = 5;
/// A stage of its own in memory: settled, and the kernel counts its packets.
const SHUNTED: u64 = STAGE;
const MIDSTREAM: u64 = 0b1000_0000;
/// What [`SETTLED`] is about.
pub(crate) const STATUS: u8 = STAGE as u8;
/// A flow that is settled, and whose packets the kernel does not count.
pub(crate) const SETTLED: u8 = (Stage::Settled as u8) << STAGE_SHIFT;
/// What [`OPEN`] is about.
pub(crate) const STATUS_OF_TCP: u8 = STATUS | STATE as u8;
/// The same, of a connection that is open.
pub(crate) const OPEN: u8 = SETTLED | TcpState::Established as u8;
/// Of both words.
const ADRIFT: u64 = 1 << 63;

impl<K> Hot<K> {
    pub(crate) fn new(key: K, transport: Transport, now: u64) -> Self {
        Self {
            key,
            start: now << 8 | u64::from(transport.0),
            last: now << 8,
            packets: [0; 2],
            bytes: [0; 2],
            payload: [0; 2],
            next_seq: [0; 2],
        }
    }

    pub(crate) const fn transport(&self) -> Transport {
        Transport(self.start as u8)
    }

    pub(crate) const fn start(&self) -> u64 {
        (self.start & !ADRIFT) >> 8
    }

    pub(crate) const fn last(&self) -> u64 {
        (self.last & !ADRIFT) >> 8
    }

    /// Time of a packet; steps back do not count.
    pub(crate) fn seen_at(&mut self, now: u64) {
        self.last = self.last().max(now) << 8 | self.last & (0xff | ADRIFT);
    }

    /// Packets of that direction went by unseen: nothing is known of its sequence numbers.
    pub(crate) const fn adrift(&self, direction: usize) -> bool {
        (if direction == 0 { self.start } else { self.last }) & ADRIFT != 0
    }

    pub(crate) fn set_adrift(&mut self, direction: usize, adrift: bool) {
        let word = if direction == 0 { &mut self.start } else { &mut self.last };
        *word = if adrift { *word | ADRIFT } else { *word & !ADRIFT };
    }

    pub(crate) const fn state(&self) -> TcpState {
        TcpState::from_bits((self.last & STATE) as u8)
    }

    pub(crate) fn set_state(&mut self, state: TcpState) {
        self.last = self.last & !STATE | state as u64;
    }

    pub(crate) const fn client(&self) -> Direction {
        if self.last & CLIENT_HIGH == 0 { Direction::LowToHigh } else { Direction::HighToLow }
    }

    pub(crate) fn set_client(&mut self, client: Direction) {
        self.assign(CLIENT_HIGH, client == Direction::HighToLow);
    }

    pub(crate) const fn flagged(&self) -> bool {
        self.last & FLAGGED != 0
    }

    pub(crate) fn set_flagged(&mut self, flagged: bool) {
        self.assign(FLAGGED, flagged);
    }

    pub(crate) const fn midstream(&self) -> bool {
        self.last & MIDSTREAM != 0
    }

    pub(crate) fn set_midstream(&mut self, midstream: bool) {
        self.assign(MIDSTREAM, midstream);
    }

    pub(crate) const fn stage(&self) -> Stage {
        match (self.last & STAGE) >> STAGE_SHIFT {
            0 => Stage::Silent,
            1 => Stage::Undecided,
            _ => Stage::Settled,
        }
    }

    /// A shunted flow that is settled anew stays shunted.
    pub(crate) fn set_stage(&mut self, stage: Stage) {
        if !(self.shunted() && stage == Stage::Settled) {
            self.last = self.last & !STAGE | (stage as u64) << STAGE_SHIFT;
        }
    }

    /// Stage, state and more, to be compared with [`SETTLED`] or [`OPEN`].
    #[inline(always)]
    pub(crate) const fn status(&self) -> u8 {
        self.last as u8
    }

    /// The sequence numbers of one direction or both are not known.
    #[inline(always)]
    pub(crate) const fn is_adrift(&self) -> bool {
        (self.start | self.last) & ADRIFT != 0
    }

    /// The kernel counts the flow's packets and hands up few of them.
    pub(crate) const fn shunted(&self) -> bool {
        self.last & STAGE == SHUNTED
    }

    /// Only for flows that are settled.
    pub(crate) fn set_shunted(&mut self, shunted: bool) {
        let stage = if shunted { SHUNTED } else { (Stage::Settled as u64) << STAGE_SHIFT };
        self.last = self.last & !STAGE | stage;
    }

    /// Both ends have been heard.
    pub(crate) const fn answered(&self) -> bool {
        self.packets[0] > 0 && self.packets[1] > 0
    }

    fn assign(&mut self, bit: u64, value: bool) {
        self.last = if value { self.last | bit } else { self.last & !bit };
    }
}

/// Bits of [`Cold`] with a direction have one bit for each.
const SYN: u16 = 1 << 0;
const FIN: u16 = 1 << 2;
const RST: u16 = 1 << 4;
const ROLE_CERTAIN: u16 = 1 << 6;
const REPORTED: u16 = 1 << 7;
const CLASS_SHIFT: u16 = 8;
const CLASS: u16 = 0b1111 << CLASS_SHIFT;
const WATCHED: u16 = 1 << 12;
const SUBFLOW: u16 = 1 << 13;

const _: () = assert!(Class::ALL.len() <= 16, "a class has four bits");

impl Cold {
    pub(crate) const fn new() -> Self {
        Self {
            previous: NONE,
            next: NONE,
            extra: NONE,
            path: NO_ID,
            label: NO_ID,
            retransmitted: 0,
            out_of_order: 0,
            flags: 0,
        }
    }

    /// A SYN of that direction was seen.
    pub(crate) const fn syn(&self, direction: usize) -> bool {
        self.flags & SYN << direction != 0
    }

    pub(crate) fn set_syn(&mut self, direction: usize) {
        self.flags |= SYN << direction;
    }

    /// A FIN of that direction was seen.
    pub(crate) const fn fin(&self, direction: usize) -> bool {
        self.flags & FIN << direction != 0
    }

    pub(crate) fn set_fin(&mut self, direction: usize) {
        self.flags |= FIN << direction;
    }

    /// An RST of that direction was seen.
    pub(crate) const fn rst(&self, direction: usize) -> bool {
        self.flags & RST << direction != 0
    }

    pub(crate) fn set_rst(&mut self, direction: usize, seen: bool) {
        self.assign(RST << direction, seen);
    }

    /// A handshake packet proved who the client is.
    pub(crate) const fn role_certain(&self) -> bool {
        self.flags & ROLE_CERTAIN != 0
    }

    pub(crate) fn set_role_certain(&mut self) {
        self.flags |= ROLE_CERTAIN;
    }

    /// Settled, and its payload is to be seen still.
    pub(crate) const fn watched(&self) -> bool {
        self.flags & WATCHED != 0
    }

    pub(crate) fn set_watched(&mut self, watched: bool) {
        self.assign(WATCHED, watched);
    }

    /// The SYNs that were seen make a subflow of it.
    pub(crate) const fn subflow(&self) -> bool {
        self.flags & SUBFLOW != 0
    }

    pub(crate) fn set_subflow(&mut self, subflow: bool) {
        self.assign(SUBFLOW, subflow);
    }

    /// No packet since the latest interim report.
    pub(crate) const fn reported(&self) -> bool {
        self.flags & REPORTED != 0
    }

    pub(crate) fn set_reported(&mut self, reported: bool) {
        self.assign(REPORTED, reported);
    }

    /// Index of the list that the flow is in.
    pub(crate) const fn class(&self) -> usize {
        ((self.flags & CLASS) >> CLASS_SHIFT) as usize
    }

    pub(crate) fn set_class(&mut self, class: usize) {
        self.flags = self.flags & !CLASS | (class as u16) << CLASS_SHIFT;
    }

    fn assign(&mut self, bits: u16, value: bool) {
        self.flags = if value { self.flags | bits } else { self.flags & !bits };
    }
}

/// Microseconds since the Unix epoch.
pub(crate) const fn micros(time: Timestamp) -> u64 {
    time.as_nanos() / 1_000
}

pub(crate) const fn timestamp(micros: u64) -> Timestamp {
    Timestamp::from_nanos(micros.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{PackedV4, PackedV6};

    #[test]
    fn a_flow_is_one_cache_line_and_twenty_bytes() {
        assert_eq!(size_of::<Hot<PackedV4>>(), 64);
        assert_eq!(size_of::<Hot<PackedV6>>(), 88);
        assert_eq!(size_of::<Cold>(), 20);
    }

    #[test]
    fn status_and_time_share_a_word_without_touching_each_other() {
        let mut hot = Hot::new((), Transport::TCP, u64::MAX / 1_000);
        hot.set_state(TcpState::Reset);
        hot.set_client(Direction::HighToLow);
        hot.set_stage(Stage::Settled);
        hot.set_flagged(true);
        hot.set_midstream(true);
        hot.seen_at(3);
        assert_eq!((hot.start(), hot.last()), (u64::MAX / 1_000, u64::MAX / 1_000));
        assert_eq!((hot.state(), hot.stage()), (TcpState::Reset, Stage::Settled));
        assert_eq!((hot.client(), hot.flagged(), hot.midstream()), (Direction::HighToLow, true, true));
        assert!(!hot.shunted());
        hot.set_shunted(true);
        hot.set_stage(Stage::Settled);
        for direction in 0..2 {
            hot.set_adrift(direction, true);
            hot.seen_at(4);
            assert_eq!((hot.adrift(0), hot.adrift(1)), (direction == 0, direction == 1));
            assert_eq!((hot.start(), hot.last()), (u64::MAX / 1_000, u64::MAX / 1_000));
            hot.set_adrift(direction, false);
        }
        assert_eq!((hot.shunted(), hot.stage(), hot.flagged()), (true, Stage::Settled, true));
        hot.set_shunted(false);
        assert_eq!((hot.shunted(), hot.stage()), (false, Stage::Settled));
        hot.set_stage(Stage::Undecided);
        hot.set_flagged(false);
        assert_eq!((hot.stage(), hot.flagged(), hot.transport()), (Stage::Undecided, false, Transport::TCP));
    }
}
