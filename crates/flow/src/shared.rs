//! What the flows of both IP versions share: limits, pools, counters.

use foldhash::fast::FixedState;
use offport_wire::{Direction, Packet, Transport};
use std::hash::BuildHasher;

use crate::assembly::{Assembly, Heads};
use crate::class::Idle;
use crate::config::{Config, MAX_PAYLOAD_PACKETS, PAYLOAD_BOUND};
use crate::counters::Counters;
use crate::entry::{Cold, Hot, NO_ID, Stage, timestamp};
use crate::extra::Extra;
use crate::intern::Interner;
use crate::keep::Beginning;
use crate::key::Key;
use crate::path::Path;
use crate::pool::{NONE, Pool};
use crate::role::ServicePorts;
use crate::view::{FirstPayload, Flow, FlowIndex, Label, Side, Tcp, Watch};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) idle: Idle,
    /// Active timeout, microseconds.
    pub(crate) active: u64,
    /// See [`Config::decide_after`], microseconds.
    pub(crate) decide_after: u64,
    pub(crate) payload_bound: u16,
    pub(crate) payload_packets: u8,
    pub(crate) gap_packets: u8,
    /// See [`Config::offer_step`]: its binary logarithm; 32 when it is 0.
    pub(crate) offer_shift: u32,
    /// See [`Config::keep`].
    pub(crate) keep: [u32; 4],
    /// See [`Tracker::set_beginning`](crate::Tracker::set_beginning).
    pub(crate) beginning: Beginning,
    /// The flow of the latest packet, if that is to be kept.
    pub(crate) kept: Option<FlowIndex>,
    pub(crate) services: ServicePorts,
    pub(crate) hasher: FixedState,
    pub(crate) extras: Pool<Extra>,
    /// Extras that only undecided, watched and flagged flows may take.
    extras_reserved: u32,
    /// Flows that are watched: streams, datagrams.
    watched: [u32; 2],
    /// The flow that has made room for the latest of them, until it is told.
    pub(crate) displaced: Option<(FlowIndex, Watch)>,
    /// The most of them.
    max_watched: [u32; 2],
    pub(crate) assemblies: Pool<Assembly>,
    heads: Pool<Heads>,
    paths: Interner<Path>,
    /// The queue of undecided flows: first payload longest ago, and latest.
    oldest: u32,
    newest: u32,
    pub(crate) counters: Counters,
}

impl Shared {
    pub(crate) fn new(config: &Config, hasher: FixedState) -> Self {
        // One more, which is free between packets.
        let undecided = config.max_undecided.max(1).saturating_add(1);
        // One more, since a flow makes room when another is watched already; and some, since of several that make
        // room at once only one is told.
        let spare = config.max_watched / 8 + 1;
        let max_watched = [config.max_watched, config.max_watched / 4].map(|most| most.saturating_add(spare));
        let extras_reserved = max_watched
            .iter()
            .fold(undecided.saturating_add(config.max_flagged), |sum, &watched| sum.saturating_add(watched));
        Self {
            idle: Idle::new(&config.timeouts),
            active: micros(config.timeouts.active).max(1),
            decide_after: micros(config.decide_after),
            payload_bound: config.payload_bound.clamp(1, PAYLOAD_BOUND as u16),
            payload_packets: config.payload_packets.clamp(1, MAX_PAYLOAD_PACKETS),
            gap_packets: config.gap_packets,
            offer_shift: config.offer_step.checked_ilog2().unwrap_or(32),
            keep: config.keep.limits(),
            beginning: Beginning::ALL,
            kept: None,
            services: config.service_ports.clone(),
            hasher,
            extras: Pool::new(extras_reserved.saturating_add(config.max_extras)),
            watched: [0; 2],
            displaced: None,
            max_watched,
            extras_reserved,
            assemblies: Pool::new(undecided),
            heads: Pool::new(config.max_flagged),
            paths: Interner::new(config.max_paths),
            oldest: NONE,
            newest: NONE,
            counters: Counters::default(),
        }
    }

    /// The flow's extra, made if it has none; `None` (counted) when none is left.
    pub(crate) fn extra(&mut self, cold: &mut Cold) -> Option<&mut Extra> {
        if cold.extra == NONE {
            if self.extras.left() <= self.extras_reserved {
                self.counters.extras_limit += 1;
                return None;
            }
            self.new_extra(cold);
        }
        self.extras.get_mut(cold.extra)
    }

    /// Starts the assembly of a flow's first payload; `None` when there is no buffer.
    pub(crate) fn begin(&mut self, cold: &mut Cold, owner: u32, first: Direction, now: u64) -> Option<u32> {
        let index = self.assemblies.acquire()?;
        if cold.extra == NONE {
            self.new_extra(cold);
        }
        let Some(extra) = self.extras.get_mut(cold.extra) else {
            self.assemblies.release(index);
            return None;
        };
        extra.assembly = index;
        let previous = std::mem::replace(&mut self.newest, index);
        match self.assemblies.get_mut(previous) {
            Some(previous) => previous.next = index,
            None => self.oldest = index,
        }
        let assembly = self.assemblies.get_mut(index)?;
        assembly.reset(owner, first, now, self.payload_bound);
        (assembly.previous, assembly.next) = (previous, NONE);
        Some(index)
    }

    /// The assembly of an undecided flow.
    pub(crate) fn assembly(&mut self, cold: &Cold) -> Option<&mut Assembly> {
        let index = self.extras.get(cold.extra)?.assembly;
        self.assemblies.get_mut(index)
    }

    /// The undecided flow whose first payload came first, and when.
    pub(crate) fn oldest_undecided(&self) -> Option<(u32, u64)> {
        self.assemblies.get(self.oldest).map(|assembly| (assembly.owner, assembly.first_at))
    }

    /// The assembly buffer goes back; what the flow sent first is kept if it is flagged and there is room.
    pub(crate) fn end_assembly(&mut self, cold: &mut Cold, keep: bool) {
        let Some(extra) = self.extras.get_mut(cold.extra) else { return };
        let index = std::mem::replace(&mut extra.assembly, NONE);
        let Some(assembly) = self.assemblies.get(index) else { return };
        let (previous, next) = (assembly.previous, assembly.next);
        if keep {
            match self.heads.acquire() {
                Some(heads) => {
                    extra.heads = heads;
                    if let Some(heads) = self.heads.get_mut(heads) {
                        heads.keep(assembly);
                    }
                }
                None => self.counters.heads_limit += 1,
            }
        }
        match self.assemblies.get_mut(previous) {
            Some(previous) => previous.next = next,
            None => self.oldest = next,
        }
        match self.assemblies.get_mut(next) {
            Some(next) => next.previous = previous,
            None => self.newest = previous,
        }
        self.assemblies.release(index);
        self.trim(cold);
    }

    /// An undecided flow will be watched: where its streams start is kept. Before [`Shared::end_assembly`]. False: that is
    /// not known, or too many flows are watched.
    pub(crate) fn begin_watch(&mut self, is_tcp: bool, cold: &mut Cold, Watch(watch): Watch) -> bool {
        let kind = usize::from(!is_tcp);
        if self.watched[kind] >= self.max_watched[kind] {
            self.counters.extras_limit += 1;
            return false;
        }
        let Some(extra) = self.extras.get_mut(cold.extra) else { return false };
        let Some(assembly) = self.assemblies.get(extra.assembly) else { return false };
        match assembly.streams.each_ref().map(|stream| stream.base()) {
            [Some(low), Some(high)] => extra.bases = [low, high],
            _ if is_tcp => return false,
            _ => {}
        }
        extra.watch = watch;
        cold.set_watched(true);
        self.watched[kind] += 1;
        true
    }

    pub(crate) fn is_watched_by(&self, cold: &Cold, Watch(watch): Watch) -> bool {
        cold.watched() && self.extras.get(cold.extra).is_some_and(|extra| extra.watch == watch)
    }

    /// A flow is not watched any more; what it was watched with.
    pub(crate) fn end_watch(&mut self, is_tcp: bool, cold: &mut Cold) -> Option<Watch> {
        if !cold.watched() {
            return None;
        }
        cold.set_watched(false);
        self.watched[usize::from(!is_tcp)] -= 1;
        let extra = self.extras.get_mut(cold.extra)?;
        let watch = std::mem::replace(&mut extra.watch, NONE);
        self.trim(cold);
        Some(Watch(watch))
    }

    /// Everything that a flow held goes back.
    pub(crate) fn free(&mut self, cold: &mut Cold) {
        self.end_assembly(cold, false);
        if let Some(extra) = self.extras.get_mut(cold.extra) {
            if extra.heads != NONE {
                self.heads.release(extra.heads);
            }
            self.extras.release(cold.extra);
            cold.extra = NONE;
        }
        if cold.path != NO_ID {
            self.paths.release(cold.path);
            cold.path = NO_ID;
        }
    }

    /// The id of a packet's path, one user more.
    pub(crate) fn intern(&mut self, packet: &Packet<'_>) -> u16 {
        let Self { paths, hasher, .. } = self;
        let (is, path) = (|path: &Path| path.is_of(packet), || Path::of(packet));
        paths.acquire(Path::near(packet), is, path, |path| hasher.hash_one(path)).unwrap_or_else(|| {
            self.counters.paths_limit += 1;
            NO_ID
        })
    }

    /// A flow as the stages after this one see it.
    pub(crate) fn view<K: Key>(&self, hot: &Hot<K>, cold: &Cold) -> Flow<'_> {
        const NOTHING: &Extra = &Extra::NEW;
        let extra = self.extras.get(cold.extra).unwrap_or(NOTHING);
        let assembly = self.assemblies.get(extra.assembly);
        let heads = self.heads.get(extra.heads);
        let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let side = |direction: Direction| {
            let at = direction.index();
            Side {
                packets: wide(hot.packets[at], extra.packets[at]),
                bytes: wide(hot.bytes[at], extra.bytes[at]),
                payload: wide(hot.payload[at], extra.payload[at]),
                first: match (assembly, heads) {
                    (Some(assembly), _) => assembly.streams[at].first_payload(),
                    (None, Some(heads)) => heads.first_payload(at),
                    (None, None) => FirstPayload::default(),
                },
            }
        };
        let narrow = |low: u8, high: u32| high.saturating_mul(256).saturating_add(low.into());
        let tcp = matches!(hot.transport(), Transport::TCP | Transport::SCTP).then(|| Tcp {
            state: hot.state(),
            retransmitted: narrow(cold.retransmitted, extra.retransmitted),
            out_of_order: narrow(cold.out_of_order, extra.out_of_order),
        });
        let client = hot.client();
        Flow {
            key: hot.key.unpack(hot.transport()),
            client_direction: client,
            role_certain: cold.role_certain(),
            start: timestamp(hot.start()),
            last: timestamp(hot.last()),
            client: side(client),
            server: side(client.reverse()),
            first_payload: assembly.map(Assembly::first_speaker).or(heads.map(|heads| heads.first)),
            midstream: hot.midstream(),
            subflow: cold.subflow(),
            tcp,
            icmp_errors: extra.icmp_errors,
            shunted_packets: extra.shunted_packets,
            shunted_bytes: extra.shunted_bytes,
            path: self.paths.get(cold.path),
            payload_packets: assembly.map_or(0, |assembly| assembly.packets),
            label: ((hot.stage() == Stage::Settled || cold.watched()) && cold.label != NO_ID)
                .then_some(Label(cold.label)),
            flagged: hot.flagged(),
        }
    }

    pub(crate) fn gauges(&mut self) {
        self.counters.undecided = self.assemblies.in_use().into();
        self.counters.heads = self.heads.in_use().into();
        self.counters.extras = self.extras.in_use().into();
        self.counters.paths = self.paths.len() as u64;
    }

    fn new_extra(&mut self, cold: &mut Cold) {
        if let Some(index) = self.extras.acquire() {
            cold.extra = index;
            if let Some(extra) = self.extras.get_mut(index) {
                *extra = Extra::NEW;
            }
        }
    }

    /// Gives back an extra that nothing is in.
    pub(crate) fn trim(&mut self, cold: &mut Cold) {
        if self.extras.get(cold.extra).is_some_and(Extra::is_idle) {
            self.extras.release(cold.extra);
            cold.extra = NONE;
        }
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Whether `time` is at least `limit` after `earlier`.
pub(crate) const fn passed(earlier: u64, time: u64, limit: u64) -> bool {
    time.saturating_sub(earlier) >= limit
}
