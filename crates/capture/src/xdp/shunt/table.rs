//! One worker's hold on the shunt table.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use offport_wire::steer::hash_key;
use offport_wire::{Domain, FlowKey, Key4, Key6, Timestamp, Transport};

use super::memory::{Memory, Number, WAYS, clock, flow_of, words_of};
use crate::xdp::skeleton::types::offport_flow;

/// How long an entry lies idle after its flow was released. The program is through with a packet in less than a
/// microsecond; what this waits for is a CPU that a hypervisor took away in the middle.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// What the XDP program has counted of a flow since it was last asked, by
/// [`Direction::index`](offport_wire::Direction::index).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShuntCount {
    /// Packets.
    pub packets: [u64; 2],
    /// IP bytes: the sum of [`Packet::ip_bytes`](offport_wire::Packet::ip_bytes).
    pub bytes: [u64; 2],
    /// Payload bytes: the sum of [`Packet::payload_len`](offport_wire::Packet::payload_len).
    pub payload: [u64; 2],
    /// When the latest packet came, to some milliseconds.
    pub last: Timestamp,
}

impl ShuntCount {
    /// Whether nothing was counted. A packet's bytes may be there before itself.
    pub fn is_empty(&self) -> bool {
        (self.packets, self.bytes) == ([0; 2], [0; 2])
    }
}

/// Enters flows into the shunt table and takes out what is counted there. One for each worker; `Send`.
///
/// A flow that is in the table goes up to a worker with its SYN, FIN and RST segments, fragments and ICMP errors only.
pub struct Shunt {
    memory: Arc<Memory>,
    /// Of the steering hash.
    seed: u64,
    counters: Arc<ShuntCounters>,
    /// Entries that lie idle, oldest first.
    released: VecDeque<Released>,
    /// Latest reading of [`clock`], and the time that it was.
    now: u64,
    time: Timestamp,
    /// Entries that may be freed before time passes again.
    left: u32,
    /// No packet will come any more: nothing needs to lie idle.
    over: bool,
}

/// Entries freed between two calls of [`Shunt::pass_time`]: bounds the work of one tick.
const BUDGET: u32 = 4096;

struct Released {
    place: Place,
    at: u64,
}

#[derive(Clone, Copy)]
struct Place {
    set: u32,
    way: u32,
}

/// What one worker did. Single writer.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct ShuntCounters {
    pub inserts: AtomicU64,
    pub failed: AtomicU64,
    pub removed: AtomicU64,
}

impl Shunt {
    pub(crate) fn new(memory: Arc<Memory>, seed: u64, counters: Arc<ShuntCounters>) -> Self {
        let entries = memory.sets() as usize * WAYS as usize;
        Self {
            memory,
            seed,
            counters,
            // Enough in all but the strangest of times; it grows to the number of entries at most.
            released: VecDeque::with_capacity(entries.min(1 << 16)),
            now: clock(),
            time: Timestamp::ZERO,
            left: BUDGET,
            over: false,
        }
    }

    /// From now on the XDP program counts the flow's packets and drops them. False: there is no room for it (counted).
    /// The flow must not be in the table, and be one of TCP or UDP.
    pub fn add(&mut self, key: &FlowKey) -> bool {
        let (set, tag) = self.place_of(key);
        for way in 0..WAYS {
            let entry = self.memory.entry(set, way);
            if entry.claimed().compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
                continue;
            }
            entry.set_flow(words_of(flow_from(key)));
            for direction in 0..2 {
                entry.last(direction).store(0, Ordering::Relaxed);
                entry.owner(direction).store(0, Ordering::Relaxed);
            }
            self.memory.tag(set, way).store(tag, Ordering::Release);
            add(&self.counters.inserts, 1);
            return true;
        }
        add(&self.counters.failed, 1);
        false
    }

    /// What was counted of a flow since the last call. Nothing if it is not in the table.
    pub fn take(&self, key: &FlowKey) -> ShuntCount {
        self.find(key).map_or_else(ShuntCount::default, |place| self.take_at(place))
    }

    /// Packets of the flow go up to the worker again. Gives what was counted; a packet that is being counted at this
    /// very moment will be in [`Shunt::late`].
    pub fn release(&mut self, key: &FlowKey) -> ShuntCount {
        let Some(place) = self.find(key) else { return ShuntCount::default() };
        self.memory.tag(place.set, place.way).store(0, Ordering::Release);
        let count = self.take_at(place);
        self.released.push_back(Released { place, at: self.now });
        count
    }

    /// What was counted of a flow after it was released: to be called after [`Shunt::pass_time`] until it has nothing
    /// more to say. Frees the entries of flows that were released a while ago.
    pub fn late(&mut self) -> Option<(FlowKey, ShuntCount)> {
        while let Some(released) = self.released.front() {
            let is_due = self.now.saturating_sub(released.at) >= GRACE.as_nanos() as u64;
            if !self.over && (!is_due || self.left == 0) {
                break;
            }
            self.left = self.left.saturating_sub(1);
            let place = released.place;
            self.released.pop_front();
            let entry = self.memory.entry(place.set, place.way);
            let (key, count) = (key_of(&flow_of(entry.flow())), self.take_at(place));
            entry.claimed().store(0, Ordering::Release);
            add(&self.counters.removed, 1);
            if !count.is_empty() {
                return Some((key, count));
            }
        }
        None
    }

    /// The time is `now`: call it some ten times a second. Times of packets are told by it.
    pub fn pass_time(&mut self, now: Timestamp) {
        self.now = clock();
        self.time = now;
        self.left = BUDGET;
    }

    /// The program is detached: entries need not lie idle any more.
    pub fn no_more_packets(&mut self) {
        self.over = true;
    }

    /// Set and tag of a flow: as in bpf/shunt.h.
    fn place_of(&self, key: &FlowKey) -> (u32, u32) {
        let hash = hash_key(self.seed, key);
        (hash as u32 & (self.memory.sets() - 1), (hash >> 32) as u32 | 1)
    }

    fn find(&self, key: &FlowKey) -> Option<Place> {
        let (set, tag) = self.place_of(key);
        let words = words_of(flow_from(key));
        (0..WAYS)
            .find(|&way| {
                self.memory.tag(set, way).load(Ordering::Relaxed) == tag
                    && self.memory.entry(set, way).flow() == words
            })
            .map(|way| Place { set, way })
    }

    fn take_at(&self, place: Place) -> ShuntCount {
        let entry = self.memory.entry(place.set, place.way);
        let take = |direction, number| {
            let own = entry.own(direction, number).load(Ordering::Relaxed);
            let taken = entry.taken(direction, number);
            let fresh = own.wrapping_sub(taken.load(Ordering::Relaxed));
            taken.store(own, Ordering::Relaxed);
            let others = entry.others(direction, number);
            fresh
                + match others.load(Ordering::Relaxed) {
                    0 => 0,
                    _ => others.swap(0, Ordering::Relaxed),
                }
        };
        let last = [0, 1].map(|direction| entry.last(direction).load(Ordering::Relaxed));
        // The other way round than the program adds, so that no packet is seen without its bytes.
        ShuntCount {
            packets: [0, 1].map(|direction| take(direction, Number::Packets)),
            bytes: [0, 1].map(|direction| take(direction, Number::Bytes)),
            payload: [0, 1].map(|direction| take(direction, Number::Payload)),
            last: self.time_of(last[0].max(last[1])),
        }
    }

    fn time_of(&self, clock: u64) -> Timestamp {
        let ago = self.now.saturating_sub(clock);
        let ahead = clock.saturating_sub(self.now);
        Timestamp::from_nanos(self.time.as_nanos().saturating_sub(ago).saturating_add(ahead))
    }
}

/// Sets for so many entries: at least one, a power of two.
pub(crate) const fn sets_for(entries: u32) -> u32 {
    entries.div_ceil(WAYS).next_power_of_two()
}

fn flow_from(key: &FlowKey) -> offport_flow {
    let halves = |addr: u128| [(addr >> 64) as u64, addr as u64];
    let (version, low, high) = match key {
        FlowKey::V4(key) => (4, u128::from(key.low_addr), u128::from(key.high_addr)),
        FlowKey::V6(key) => (6, key.low_addr, key.high_addr),
    };
    offport_flow {
        low_addr: halves(low),
        high_addr: halves(high),
        domain: key.domain().0,
        low_port: key.low().1,
        high_port: key.high().1,
        version,
        protocol: key.transport().0,
        padding: [0; 3],
    }
}

/// The key of a flow as the program has it.
pub(crate) fn key_of(flow: &offport_flow) -> FlowKey {
    let address = |[high, low]: [u64; 2]| u128::from(high) << 64 | u128::from(low);
    let (low_addr, high_addr) = (address(flow.low_addr), address(flow.high_addr));
    let (low_port, high_port) = (flow.low_port, flow.high_port);
    let (domain, transport) = (Domain(flow.domain), Transport(flow.protocol));
    match flow.version {
        4 => {
            let (low_addr, high_addr) = (low_addr as u32, high_addr as u32);
            FlowKey::V4(Key4 { low_addr, high_addr, low_port, high_port, domain, transport })
        }
        _ => FlowKey::V6(Key6 { low_addr, high_addr, low_port, high_port, domain, transport }),
    }
}

/// Adds to a counter that only this thread writes: no locked instruction.
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SEED: u64 = 7;

    fn shunt(sets: u32) -> Shunt {
        let memory = Memory::anonymous(sets).unwrap();
        Shunt::new(Arc::new(memory), SEED, Arc::default())
    }

    /// Another worker's hold on the same table.
    fn other(shunt: &Shunt) -> Shunt {
        Shunt::new(Arc::clone(&shunt.memory), SEED, Arc::default())
    }

    fn key(number: u32) -> FlowKey {
        let (low, high) = ((Ipv4Addr::from(number), 1), (Ipv4Addr::BROADCAST, 443));
        FlowKey::v4(low, high, Transport::TCP, Domain::vlan(5, None)).0
    }

    /// What the program does for a packet of 100 bytes with 60 of payload: of the second direction not by the owner.
    fn count(shunt: &Shunt, place: Place, direction: usize) {
        let entry = shunt.memory.entry(place.set, place.way);
        entry.last(direction).store(clock(), Ordering::Relaxed);
        for (number, value) in [(Number::Payload, 60), (Number::Bytes, 100), (Number::Packets, 1)] {
            match direction {
                0 => entry.own(direction, number),
                _ => entry.others(direction, number),
            }
            .fetch_add(value, Ordering::Relaxed);
        }
    }

    fn numbers(shunt: &Shunt) -> [u64; 3] {
        let ShuntCounters { inserts, failed, removed } = &*shunt.counters;
        [inserts, failed, removed].map(|counter| counter.load(Ordering::Relaxed))
    }

    #[test]
    fn numbers_are_taken_once() {
        let mut shunt = shunt(4);
        assert!(shunt.add(&key(1)));
        let place = shunt.find(&key(1)).unwrap();
        (0..3).for_each(|_| count(&shunt, place, 1));
        count(&shunt, place, 0);
        let ShuntCount { packets, bytes, payload, .. } = shunt.take(&key(1));
        assert_eq!((packets, bytes, payload), ([1, 3], [100, 300], [60, 180]));
        assert!(shunt.take(&key(1)).is_empty());
        assert!(shunt.take(&key(2)).is_empty(), "not in the table");
    }

    #[test]
    fn a_full_set_refuses_and_counts_that() {
        let mut shunt = shunt(1);
        for number in 0..WAYS {
            assert!(shunt.add(&key(number)));
        }
        assert!(!shunt.add(&key(100)));
        assert_eq!(numbers(&shunt), [8, 1, 0]);
        // A released entry is not free at once.
        shunt.release(&key(3));
        assert!(!shunt.add(&key(100)));
        shunt.no_more_packets();
        assert_eq!(shunt.late(), None);
        assert!(shunt.add(&key(100)));
        assert_eq!(numbers(&shunt), [9, 2, 1]);
    }

    #[test]
    fn what_is_counted_after_the_release_comes_late_and_only_after_the_grace() {
        let mut shunt = shunt(1);
        shunt.add(&key(1));
        let place = shunt.find(&key(1)).unwrap();
        count(&shunt, place, 0);
        assert_eq!(shunt.release(&key(1)).packets, [1, 0]);
        assert!(shunt.find(&key(1)).is_none());
        // A CPU had found the entry before.
        count(&shunt, place, 0);
        shunt.now += GRACE.as_nanos() as u64 - 1;
        assert_eq!(shunt.late(), None);
        shunt.now += 1;
        let (late, count) = shunt.late().unwrap();
        assert_eq!((late, count.packets, count.bytes), (key(1), [1, 0], [100, 0]));
        assert_eq!((shunt.late(), numbers(&shunt)), (None, [1, 0, 1]));
    }

    #[test]
    #[cfg_attr(miri, ignore = "thousands of entries take Miri minutes, and show it nothing new")]
    fn a_tick_frees_so_many_entries_and_no_more() {
        let mut shunt = shunt(2048);
        let entered = (0..6_000).filter(|&number| shunt.add(&key(number))).count() as u64;
        assert!(entered > u64::from(BUDGET));
        (0..6_000).for_each(|number| _ = shunt.release(&key(number)));
        shunt.now += GRACE.as_nanos() as u64;
        assert_eq!((shunt.late(), numbers(&shunt)[2]), (None, u64::from(BUDGET)));
        shunt.left = BUDGET;
        assert_eq!((shunt.late(), numbers(&shunt)[2]), (None, entered));
    }

    #[test]
    fn the_same_flow_may_be_entered_again_while_its_old_entry_lies_idle() {
        let mut shunt = shunt(1);
        shunt.add(&key(1));
        shunt.release(&key(1));
        assert!(shunt.add(&key(1)));
        let place = shunt.find(&key(1)).unwrap();
        count(&shunt, place, 0);
        shunt.no_more_packets();
        assert_eq!(shunt.late(), None);
        assert_eq!(shunt.take(&key(1)).packets, [1, 0]);
    }

    #[test]
    fn workers_do_not_take_each_others_entries() {
        let mut one = shunt(1);
        let mut two = other(&one);
        for number in 0..4 {
            assert!(one.add(&key(number)) && two.add(&key(number + 10)));
        }
        assert!(!one.add(&key(20)) && !two.add(&key(21)));
        for number in 0..4 {
            count(&one, one.find(&key(number)).unwrap(), 0);
            assert!(two.take(&key(number + 10)).is_empty());
            assert_eq!(one.take(&key(number)).packets, [1, 0]);
        }
    }

    #[test]
    fn sets_are_a_power_of_two_with_room_for_all() {
        for (entries, sets) in [(1, 1), (8, 1), (9, 2), (65_536, 8192), (65_537, 16_384)] {
            assert_eq!(sets_for(entries), sets);
        }
    }
}
