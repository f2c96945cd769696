//! The table of datagrams that are not whole yet.

use std::time::Duration;

use super::Fragment;
use super::buffers::Buffers;
use super::datagram::{Datagram, Id, Outcome};
use super::runs::Runs;
use super::table::Table;
use crate::packet::{Packet, Parsed};
use crate::reason::Drop;
use crate::time::Timestamp;

/// Slots are numbered with 32 bits.
const MAX_DATAGRAMS: usize = 1 << 24;

/// Bounds of a [`Reassembler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Datagrams that may wait for fragments at a time.
    pub datagrams: usize,
    /// Bytes of their buffers. Fewer than 128 KiB do not hold every datagram: one that grows is copied.
    pub bytes: usize,
    /// How long after its first fragment a datagram is given up.
    pub timeout: Duration,
}

impl Default for Limits {
    /// 4,096 datagrams, 4 MiB, 30 seconds (what Linux grants IPv4, `ipfrag_time`; RFC 8200 says 60).
    fn default() -> Self {
        Self { datagrams: 4096, bytes: 4 << 20, timeout: Duration::from_secs(30) }
    }
}

/// What became of a fragment.
#[derive(Debug)]
pub enum Reassembly<'s> {
    /// Others are missing.
    Waiting,
    /// It was the last one: the packet that all of them make.
    Packet(Packet<'s>),
    /// It, and perhaps others of its datagram, were dropped: so many in all.
    Dropped(Drop, u32),
}

/// Every fragment that was pushed is in one of `reassembled`, `dropped` and [`Reassembler::pending`].
///
/// Fragments here are frames: a fragment that came in a fragmented tunnel packet counts as the frames that
/// made it. This is the complete account; a [`Reassembly`] tells only of the datagram it is about, not of
/// those that were given up to make room for it or because their time had passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pushed.
    pub received: u64,
    /// Part of a packet that was handed out, duplicates included.
    pub reassembled: u64,
    /// Packets that they made.
    pub packets: u64,
    /// Dropped, by [`Drop::index`]; reasons that have nothing to do with fragments are what the whole
    /// datagram turned out to be.
    pub dropped: [u64; Drop::ALL.len()],
}

impl Counters {
    fn drop(&mut self, reason: Drop, fragments: u32) {
        if let Some(count) = self.dropped.get_mut(reason.index()) {
            *count += u64::from(fragments);
        }
    }
}

/// Puts datagrams together again (RFC 791; RFC 8200, section 4.5).
///
/// Fragments that overlap with other data than before lose their datagram (RFC 5722), in IPv4 too; exact
/// repetitions are counted and otherwise ignored. When a bound is reached, the oldest datagram goes. A datagram
/// of which the capture cut a fragment is whole up to the cut.
#[derive(Debug)]
pub struct Reassembler {
    limits: Limits,
    table: Table,
    buffers: Buffers,
    spare_runs: Vec<Runs>,
    /// The datagram that the last packet handed out borrows.
    done: Option<Datagram>,
    pending: u64,
    counters: Counters,
}

/// What one level of [`Reassembler::push`] came to.
enum Step {
    Waiting,
    Whole(Datagram),
    Dropped(Drop, u32),
}

impl Reassembler {
    /// `seed` is random per run: senders choose addresses and identifications, not where they fall in the table.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits: Limits { datagrams: limits.datagrams.clamp(1, MAX_DATAGRAMS), ..limits },
            table: Table::new(seed),
            buffers: Buffers::new(limits.bytes),
            spare_runs: Vec::new(),
            done: None,
            pending: 0,
            counters: Counters::default(),
        }
    }

    /// Adds a fragment; the packet, if it makes one, borrows the reassembler.
    ///
    /// A datagram that holds a fragment of another one, inside a tunnel, goes the same way at once.
    pub fn push<'s>(&'s mut self, fragment: &Fragment<'_>) -> Reassembly<'s> {
        if let Some(done) = self.done.take() {
            self.recycle(done);
        }
        let now = fragment.time;
        self.counters.received += u64::from(fragment.packets);
        self.expire(now);
        let mut step = self.add(fragment);
        // A fragment in a datagram is deeper in tunnels than the datagram's own, so this ends.
        loop {
            let whole = match step {
                Step::Waiting => return Reassembly::Waiting,
                Step::Dropped(reason, fragments) => {
                    self.counters.drop(reason, fragments);
                    return Reassembly::Dropped(reason, fragments);
                }
                Step::Whole(whole) => whole,
            };
            let fragments = whole.packets;
            step = match whole.parse(now) {
                Ok(Parsed::Packet(_)) => {
                    self.counters.reassembled += u64::from(fragments);
                    self.counters.packets += 1;
                    return match self.done.insert(whole).parse(now) {
                        Ok(Parsed::Packet(packet)) => Reassembly::Packet(packet),
                        Ok(Parsed::Fragment(_)) => Reassembly::Waiting,
                        Err(reason) => Reassembly::Dropped(reason, fragments),
                    };
                }
                Ok(Parsed::Fragment(inner)) => self.add(&inner),
                Err(reason) => Step::Dropped(reason, fragments),
            };
            self.recycle(whole);
        }
    }

    /// Gives up what has waited too long; the number of fragments that this drops.
    pub fn expire(&mut self, now: Timestamp) -> u64 {
        let mut given_up = 0;
        while let Some(slot) = self.table.oldest() {
            let started = self.table.get(slot).map_or(Timestamp::ZERO, |datagram| datagram.started);
            if now.since(started) < self.limits.timeout {
                break;
            }
            given_up += u64::from(self.give_up(slot, Drop::FragmentTimeout));
        }
        given_up
    }

    /// Fragments of datagrams that are not whole yet.
    pub const fn pending(&self) -> u64 {
        self.pending
    }

    /// Datagrams that are not whole yet.
    pub fn datagrams(&self) -> usize {
        self.table.len()
    }

    /// Bytes of all buffers, in use or kept for reuse; at most [`Limits::bytes`].
    pub const fn allocated(&self) -> usize {
        self.buffers.allocated()
    }

    /// The account so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn add(&mut self, fragment: &Fragment<'_>) -> Step {
        let frames = u32::from(fragment.packets);
        let slot = self.slot_of(fragment);
        loop {
            let Some(datagram) = self.table.get_mut(slot) else {
                return Step::Dropped(Drop::FragmentLimit, frames);
            };
            let before = datagram.packets;
            let outcome = datagram.add(fragment, &mut self.buffers);
            self.pending += u64::from(datagram.packets - before);
            return match outcome {
                Outcome::Waiting => Step::Waiting,
                Outcome::Whole => match self.remove(slot) {
                    Some(whole) => Step::Whole(whole),
                    None => Step::Waiting,
                },
                Outcome::Refused => {
                    // Others of its datagram stay.
                    if before == 0 {
                        self.discard(slot);
                    }
                    Step::Dropped(Drop::FragmentMalformed, frames)
                }
                Outcome::Failed(reason) => Step::Dropped(reason, self.discard(slot)),
                Outcome::NoBuffer => match self.table.oldest() {
                    Some(oldest) if oldest != slot => {
                        self.give_up(oldest, Drop::FragmentLimit);
                        continue;
                    }
                    _ => Step::Dropped(Drop::FragmentLimit, self.discard(slot) + frames),
                },
            };
        }
    }

    /// The slot of the fragment's datagram, which is begun if need be.
    fn slot_of(&mut self, fragment: &Fragment<'_>) -> u32 {
        if let Some(slot) = self.table.find(&Id::of(fragment)) {
            return slot;
        }
        if self.table.len() >= self.limits.datagrams
            && let Some(oldest) = self.table.oldest()
        {
            self.give_up(oldest, Drop::FragmentLimit);
        }
        let runs = self.spare_runs.pop().unwrap_or_default();
        self.table.insert(Datagram::new(fragment, runs))
    }

    /// Drops a datagram and counts its fragments.
    fn give_up(&mut self, slot: u32, reason: Drop) -> u32 {
        let fragments = self.discard(slot);
        self.counters.drop(reason, fragments);
        fragments
    }

    /// Drops a datagram whose fragments the caller counts.
    fn discard(&mut self, slot: u32) -> u32 {
        let Some(datagram) = self.remove(slot) else { return 0 };
        let fragments = datagram.packets;
        self.recycle(datagram);
        fragments
    }

    fn remove(&mut self, slot: u32) -> Option<Datagram> {
        let datagram = self.table.remove(slot)?;
        self.pending -= u64::from(datagram.packets);
        Some(datagram)
    }

    fn recycle(&mut self, datagram: Datagram) {
        self.spare_runs.push(datagram.recycle(&mut self.buffers));
    }
}
