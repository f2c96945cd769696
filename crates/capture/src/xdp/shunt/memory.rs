//! The two arrays in memory. The program reads and writes them at any time, so every access is atomic.
#![allow(unsafe_code)] // memory that is shared with the kernel

use std::io;
use std::marker::PhantomData;
use std::mem::{offset_of, size_of};
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::xdp::skeleton::types::{
    offport_flow, offport_shunt, offport_shunt_numbers, offport_shunt_side, offport_shunt_tags,
};
use crate::xdp::sys::{self, Mapping};

/// Entries of a set: OFFPORT_SHUNT_WAYS of bpf/abi.h.
pub(crate) const WAYS: u32 = (size_of::<offport_shunt_tags>() / size_of::<u32>()) as u32;

/// Tags and entries of the shunt table.
pub(crate) struct Memory {
    tags: Mapping,
    entries: Mapping,
    sets: u32,
}

/// One entry.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    at: NonNull<offport_shunt>,
    memory: PhantomData<&'a Memory>,
}

/// A number of `offport_shunt_numbers`, by its place.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    Packets,
    Bytes,
    Payload,
}

const NUMBERS: usize = size_of::<offport_shunt_numbers>() / size_of::<u64>();

const _: () = {
    assert!(offset_of!(offport_shunt_numbers, packets) == Number::Packets as usize * 8);
    assert!(offset_of!(offport_shunt_numbers, bytes) == Number::Bytes as usize * 8);
    assert!(offset_of!(offport_shunt_numbers, payload) == Number::Payload as usize * 8);
    // Each side is a cache line, so that two CPUs do not share one.
    assert!(size_of::<offport_shunt_side>() == 64 && offset_of!(offport_shunt, side) == 64);
    assert!(size_of::<offport_shunt>() == 256);
};

const fn side(direction: usize) -> usize {
    offset_of!(offport_shunt, side) + (direction & 1) * size_of::<offport_shunt_side>()
}

/// The words of a flow, as they are written and compared.
pub(crate) const FLOW_WORDS: usize = size_of::<offport_flow>() / size_of::<u64>();

impl Memory {
    /// Maps the arrays of a loaded program, of `sets` sets.
    pub(crate) fn map(tags: BorrowedFd<'_>, entries: BorrowedFd<'_>, sets: u32) -> io::Result<Self> {
        let (tags_size, entries_size) = sizes(sets);
        Ok(Self { tags: Mapping::of(tags, tags_size)?, entries: Mapping::of(entries, entries_size)?, sets })
    }

    /// Memory of its own, for tests.
    #[cfg(test)]
    pub(crate) fn anonymous(sets: u32) -> io::Result<Self> {
        let (tags_size, entries_size) = sizes(sets);
        Ok(Self { tags: Mapping::anonymous(tags_size)?, entries: Mapping::anonymous(entries_size)?, sets })
    }

    /// How many sets there are: a power of two.
    pub(crate) const fn sets(&self) -> u32 {
        self.sets
    }

    /// The tag of a way of a set.
    pub(crate) fn tag(&self, set: u32, way: u32) -> &AtomicU32 {
        assert!(set < self.sets && way < WAYS);
        // SAFETY: within the mapping, which is aligned to a page and lives as long as `self`.
        unsafe {
            AtomicU32::from_ptr(self.tags.start().cast::<u32>().add((set * WAYS + way) as usize).as_ptr())
        }
    }

    /// The entry of a way of a set.
    pub(crate) fn entry(&self, set: u32, way: u32) -> Entry<'_> {
        assert!(set < self.sets && way < WAYS);
        // SAFETY: within the mapping.
        let at = unsafe { self.entries.start().cast::<offport_shunt>().add((set * WAYS + way) as usize) };
        Entry { at, memory: PhantomData }
    }
}

fn sizes(sets: u32) -> (usize, usize) {
    let sets = sets as usize;
    (sets * size_of::<offport_shunt_tags>(), sets * WAYS as usize * size_of::<offport_shunt>())
}

impl<'a> Entry<'a> {
    /// Not 0 while the entry belongs to a worker.
    pub(crate) fn claimed(self) -> &'a AtomicU32 {
        // SAFETY: a u32 of the entry, aligned, in a mapping that outlives 'a.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.at.as_ptr()).claimed) }
    }

    /// When the latest packet of a direction came: CLOCK_MONOTONIC_COARSE in nanoseconds; 0: none yet.
    pub(crate) fn last(self, direction: usize) -> &'a AtomicU64 {
        self.word(side(direction) + offset_of!(offport_shunt_side, last), 0)
    }

    /// The CPU that counts a direction without locked instructions, plus 1; 0: none yet.
    pub(crate) fn owner(self, direction: usize) -> &'a AtomicU32 {
        // SAFETY: a u32 of the entry, aligned, in a mapping that outlives 'a.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.at.as_ptr()).side[direction & 1].owner) }
    }

    /// What the owner has counted. It only grows, and is the program's to write.
    pub(crate) fn own(self, direction: usize, number: Number) -> &'a AtomicU64 {
        self.word(side(direction) + offset_of!(offport_shunt_side, own), number as usize)
    }

    /// What of [`own`](Self::own) has been taken: this process's to write.
    pub(crate) fn taken(self, direction: usize, number: Number) -> &'a AtomicU64 {
        self.word(side(direction) + offset_of!(offport_shunt_side, taken), number as usize)
    }

    /// What other CPUs have counted and was not taken yet: changed by atomic operations only.
    pub(crate) fn others(self, direction: usize, number: Number) -> &'a AtomicU64 {
        self.word(offset_of!(offport_shunt, others), (direction & 1) * NUMBERS + number as usize)
    }

    /// Whose entry it is.
    pub(crate) fn set_flow(self, flow: [u64; FLOW_WORDS]) {
        for (index, word) in flow.into_iter().enumerate() {
            self.word(offset_of!(offport_shunt, flow), index).store(word, Ordering::Relaxed);
        }
    }

    /// Whose entry it is.
    pub(crate) fn flow(self) -> [u64; FLOW_WORDS] {
        std::array::from_fn(|index| self.word(offset_of!(offport_shunt, flow), index).load(Ordering::Relaxed))
    }

    fn word(self, offset: usize, index: usize) -> &'a AtomicU64 {
        let offset = offset + index * size_of::<u64>();
        debug_assert!(offset + size_of::<u64>() <= size_of::<offport_shunt>());
        // SAFETY: a u64 of the entry, aligned (all its members up to here are), in a mapping that outlives 'a.
        unsafe { AtomicU64::from_ptr(self.at.cast::<u8>().add(offset).cast::<u64>().as_ptr()) }
    }
}

/// A flow as words, in memory order.
pub(crate) fn words_of(flow: offport_flow) -> [u64; FLOW_WORDS] {
    // SAFETY: plain numbers without padding between them (bpf/abi.h names it), and of the same size.
    unsafe { std::mem::transmute(flow) }
}

/// [`words_of`], the other way.
pub(crate) fn flow_of(words: [u64; FLOW_WORDS]) -> offport_flow {
    // SAFETY: any bits are a value of plain numbers.
    unsafe { std::mem::transmute(words) }
}

/// CLOCK_MONOTONIC_COARSE in nanoseconds: the clock of [`Entry::last`].
pub(crate) fn clock() -> u64 {
    sys::monotonic_coarse()
}
