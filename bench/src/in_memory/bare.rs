//! The yardstick: glance, hash, prefetch, look up, count. No flow table can do less for a packet.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use offport_wire::{Direction, FlowKey, Frame, Key4, glance};

use super::keys::hash;
use super::ring::Stage;
use crate::memory::{HugePages, prefetch};

/// A hashbrown table of 64-byte entries in huge pages, looked up 32 packets at a time: once for their control bytes,
/// which asks for the entries' cache lines, then for the entries.
#[derive(Debug)]
pub struct Bare {
    table: HashTable<Entry, HugePages>,
    state: FixedState,
}

/// A flow in one cache line.
#[derive(Debug)]
#[repr(C, align(64))]
struct Entry {
    key: Key4,
    last: u64,
    packets: [u64; 2],
    bytes: [u64; 2],
}

/// What is kept of a packet.
#[derive(Clone, Copy)]
struct Seen {
    key: Key4,
    hash: u64,
    time: u64,
    bytes: u32,
    direction: Direction,
}

/// Packets whose cache misses overlap.
const TOGETHER: usize = 32;

impl Bare {
    /// Room for `flows`.
    pub fn new(flows: u32) -> Self {
        Self {
            table: HashTable::with_capacity_in(flows as usize, HugePages),
            state: FixedState::with_seed(3),
        }
    }

    /// Finds the key and hashes it.
    #[inline(always)]
    fn read(&self, frame: &Frame<'_>) -> Option<Seen> {
        let Ok(Some(plain)) = glance(frame) else { return None };
        let FlowKey::V4(key) = plain.key else { return None };
        let hash = hash(&plain.key, &self.state);
        let (bytes, direction) = (plain.ip_bytes, plain.direction);
        Some(Seen { key, hash, time: frame.time.as_nanos(), bytes, direction })
    }

    /// Asks for the cache line of the flow.
    fn look_ahead(&self, seen: &Seen) {
        self.table.find(seen.hash, |entry| {
            prefetch(entry);
            true
        });
    }

    fn count(&mut self, seen: &Seen) {
        let Self { table, state } = self;
        let entry = table
            .entry(seen.hash, |entry| entry.key == seen.key, |entry| hash(&FlowKey::V4(entry.key), state))
            .or_insert_with(|| Entry { key: seen.key, last: seen.time, packets: [0; 2], bytes: [0; 2] })
            .into_mut();
        entry.last = seen.time;
        entry.packets[seen.direction.index()] += 1;
        entry.bytes[seen.direction.index()] += u64::from(seen.bytes);
    }
}

impl Stage for Bare {
    fn batch(&mut self, frames: &[Frame<'_>]) {
        for frames in frames.chunks(TOGETHER) {
            let mut packets = [None; TOGETHER];
            for (packet, frame) in packets.iter_mut().zip(frames) {
                *packet = self.read(frame);
            }
            for seen in packets.iter().flatten() {
                self.look_ahead(seen);
            }
            for seen in packets.iter().flatten() {
                self.count(seen);
            }
        }
    }
}
