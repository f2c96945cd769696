//! Datagrams by their identity and by their age.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use super::datagram::{Datagram, Id};

/// No slot.
const NONE: u32 = u32::MAX;

/// Slots for datagrams, a hash table of their indices, and a list of them from the oldest to the youngest.
#[derive(Debug)]
pub(super) struct Table {
    hasher: FixedState,
    indices: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    oldest: u32,
    youngest: u32,
}

#[derive(Debug)]
struct Slot {
    datagram: Option<Datagram>,
    older: u32,
    younger: u32,
}

impl Table {
    /// The seed keeps senders from choosing identities that collide.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            hasher: FixedState::with_seed(seed),
            indices: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            youngest: NONE,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.indices.len()
    }

    pub(super) fn find(&self, id: &Id) -> Option<u32> {
        let same = |&slot: &u32| self.get(slot).is_some_and(|datagram| datagram.id == *id);
        self.indices.find(self.hasher.hash_one(id), same).copied()
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Datagram> {
        self.slots.get(slot as usize)?.datagram.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Datagram> {
        self.slots.get_mut(slot as usize)?.datagram.as_mut()
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Adds the youngest datagram; its identity must not be there yet.
    pub(super) fn insert(&mut self, datagram: Datagram) -> u32 {
        let hash = self.hasher.hash_one(datagram.id);
        let entry = Slot { datagram: Some(datagram), older: self.youngest, younger: NONE };
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.slots.get_mut(slot as usize) {
                    *place = entry;
                }
                slot
            }
            None => {
                self.slots.push(entry);
                self.slots.len() as u32 - 1
            }
        };
        match self.slots.get_mut(self.youngest as usize) {
            Some(last) => last.younger = slot,
            None => self.oldest = slot,
        }
        self.youngest = slot;
        let (slots, hasher) = (&self.slots, &self.hasher);
        let rehash = |&slot: &u32| {
            let datagram = slots.get(slot as usize).and_then(|slot| slot.datagram.as_ref());
            datagram.map_or(0, |datagram| hasher.hash_one(datagram.id))
        };
        self.indices.insert_unique(hash, slot, rehash);
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Datagram> {
        let entry = self.slots.get_mut(slot as usize)?;
        let datagram = entry.datagram.take()?;
        let (older, younger) = (entry.older, entry.younger);
        match self.slots.get_mut(older as usize) {
            Some(entry) => entry.younger = younger,
            None => self.oldest = younger,
        }
        match self.slots.get_mut(younger as usize) {
            Some(entry) => entry.older = older,
            None => self.youngest = older,
        }
        self.free.push(slot);
        if let Ok(found) = self.indices.find_entry(self.hasher.hash_one(datagram.id), |&other| other == slot)
        {
            found.remove();
        }
        Some(datagram)
    }
}
