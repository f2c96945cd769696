//! From a hash to the place of a flow: 4-byte slots in buckets of one cache line each.
//!
//! A bucket holds eight bits of each hash beside the slots, so that a look-up reads the bucket, whose address follows
//! from the hash alone and can be fetched ahead, and then the flow. (A general table keeps such bits and its slots
//! apart, which is one more dependent cache miss, and does not let anyone fetch ahead.) An entry that finds its bucket
//! full goes to the next one with room, and all buckets on the way count it, so that a look-up knows where to stop and
//! nothing has ever to be moved or rebuilt: there is no moment at which the index stalls.

use allocator_api2::vec::Vec;

use crate::memory::{HugePages, equal, prefetch};

/// Slots of a bucket.
const WAYS: usize = 12;

/// Entries for each bucket when the index is as full as it gets: one entry in forty lies in another bucket then.
const SHARE: usize = 7;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Bucket {
    /// Bits of the hash of each slot's entry; 0: the slot is free.
    tags: [u8; WAYS],
    /// Entries that should be here or before, and lie behind.
    displaced: u32,
    slots: [u32; WAYS],
}

#[derive(Debug)]
pub(crate) struct Index {
    buckets: Vec<Bucket, HugePages>,
    len: usize,
}

impl Index {
    /// Room for so many entries.
    pub(crate) fn new(capacity: usize) -> Self {
        let count = capacity.div_ceil(SHARE).clamp(1, u32::MAX as usize);
        let mut buckets = Vec::with_capacity_in(count, HugePages);
        buckets.resize(count, Bucket { tags: [0; WAYS], displaced: 0, slots: [0; WAYS] });
        Self { buckets, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Has the bucket fetched that a look-up will read.
    #[inline(always)]
    pub(crate) fn fetch(&self, hash: u64) {
        prefetch(&self.buckets[self.home(hash)]);
    }

    /// The entry of that hash that is the one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        let mut at = self.home(hash);
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for way in bucket.ways(tag) {
                let slot = bucket.slots[way];
                if is_it(slot) {
                    return Some(slot);
                }
            }
            if bucket.displaced == 0 {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    /// Adds an entry, which must not be there. False: there is no room at all.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32) -> bool {
        if self.len == self.buckets.len() * WAYS {
            return false;
        }
        let mut at = self.home(hash);
        loop {
            let bucket = &mut self.buckets[at];
            if let Some(way) = bucket.ways(FREE).next() {
                bucket.tags[way] = tag(hash);
                bucket.slots[way] = slot;
                self.len += 1;
                return true;
            }
            bucket.displaced += 1;
            at = self.after(at);
        }
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let (home, tag) = (self.home(hash), tag(hash));
        let mut at = home;
        for _ in 0..self.buckets.len() {
            let bucket = &mut self.buckets[at];
            if let Some(way) = bucket.ways(tag).find(|&way| bucket.slots[way] == slot) {
                bucket.tags[way] = FREE;
                self.len -= 1;
                let mut passed = home;
                while passed != at {
                    self.buckets[passed].displaced -= 1;
                    passed = self.after(passed);
                }
                return;
            }
            at = self.after(at);
        }
    }

    /// The bucket that a hash belongs to: its upper half as a fraction of the buckets.
    #[inline(always)]
    fn home(&self, hash: u64) -> usize {
        (((hash >> 32) * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline(always)]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.buckets.len() { 0 } else { at + 1 }
    }
}

const FREE: u8 = 0;

/// Of the lower half of a hash, which says nothing about the bucket.
#[inline(always)]
const fn tag(hash: u64) -> u8 {
    match hash as u8 {
        FREE => 1,
        tag => tag,
    }
}

impl Bucket {
    /// The ways with that tag.
    #[inline(always)]
    fn ways(&self, tag: u8) -> Ways {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.tags;
        let (low, high) = (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l]));
        Ways(equal(low, high, tag) & ((1 << WAYS) - 1))
    }
}

/// Ways, one bit each.
struct Ways(u32);

impl Iterator for Ways {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let way = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (way < WAYS as u32).then_some(way as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bucket_is_a_cache_line() {
        assert_eq!((size_of::<Bucket>(), align_of::<Bucket>()), (64, 64));
    }

    #[test]
    fn ways_are_those_with_the_tag() {
        for tags in [[1; WAYS], [0x80; WAYS], [0; WAYS], [1, 2, 1, 0x81, 0, 0x80, 1, 1, 2, 1, 0, 0xff]] {
            for tag in 0..=255 {
                let bucket = Bucket { tags, displaced: 7, slots: [0; WAYS] };
                let expected: Vec<_> = (0..WAYS).filter(|&way| tags[way] == tag).collect();
                assert_eq!(bucket.ways(tag).collect::<Vec<_>>(), expected, "{tag} in {tags:?}");
            }
        }
    }

    #[test]
    fn full_to_the_last_slot_and_empty_again() {
        let mut index = Index::new(30);
        let all = 5 * WAYS as u32;
        // All of one bucket, with one tag.
        assert!((0..all).all(|slot| index.insert(7, slot)));
        assert!(!index.insert(7, all));
        assert_eq!(index.len(), all as usize);
        assert_eq!(index.find(7, |slot| slot == all - 1), Some(all - 1));
        assert_eq!(index.find(u64::MAX, |_| true), None);
        (0..all).for_each(|slot| index.remove(7, slot));
        assert_eq!(index.len(), 0);
        assert!(index.buckets.iter().all(|bucket| bucket.displaced == 0 && bucket.tags == [FREE; WAYS]));
    }

    #[test]
    fn at_the_promised_number_few_entries_are_displaced() {
        use std::hash::BuildHasher;
        let hasher = foldhash::fast::FixedState::with_seed(3);
        let mut index = Index::new(100_000);
        (0..100_000_u32).for_each(|number| assert!(index.insert(hasher.hash_one(u64::from(number)), number)));
        let home = |number| index.home(hasher.hash_one(u64::from(number)));
        let displaced =
            (0..100_000_u32).filter(|&number| !index.buckets[home(number)].slots.contains(&number)).count();
        assert!(displaced < 4_000, "{displaced}");
    }

    proptest! {
        /// Against a map, with few different hashes so that buckets overflow.
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0..40_u32, any::<bool>()), 0..400)) {
            let mut index = Index::new(21);
            let mut model = HashMap::new();
            let hash_of = |slot: u32| u64::from(slot % 3) << 62 | u64::from(slot % 2);
            for (slot, add) in steps {
                let there = model.contains_key(&slot);
                if add && !there {
                    let room = index.insert(hash_of(slot), slot);
                    assert_eq!(room, model.len() < 3 * WAYS);
                    if room {
                        model.insert(slot, ());
                    }
                } else if !add && there {
                    index.remove(hash_of(slot), slot);
                    model.remove(&slot);
                }
                assert_eq!(index.len(), model.len());
                for slot in 0..40 {
                    let found = index.find(hash_of(slot), |other| other == slot);
                    assert_eq!(found, model.contains_key(&slot).then_some(slot));
                }
            }
        }
    }
}
