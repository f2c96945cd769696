//! Where the flows of one IP version lie: an [`Index`] over arrays that never move.
//!
//! Entries that do not move can be linked: one list per [`Class`], oldest first, gives timeouts and eviction without a
//! heap. A flow moves to the end of its list when its class changes, and otherwise at most once per step of its
//! class ([`crate::class::Idle::step`]), so the order is exact to that, and most packets touch no neighbour.

use allocator_api2::vec::Vec;
use foldhash::fast::FixedState;
use offport_wire::{FlowKey, Transport};

use crate::class::Class;
use crate::entry::{Cold, Hot, Stage};
use crate::index::Index;
use crate::key::Key;
use crate::memory::{HugePages, prefetch};
use crate::pool::NONE;

/// About a second, in microseconds: see [`bucket`].
pub(crate) const COARSE: u64 = 1 << COARSE_SHIFT;
const COARSE_SHIFT: u32 = 20;

/// The second, about, that a time falls into.
pub(crate) const fn bucket(micros: u64) -> u64 {
    micros >> COARSE_SHIFT
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
    len: u32,
}

#[derive(Debug)]
pub(crate) struct Table<K> {
    index: Index,
    hot: Vec<Hot<K>, HugePages>,
    cold: Vec<Cold, HugePages>,
    lists: [List; Class::ALL.len()],
    free: u32,
    capacity: u32,
    hasher: FixedState,
}

impl<K: Key> Table<K> {
    pub(crate) fn new(capacity: u32, hasher: FixedState) -> Self {
        let room = capacity as usize;
        Self {
            index: Index::new(room),
            hot: Vec::with_capacity_in(room, HugePages),
            cold: Vec::with_capacity_in(room, HugePages),
            lists: [List { head: NONE, tail: NONE, len: 0 }; Class::ALL.len()],
            free: NONE,
            capacity,
            hasher,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.index.len() >= self.capacity as usize
    }

    /// Entries that were ever in use: the range of indices.
    pub(crate) fn extent(&self) -> u32 {
        self.hot.len() as u32
    }

    /// Whether an index is that of a flow.
    pub(crate) fn is_live(&self, index: u32) -> bool {
        self.cold.get(index as usize).is_some_and(|cold| cold.class() < Class::ALL.len())
    }

    /// Shows the keys of the flows at some indices. The index after them.
    pub(crate) fn show(&self, from: u32, count: u32, show: &mut impl FnMut(FlowKey)) -> u32 {
        let to = from.saturating_add(count).min(self.extent());
        for index in (from..to).filter(|&index| self.is_live(index)) {
            let hot = self.hot(index);
            show(hot.key.unpack(hot.transport()));
        }
        to
    }

    /// Looks at `many` entries from an index on, or up to the last, for one that is `worth` it. How many it looked at.
    pub(crate) fn seek(&self, from: u32, many: u32, worth: impl Fn(&Hot<K>) -> bool) -> (u32, Option<u32>) {
        let rest = self.hot.get(from as usize..).unwrap_or_default();
        let entries = rest.get(..many as usize).unwrap_or(rest);
        match entries.iter().position(worth) {
            Some(at) => (at as u32 + 1, Some(from + at as u32)),
            None => (entries.len() as u32, None),
        }
    }

    /// Whether the flow with that key is at an index.
    pub(crate) fn holds(&self, index: u32, key: &K, transport: Transport) -> bool {
        let hot = self.hot(index);
        hot.key == *key && hot.transport() == transport && self.is_live(index)
    }

    pub(crate) fn find(&self, hash: u64, key: &K, transport: Transport) -> Option<u32> {
        self.index.find(hash, |index| {
            let hot = &self.hot[index as usize];
            hot.key == *key && hot.transport() == transport
        })
    }

    /// Has what [`probably`](Self::probably) reads fetched.
    #[inline(always)]
    pub(crate) fn fetch(&self, hash: u64) {
        self.index.fetch(hash);
    }

    /// Has what [`remove`](Self::remove) reads fetched; and, as the next to go is probably the next in its list, that
    /// one's bucket and the flow after it.
    pub(crate) fn fetch_for_removal(&self, index: u32) {
        let mut index = index as usize;
        for _ in 0..2 {
            let (Some(hot), Some(cold)) = (self.hot.get(index), self.cold.get(index)) else { return };
            self.fetch(hot.key.hash(hot.transport(), &self.hasher));
            index = cold.next as usize;
        }
        if let (Some(hot), Some(cold)) = (self.hot.get(index), self.cold.get(index)) {
            prefetch(hot);
            prefetch(cold);
        }
    }

    /// The first flow whose hash may be that one: the index is read, the flow is not.
    #[inline]
    pub(crate) fn probably(&self, hash: u64) -> Option<u32> {
        self.index.find(hash, |_| true)
    }

    pub(crate) fn hot(&self, index: u32) -> &Hot<K> {
        &self.hot[index as usize]
    }

    pub(crate) fn hot_mut(&mut self, index: u32) -> &mut Hot<K> {
        &mut self.hot[index as usize]
    }

    pub(crate) fn cold(&self, index: u32) -> &Cold {
        &self.cold[index as usize]
    }

    pub(crate) fn cold_mut(&mut self, index: u32) -> &mut Cold {
        &mut self.cold[index as usize]
    }

    /// Both halves of an entry.
    pub(crate) fn entry_mut(&mut self, index: u32) -> (&mut Hot<K>, &mut Cold) {
        (&mut self.hot[index as usize], &mut self.cold[index as usize])
    }

    /// A new flow at the end of its class's list; `None` when the table is full. The key must not be in it.
    pub(crate) fn insert(&mut self, hash: u64, hot: Hot<K>, cold: Cold) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        let index = if self.free == NONE {
            self.hot.push(hot);
            self.cold.push(cold);
            self.hot.len() as u32 - 1
        } else {
            let index = self.free;
            self.free = self.cold[index as usize].next;
            self.hot[index as usize] = hot;
            self.cold[index as usize] = cold;
            index
        };
        // There is room: the index has more slots than the table has entries.
        let indexed = self.index.insert(hash, index);
        debug_assert!(indexed);
        self.link(index, Class::of(&hot) as usize);
        Some(index)
    }

    pub(crate) fn remove(&mut self, index: u32) {
        let hot = &self.hot[index as usize];
        let hash = hot.key.hash(hot.transport(), &self.hasher);
        self.index.remove(hash, index);
        self.unlink(index);
        // Who looked ahead to it must not count to it.
        self.hot[index as usize].set_stage(Stage::Silent);
        let cold = &mut self.cold[index as usize];
        *cold = Cold::new();
        cold.set_class(Class::ALL.len());
        cold.next = self.free;
        self.free = index;
    }

    /// To the end of the list of the class that the flow now has.
    pub(crate) fn touch(&mut self, index: u32) {
        self.unlink(index);
        self.link(index, Class::of(&self.hot[index as usize]) as usize);
    }

    /// Whether the flow is in another list than its state calls for.
    pub(crate) fn class_changed(&self, index: u32) -> bool {
        self.cold[index as usize].class() != Class::of(&self.hot[index as usize]) as usize
    }

    /// The flow of a class that has been silent for longest (to within a step of the class).
    pub(crate) fn oldest(&self, class: Class) -> Option<u32> {
        Some(self.lists[class as usize].head).filter(|&head| head != NONE)
    }

    /// Whether less than a sixteenth of the table is of these classes.
    pub(crate) fn has_few(&self, classes: &[Class]) -> bool {
        let all: u32 = classes.iter().map(|&class| self.lists[class as usize].len).sum();
        all < (self.capacity / 16).max(1)
    }

    fn link(&mut self, index: u32, class: usize) {
        let List { head, tail, len } = &mut self.lists[class];
        *len += 1;
        let previous = std::mem::replace(tail, index);
        if previous == NONE {
            *head = index;
        } else {
            self.cold[previous as usize].next = index;
        }
        let cold = &mut self.cold[index as usize];
        cold.previous = previous;
        cold.next = NONE;
        cold.set_class(class);
    }

    fn unlink(&mut self, index: u32) {
        let Cold { previous, next, .. } = self.cold[index as usize];
        let List { head, tail, len } = &mut self.lists[self.cold[index as usize].class()];
        *len -= 1;
        if previous == NONE {
            *head = next;
        } else {
            self.cold[previous as usize].next = next;
        }
        if next == NONE {
            *tail = previous;
        } else {
            self.cold[next as usize].previous = previous;
        }
    }
}
