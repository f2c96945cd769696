//! The flow table of one worker.

use foldhash::fast::FixedState;
use offport_wire::{FlowKey, Packet, Timestamp};

use crate::config::Config;
use crate::counters::Counters;
use crate::entry::micros;
use crate::family::{Family, V6};
use crate::key::{PackedV4, PackedV6};
use crate::observer::{Observer, Shunted};
use crate::quick::{Hint, Moment};
use crate::role::ServicePorts;
use crate::shared::{Shared, passed};
use crate::table::{Table, bucket};
use crate::view::FlowIndex;

/// Flows that one packet may end or report, beyond its own: bounds the work per packet.
const PACKET_BUDGET: u32 = 8;

/// Flows that one [`Tracker::advance`] may end or report.
const TICK_BUDGET: u32 = 4_096;

/// How often, in microseconds, timers are looked at: about 131 ms.
const STEP_SHIFT: u32 = 17;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was counted to its flow.
    Tracked,
    /// It would have started a flow, but the table is full of flagged flows, which are not evicted.
    Refused,
    /// An ICMP error; it was counted to the flow that it quotes.
    IcmpMatched,
    /// An ICMP error that quotes no tracked flow.
    IcmpUnmatched,
}

/// A place in the tables, for [`Tracker::walk`]. The default is their start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    v6: bool,
    at: u32,
}

/// All flows of one worker, their timers and their first payloads.
///
/// Time is that of the packets: before each of them, [`Tracker::pass_time`] does what is due by then, a bounded amount of
/// it. A flow that has been silent for longer than its timeout ends with the next packet of its key even if the timers
/// have not come to it, so what is reported depends on the packets alone.
#[derive(Debug)]
pub struct Tracker {
    pub(crate) v4: Family<PackedV4>,
    pub(crate) v6: Family<PackedV6>,
    pub(crate) shared: Shared,
    /// The latest time that was seen, in microseconds.
    pub(crate) now: u64,
    /// Undecided flows may have spent their time.
    overdue: bool,
    /// Something may be left to do at this time.
    behind: bool,
}

impl Tracker {
    /// An empty tracker. All memory is reserved here; `seed` must be random where packets may be hostile.
    pub fn new(config: &Config, seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        Self {
            v4: Family::new(Table::new(config.max_flows.min(V6 - 1), hasher.clone())),
            v6: Family::new(Table::new(config.max_flows_v6.min(V6 - 1), hasher.clone())),
            shared: Shared::new(config, hasher),
            now: 0,
            overdue: false,
            behind: false,
        }
    }

    /// One packet, whose time has come. The hint must be the packet's own.
    pub fn packet(
        &mut self,
        packet: &Packet<'_>,
        hint: Option<Hint>,
        observer: &mut impl Observer,
    ) -> Outcome {
        self.shared.kept = None;
        if packet.icmp_error {
            return self.icmp_error(packet);
        }
        let tracked = match &packet.key {
            FlowKey::V4(key) => self.v4.packet(&mut self.shared, packet, key.into(), hint, observer),
            FlowKey::V6(key) => self.v6.packet(&mut self.shared, packet, key.into(), hint, observer),
        };
        // One buffer is always free. Looked at after the packet: one that starts no first payload takes no buffer, and
        // must not cost another flow its own.
        if self.shared.assemblies.left() == 0 {
            self.shared.counters.undecided_limit += 1;
            self.conclude_oldest(observer);
        }
        self.displace(observer);
        if tracked { Outcome::Tracked } else { Outcome::Refused }
    }

    /// Whether a packet is of a flow that is there and goes on, so that [`Tracker::packet`] would start none for it. A flow
    /// that is there and does not go on is ended.
    pub fn knows(&mut self, packet: &Packet<'_>, observer: &mut impl Observer) -> bool {
        let now = self.now;
        match &packet.key {
            FlowKey::V4(key) => self.v4.knows(&mut self.shared, packet, key.into(), now, observer),
            FlowKey::V6(key) => self.v6.knows(&mut self.shared, packet, key.into(), now, observer),
        }
    }

    /// Shows the keys of flows, `budget` places of the tables from `from` on. Where to go on; `None` when that was all. Of
    /// flows that are there all the time, none is left out.
    pub fn walk(&self, from: Place, budget: u32, mut show: impl FnMut(FlowKey)) -> Option<Place> {
        let Place { v6, at } = from;
        let (extent, to) = match v6 {
            false => (self.v4.table.extent(), self.v4.table.show(at, budget, &mut show)),
            true => (self.v6.table.extent(), self.v6.table.show(at, budget, &mut show)),
        };
        match to < extent {
            true => Some(Place { v6, at: to }),
            false => (!v6).then_some(Place { v6: true, at: 0 }),
        }
    }

    /// Time has come to that of a packet: ends idle flows, settles undecided ones whose time is spent, reports long ones.
    /// Little work; what is left over is for the next packet.
    #[inline]
    pub fn pass_time(&mut self, time: Timestamp, observer: &mut impl Observer) -> Moment {
        let now = micros(time);
        self.pass(now, PACKET_BUDGET, observer);
        Moment(now)
    }

    /// Whether [`pass_time`](Self::pass_time) has something to do even if no time passes.
    #[inline]
    pub const fn is_behind(&self) -> bool {
        self.behind
    }

    /// [`pass_time`](Self::pass_time) with much, but bounded, work: call it regularly where packets may stay away.
    pub fn advance(&mut self, now: Timestamp, observer: &mut impl Observer) {
        self.pass(micros(now), TICK_BUDGET, observer);
    }

    /// Ends every flow.
    pub fn finish(&mut self, now: Timestamp, observer: &mut impl Observer) {
        let now = self.now.max(micros(now));
        self.now = now;
        self.v4.finish(&mut self.shared, now, observer);
        self.v6.finish(&mut self.shared, now, observer);
    }

    /// Adds what the kernel counted of a flow after [`Observer::release`].
    pub fn add_late(&mut self, key: &FlowKey, shunted: &Shunted, observer: &mut impl Observer) {
        let (now, transport) = (self.now, key.transport());
        let Self { v4, v6, shared, .. } = self;
        let known = match key {
            FlowKey::V4(key) => v4.add_late(shared, (key.into(), transport), shunted, now, observer),
            FlowKey::V6(key) => v6.add_late(shared, (key.into(), transport), shunted, now, observer),
        };
        if !known {
            shared.counters.shunted_late += shunted.packets.iter().sum::<u64>();
        }
    }

    /// Replaces the ports that are taken for a server's.
    pub fn set_service_ports(&mut self, ports: ServicePorts) {
        self.shared.services = ports;
    }

    /// What has been counted; gauges are those of this moment.
    pub fn counters(&mut self) -> &Counters {
        self.shared.gauges();
        self.shared.counters.active = self.len() as u64;
        &self.shared.counters
    }

    /// Flows in the tables.
    pub fn len(&self) -> usize {
        self.v4.table.len() + self.v6.table.len()
    }

    /// Whether there is no flow.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn icmp_error(&mut self, packet: &Packet<'_>) -> Outcome {
        let known = match &packet.key {
            FlowKey::V4(key) => self.v4.icmp_error(&mut self.shared, packet, key.into()),
            FlowKey::V6(key) => self.v6.icmp_error(&mut self.shared, packet, key.into()),
        };
        if known {
            self.shared.counters.icmp_matched += 1;
            Outcome::IcmpMatched
        } else {
            self.shared.counters.icmp_unmatched += 1;
            Outcome::IcmpUnmatched
        }
    }

    #[inline]
    fn pass(&mut self, now: u64, budget: u32, observer: &mut impl Observer) {
        if now >> STEP_SHIFT > self.now >> STEP_SHIFT {
            let buckets = bucket(now) - bucket(self.now);
            let has_shunted = self.shared.counters.shunted > 0;
            self.v4.due(buckets, has_shunted);
            self.v6.due(buckets, has_shunted);
            self.overdue = true;
            self.behind = true;
        }
        self.now = self.now.max(now);
        if self.behind {
            self.catch_up(budget, observer);
        }
    }

    #[inline(never)]
    fn catch_up(&mut self, budget: u32, observer: &mut impl Observer) {
        let mut left = budget;
        while self.overdue && left > 0 {
            left -= 1;
            match self.shared.oldest_undecided() {
                Some((_, first_at)) if passed(first_at, self.now, self.shared.decide_after) => {
                    self.conclude_oldest(observer);
                }
                _ => self.overdue = false,
            }
        }
        let mut left = budget;
        self.v4.advance(&mut self.shared, self.now, &mut left, observer);
        let mut left = budget;
        self.v6.advance(&mut self.shared, self.now, &mut left, observer);
        self.behind = self.overdue || self.v4.is_behind() || self.v6.is_behind();
    }

    fn conclude_oldest(&mut self, observer: &mut impl Observer) {
        let Some((owner, _)) = self.shared.oldest_undecided() else { return };
        if owner & V6 == 0 {
            self.v4.conclude(&mut self.shared, owner, observer);
        } else {
            self.v6.conclude(&mut self.shared, owner & !V6, observer);
        }
        self.displace(observer);
    }

    /// Tells the flow that has made room for another one's watch.
    fn displace(&mut self, observer: &mut impl Observer) {
        let Some((FlowIndex(owner), watch)) = self.shared.displaced.take() else { return };
        if owner & V6 == 0 {
            self.v4.displace(&mut self.shared, owner, watch, observer);
        } else {
            self.v6.displace(&mut self.shared, owner & !V6, watch, observer);
        }
        let [next, after] = observer.next_to_make_room(watch);
        for (FlowIndex(owner), is_next) in
            next.map(|flow| (flow, true)).into_iter().chain(after.map(|flow| (flow, false)))
        {
            if owner & V6 == 0 {
                self.v4.fetch(&self.shared, owner, is_next);
            } else {
                self.v6.fetch(&self.shared, owner & !V6, is_next);
            }
        }
    }
}
