//! The table that packets are steered by, and slots of it that move from one worker to another (bpf/steer.h).
//!
//! Both lie in this process's memory, so they are read and written without a system call. Who moves a slot is the
//! control thread; from then on it is the former worker's affair, which knows the flows: see [`Slots::settle`].
#![allow(unsafe_code)] // memory that is shared with the kernel

use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use offport_wire::steer::{SLOTS, Slot, Step, slot};

use super::skeleton::types::{bss, offport_pins};
use super::sys::Mapping;

/// Largest [`Options::pins`](super::Options::pins).
pub const MAX_PINS: u32 = 1 << 24;

/// The largest number of a worker that fits into an entry, OFFPORT_WORKER_MASK of bpf/abi.h.
pub(crate) const MAX_WORKER: u16 = 0xfff;

const FORMER_SHIFT: u32 = 12;
const MOVING: u32 = 1 << 31;
const LEARNING: u32 = 1 << 30;
/// OFFPORT_PIN_WAYS.
const WAYS: usize = size_of::<offport_pins>() / size_of::<u64>();

/// A hold on the table. `Send`; whoever holds one may read it, [`Slots::settle`] is for a slot's former worker.
#[derive(Clone)]
pub struct Slots {
    memory: Arc<Memory>,
}

pub(crate) struct Memory {
    variables: Mapping,
    /// Without, slots do not move.
    pins: Option<(Mapping, usize)>,
}

impl Memory {
    /// Maps the variables of a loaded program, and `sets` sets of pins.
    pub(crate) fn map(variables: BorrowedFd<'_>, pins: BorrowedFd<'_>, sets: usize) -> io::Result<Self> {
        let pins = match sets {
            0 => None,
            _ => Some((Mapping::of(pins, sets * size_of::<offport_pins>())?, sets)),
        };
        Ok(Self { variables: Mapping::of(variables, size_of::<bss>())?, pins })
    }

    #[cfg(test)]
    fn anonymous(sets: usize) -> io::Result<Self> {
        let pins = (Mapping::anonymous(sets * size_of::<offport_pins>())?, sets);
        Ok(Self { variables: Mapping::anonymous(size_of::<bss>())?, pins: Some(pins) })
    }

    fn entry(&self, slot: u32) -> &AtomicU32 {
        let offset = offset_of!(bss, indirection) + (slot % SLOTS) as usize * size_of::<u32>();
        self.u32(offset)
    }

    fn weighing(&self) -> &AtomicU32 {
        self.u32(offset_of!(bss, weighing))
    }

    fn packets(&self, slot: u32) -> &AtomicU64 {
        self.u64(offset_of!(bss, slot_packets) + (slot % SLOTS) as usize * size_of::<u64>())
    }

    fn pins_refused(&self) -> &AtomicU64 {
        self.u64(offset_of!(bss, pins_refused))
    }

    /// The ways of the set of a hash.
    fn pins(&self, hash: u64) -> &[AtomicU64] {
        let Some((pins, sets)) = &self.pins else { return &[] };
        let set = hash as usize & (sets - 1);
        // SAFETY: a set within the mapping, aligned, as long as `self` lives; an AtomicU64 is a u64 in memory, and the
        // program accesses them atomically, too.
        unsafe { std::slice::from_raw_parts(pins.start().cast::<AtomicU64>().as_ptr().add(set * WAYS), WAYS) }
    }

    fn u32(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: a u32 of `bss`, aligned, in a mapping of that size that lives as long as `self`; it is accessed
        // atomically only.
        unsafe { AtomicU32::from_ptr(self.variables.start().as_ptr().add(offset).cast()) }
    }

    fn u64(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: a u64 of `bss`, aligned, in a mapping of that size that lives as long as `self`; it is accessed
        // atomically only.
        unsafe { AtomicU64::from_ptr(self.variables.start().as_ptr().add(offset).cast()) }
    }
}

impl Slots {
    pub(crate) fn new(memory: Arc<Memory>) -> Self {
        Self { memory }
    }

    /// Where the packets of a slot go.
    pub fn get(&self, slot: u32) -> Slot {
        let entry = self.memory.entry(slot).load(Ordering::Acquire);
        let number = |shift: u32| (entry >> shift) as u16 & MAX_WORKER;
        Slot {
            worker: number(0),
            former: (entry & MOVING != 0).then(|| number(FORMER_SHIFT)),
            learning: entry & LEARNING != 0,
        }
    }

    /// Gives every worker the same number of slots.
    pub(crate) fn spread_evenly(&self, workers: u16) {
        for (slot, worker) in (0..SLOTS).zip((0..workers).cycle()) {
            self.memory.entry(slot).store(worker.into(), Ordering::Release);
        }
    }

    /// Flows of a slot that start from some time on go to worker `to`; those that there are stay where they are. False:
    /// it cannot be moved. It is moving already, or is slot 0, where packets go that cannot be steered; or pins were not
    /// asked for ([`Options::pins`](super::Options::pins)).
    ///
    /// The worker that has the slot sees it, and ends it: [`Slots::settle`].
    pub fn give(&self, slot: u32, to: u16) -> bool {
        let Slot { worker, former, .. } = self.get(slot);
        let possible = slot != 0 && former.is_none() && worker != to && to <= MAX_WORKER;
        if !possible || self.memory.pins.is_none() {
            return false;
        }
        let entry = u32::from(to) | u32::from(worker) << FORMER_SHIFT | MOVING | LEARNING;
        self.memory.entry(slot).store(entry, Ordering::Release);
        true
    }

    /// What the former worker of a moving slot makes of it.
    pub fn settle(&self, slot: u32, step: Step) {
        let Slot { worker, former: Some(former), .. } = self.get(slot) else { return };
        let entry = match step {
            Step::Switch => u32::from(worker) | u32::from(former) << FORMER_SHIFT | MOVING,
            Step::Finish => worker.into(),
            Step::Abort => former.into(),
        };
        self.memory.entry(slot).store(entry, Ordering::Release);
        if step != Step::Switch {
            self.forget(slot);
        }
    }

    /// From now on packets with that steering hash go to the former worker of their slot, if that moves. False: there is
    /// no room.
    pub fn pin(&self, hash: u64) -> bool {
        let pinned = hash.max(1);
        self.memory.pins(hash).iter().any(|way| {
            let before = way.compare_exchange(0, pinned, Ordering::AcqRel, Ordering::Acquire);
            before.is_ok() || before == Err(pinned)
        })
    }

    /// Undoes [`pin`](Self::pin), and what the program pinned by itself.
    pub fn unpin(&self, hash: u64) {
        for way in self.memory.pins(hash) {
            let _ = way.compare_exchange(hash.max(1), 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Takes away what is still pinned of a slot: hashes of packets that made no flow.
    fn forget(&self, of: u32) {
        let sets = self.memory.pins.as_ref().map_or(0, |(_, sets)| *sets);
        for way in (0..sets as u64).flat_map(|set| self.memory.pins(set)) {
            let hash = way.load(Ordering::Relaxed);
            if hash != 0 && slot(hash) == of {
                let _ = way.compare_exchange(hash, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// How often the program found no room to pin a hash.
    pub fn pins_refused(&self) -> u64 {
        self.memory.pins_refused().load(Ordering::Acquire)
    }

    /// Hashes that are pinned.
    pub fn pinned(&self) -> u64 {
        let sets = self.memory.pins.as_ref().map_or(0, |(_, sets)| *sets);
        let ways = (0..sets as u64).flat_map(|set| self.memory.pins(set));
        ways.filter(|way| way.load(Ordering::Relaxed) != 0).count() as u64
    }

    /// Begins, or ends, to count packets by slot. It costs the program some nanoseconds for each packet.
    pub fn weigh(&self, weighing: bool) {
        if weighing {
            (0..SLOTS).for_each(|slot| self.memory.packets(slot).store(0, Ordering::Relaxed));
        }
        self.memory.weighing().store(weighing.into(), Ordering::Release);
    }

    /// Packets of a slot since [`weigh`](Self::weigh), about: CPUs may overwrite each other's additions.
    pub fn weight(&self, slot: u32) -> u64 {
        self.memory.packets(slot).load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slots").finish_non_exhaustive()
    }
}

/// Sets for so many pins: twice the room, so that few sets are full when all are in.
pub(crate) fn sets_for(pins: u32) -> u32 {
    match pins {
        0 => 0,
        _ => (pins.saturating_mul(2) / WAYS as u32).max(1).next_power_of_two(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(sets: usize) -> Slots {
        let slots = Slots::new(Arc::new(Memory::anonymous(sets).expect("memory")));
        slots.spread_evenly(4);
        slots
    }

    #[test]
    fn a_slot_moves_in_three_steps() {
        let slots = slots(1);
        let still = Slot { worker: 3, former: None, learning: false };
        assert_eq!(slots.get(7), still);
        assert!(slots.give(7, 1));
        assert_eq!(slots.get(7), Slot { worker: 1, former: Some(3), learning: true });
        assert!(!slots.give(7, 2), "one move at a time");
        slots.settle(7, Step::Switch);
        assert_eq!(slots.get(7), Slot { worker: 1, former: Some(3), learning: false });
        slots.settle(7, Step::Finish);
        assert_eq!(slots.get(7), Slot { worker: 1, former: None, learning: false });
        assert!(slots.give(7, 3));
        slots.settle(7, Step::Abort);
        assert_eq!(slots.get(7), Slot { worker: 1, former: None, learning: false });
        assert_eq!(slots.get(8), Slot { worker: 0, former: None, learning: false });
        assert!(!slots.give(7, 1) && !slots.give(0, 1) && !slots.give(5, MAX_WORKER + 1));
        slots.settle(5, Step::Abort);
        assert_eq!(slots.get(5), Slot { worker: 1, former: None, learning: false });
    }

    #[test]
    fn pins_come_and_go() {
        let slots = slots(2);
        let of = |slot: u64, number: u64| slot << 32 | number << 1;
        assert!((0..8).all(|number| slots.pin(of(5, number))));
        assert!(slots.pin(of(5, 7)), "once is enough");
        assert!(!slots.pin(of(5, 8)), "the set is full");
        assert!(slots.pin(of(5, 0) | 1), "the other is not");
        assert_eq!(slots.pinned(), 9);
        slots.unpin(of(5, 3));
        slots.unpin(of(5, 3));
        assert!(slots.pin(of(6, 9)));
        assert_eq!(slots.pinned(), 9);
        assert!(slots.give(5, 3));
        slots.settle(5, Step::Finish);
        assert_eq!(slots.pinned(), 1, "that of slot 6");
    }

    #[test]
    fn weights_start_anew() {
        let slots = slots(1);
        slots.memory.packets(9).store(5, Ordering::Relaxed);
        assert_eq!(slots.weight(9), 5);
        slots.weigh(true);
        assert_eq!((slots.weight(9), slots.memory.weighing().load(Ordering::Relaxed)), (0, 1));
    }

    #[test]
    fn there_is_twice_the_room() {
        assert_eq!([0, 1, 4, 5, 65_536].map(sets_for), [0, 1, 1, 1, 16_384]);
    }
}
