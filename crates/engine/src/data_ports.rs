//! The data ports that FTP's control connections have named: hints, shared by all workers.
//!
//! A data connection may be steered to another worker than the control connection that named its port. Whoever loses a
//! race for a slot loses a name for a flow, no more.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use foldhash::fast::FixedState;
use offport_wire::{Domain, Timestamp};

/// Slots that an endpoint may stand in: half a cache line.
const WAYS: usize = 4;
const BUCKETS: usize = 4_096;

/// Between the naming and the first packet of the connection, seconds: clients open it at once, or after they have asked
/// for a file or a list.
const VALID: u16 = 120;

/// The low bits of a slot: when the endpoint was named, seconds, of which these are left. All others: a part of its hash.
const STAMP: u64 = 0xffff;

/// Where a connection can be made to.
pub(crate) type Endpoint = (Domain, IpAddr, u16);

/// A table of endpoints and when each was named last. All memory is reserved at once, 128 KiB.
#[derive(Debug)]
pub struct DataPorts {
    buckets: Box<[Bucket]>,
    hasher: FixedState,
}

/// A slot that is 0 is free.
#[derive(Debug, Default)]
#[repr(align(32))]
struct Bucket([AtomicU64; WAYS]);

impl DataPorts {
    /// An empty table. `seed` must be random where packets may be hostile.
    pub fn new(seed: u64) -> Self {
        let buckets = std::iter::repeat_with(Bucket::default).take(BUCKETS).collect();
        Self { buckets, hasher: FixedState::with_seed(seed) }
    }

    /// An endpoint was named. Whether another one that was still good has made room for it.
    pub(crate) fn insert(&self, endpoint: Endpoint, now: Timestamp) -> bool {
        let (hash, now) = (self.hasher.hash_one(endpoint), stamp(now));
        let word = hash & !STAMP | u64::from(now);
        let rank = |slot: &&AtomicU64| match slot.load(Relaxed) {
            known if (known ^ word) & !STAMP == 0 => u32::MAX,
            0 => u32::MAX - 1,
            other => distance(other, now).into(),
        };
        let Some(slot) = self.slots(hash).iter().max_by_key(rank) else { return false };
        let before = slot.swap(word, Relaxed);
        before != 0 && (before ^ word) & !STAMP != 0 && distance(before, now) <= VALID
    }

    /// Whether an endpoint was named at about the time of a connection's first packet.
    pub(crate) fn contains(&self, endpoint: Endpoint, start: Timestamp) -> bool {
        let (hash, start) = (self.hasher.hash_one(endpoint), stamp(start));
        let is_it = |word: u64| (word ^ hash) & !STAMP == 0 && word != 0 && distance(word, start) <= VALID;
        self.slots(hash).iter().any(|slot| is_it(slot.load(Relaxed)))
    }

    fn slots(&self, hash: u64) -> &[AtomicU64] {
        // The bits that are not kept.
        let bucket = (hash & STAMP) as usize % BUCKETS;
        self.buckets.get(bucket).map_or(&[], |bucket| &bucket.0)
    }
}

fn stamp(time: Timestamp) -> u16 {
    Duration::from_nanos(time.as_nanos()).as_secs() as u16
}

/// Seconds between a slot's time and another, either way; both repeat after 18 hours. Two queues are read in any order.
fn distance(word: u64, time: u16) -> u16 {
    let passed = time.wrapping_sub(word as u16);
    passed.min(passed.wrapping_neg())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const HERE: Endpoint = (Domain::NONE, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 50_000);

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    /// Endpoints of one bucket.
    fn neighbours(ports: &DataPorts) -> Vec<Endpoint> {
        let bucket = |endpoint| (ports.hasher.hash_one(endpoint) & STAMP) as usize % BUCKETS;
        let others = (0..u32::MAX).map(|address| (Domain::NONE, Ipv4Addr::from(address).into(), 50_000));
        others.filter(|&other| bucket(other) == bucket(HERE)).take(WAYS + 2).collect()
    }

    #[test]
    fn a_name_holds_for_two_minutes_before_and_after() {
        for now in [1_000, 65_536 - 60, 65_536, 1_700_000_000] {
            let ports = DataPorts::new(1);
            assert!(!ports.contains(HERE, at(now)));
            assert!(!ports.insert(HERE, at(now)));
            for (start, holds) in
                [(now, true), (now + 120, true), (now - 120, true), (now + 121, false), (now - 121, false)]
            {
                assert_eq!(ports.contains(HERE, at(start)), holds, "{now} {start}");
            }
            assert!(!ports.insert(HERE, at(now + 100)), "named again");
            assert!(ports.contains(HERE, at(now + 200)));
        }
    }

    #[test]
    fn nothing_but_the_very_endpoint_is_named() {
        let ports = DataPorts::new(1);
        ports.insert(HERE, at(1_000));
        let (domain, address, port) = HERE;
        for other in [
            (Domain::vlan(7, None), address, port),
            (domain, Ipv4Addr::new(192, 0, 2, 2).into(), port),
            (domain, Ipv6Addr::LOCALHOST.into(), port),
            (domain, address, port + 1),
        ] {
            assert!(!ports.contains(other, at(1_000)), "{other:?}");
        }
    }

    #[test]
    fn the_oldest_makes_room_and_is_counted_while_it_is_good() {
        let ports = DataPorts::new(1);
        let all = neighbours(&ports);
        for (&endpoint, now) in all.iter().zip(1_000..).take(WAYS) {
            assert!(!ports.insert(endpoint, at(now)));
        }
        assert!(ports.insert(all[WAYS], at(1_010)));
        let kept = |now| all.iter().map(|&endpoint| ports.contains(endpoint, at(now))).collect::<Vec<_>>();
        assert_eq!(kept(1_010), [false, true, true, true, true, false]);
        // What is no longer good is not missed.
        assert!(!ports.insert(all[0], at(1_200)));
        assert_eq!(kept(1_200), [true, false, false, false, false, false]);
    }

    #[test]
    fn other_seeds_put_endpoints_elsewhere() {
        let (one, other) = (DataPorts::new(1), DataPorts::new(2));
        let together = neighbours(&one);
        let buckets: std::collections::HashSet<_> =
            together.iter().map(|endpoint| other.hasher.hash_one(endpoint) % BUCKETS as u64).collect();
        assert!(buckets.len() > 1);
    }

    #[test]
    fn what_one_thread_names_others_find() {
        let ports = DataPorts::new(3);
        let endpoint = |port| (HERE.0, HERE.1, port);
        std::thread::scope(|scope| {
            for half in [1..500, 500..1_000] {
                let ports = &ports;
                scope.spawn(move || {
                    for port in half {
                        ports.insert(endpoint(port), at(5));
                    }
                });
            }
        });
        // Of 16,384 places these take few; no bucket has more than its slots hold, but by chance.
        let found = (1..1_000).filter(|&port| ports.contains(endpoint(port), at(6))).count();
        assert!(found > 980, "{found}");
    }
}
