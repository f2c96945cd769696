//! The life of the flows of one IP version: found or started, counted, reported, ended.

use offport_wire::{Packet, Transport, TransportHeader};

use crate::class::Class;
use crate::entry::{Cold, Hot, Stage, micros};
use crate::key::Key;
use crate::memory::{prefetch, prefetch_whole};
use crate::observer::{Observer, Settlement};
use crate::pool::NONE;
use crate::quick::Hint;
use crate::role;
use crate::shared::{Shared, passed};
use crate::state::{End, TcpState};
use crate::table::{COARSE, Table, bucket};
use crate::view::{FlowIndex, Watch};

/// Bit of an owner id that says IPv6.
pub(crate) const V6: u32 = 1 << 31;

/// The hand that looks for overdue interim reports goes round once in about so many seconds: sooner while there are flows
/// that the kernel counts packets of, and nobody else looks at.
const SWEEP_BUCKETS: u32 = 64;
const SWEEP_BUCKETS_OF_SHUNTED: u32 = 8;

/// Flows that the hand may look at for one that it may report.
const LOOKS: u32 = 16;

/// Before they are open, or never to be.
const NOT_OPEN: [Class; 4] = [Class::HalfOpen, Class::Unanswered, Class::Other, Class::OneSided];
/// Not flagged.
const OPEN: [Class; 2] = [Class::Established, Class::Datagram];
/// Who had a packet within so many microseconds does not make room, while there are others.
const BUSY: u64 = 1_000_000;

#[derive(Debug)]
pub(crate) struct Family<K> {
    pub(crate) table: Table<K>,
    /// Some list may have an expired head.
    expiring: bool,
    /// Where the hand that looks for overdue interim reports stands, and how far it lags.
    hand: u32,
    owed: u32,
}

impl<K: Key> Family<K> {
    pub(crate) fn new(table: Table<K>) -> Self {
        Self { table, expiring: false, hand: 0, owed: 0 }
    }

    /// One packet of the flow with that key. False: a new flow was refused.
    pub(crate) fn packet(
        &mut self,
        shared: &mut Shared,
        packet: &Packet<'_>,
        key: K,
        hint: Option<Hint>,
        observer: &mut impl Observer,
    ) -> bool {
        let now = micros(packet.time);
        let transport = packet.key.transport();
        let hash = hint.map_or_else(|| key.hash(transport, &shared.hasher), |hint| hint.hash);
        debug_assert_eq!(hash, key.hash(transport, &shared.hasher), "a hint is for one packet");
        let mut found = hint
            .map(|hint| hint.candidate)
            .filter(|&candidate| candidate != NONE && self.table.holds(candidate, &key, transport))
            .or_else(|| self.table.find(hash, &key, transport));
        if let Some(index) = found {
            if self.table.hot(index).shunted() {
                self.before_shunted_packet(shared, index, packet, now, observer);
            }
            if let Some(end) = self.is_history(shared, index, packet, now) {
                self.end(shared, index, end, now, observer);
                found = None;
            } else {
                self.before_packet(shared, index, now, observer);
            }
        }
        let index = match found {
            Some(index) => index,
            None => match self.start(shared, packet, (key, hash), now, observer) {
                Some(index) => index,
                None => {
                    shared.counters.refused += 1;
                    return false;
                }
            },
        };
        self.count(shared, index, packet, now, observer);
        shared.kept = self.keeps(&shared.keep, index, packet.ip_bytes);
        true
    }

    /// Whether a packet belongs to a flow with that key that goes on. One that does not is ended.
    pub(crate) fn knows(
        &mut self,
        shared: &mut Shared,
        packet: &Packet<'_>,
        key: K,
        now: u64,
        observer: &mut impl Observer,
    ) -> bool {
        let transport = packet.key.transport();
        let Some(index) = self.table.find(key.hash(transport, &shared.hasher), &key, transport) else {
            return false;
        };
        if self.table.hot(index).shunted() {
            self.before_shunted_packet(shared, index, packet, now, observer);
        }
        let end = self.is_history(shared, index, packet, now);
        if let Some(end) = end {
            self.end(shared, index, end, now, observer);
        }
        end.is_none()
    }

    /// An ICMP error that quotes a packet of the flow with that key. Whether the flow is known.
    pub(crate) fn icmp_error(&mut self, shared: &mut Shared, packet: &Packet<'_>, key: K) -> bool {
        let hash = key.hash(packet.key.transport(), &shared.hasher);
        let Some(index) = self.table.find(hash, &key, packet.key.transport()) else { return false };
        let hot = self.table.hot(index);
        // What is known of a shunted flow may be some seconds old.
        if !hot.shunted() && passed(hot.last(), micros(packet.time), shared.idle.of(Class::of(hot))) {
            return false;
        }
        if let Some(extra) = shared.extra(self.table.cold_mut(index)) {
            extra.icmp_errors = extra.icmp_errors.saturating_add(1);
        }
        true
    }

    /// Ends flows that have been silent for too long and reports those that have gone on for long, at most
    /// `budget` of each.
    pub(crate) fn advance(
        &mut self,
        shared: &mut Shared,
        now: u64,
        budget: &mut u32,
        observer: &mut impl Observer,
    ) {
        if self.expiring {
            self.expire(shared, now, budget, observer);
        }
        while self.owed > 0 && *budget > 0 {
            let (from, many) = (self.hand, self.owed.min(LOOKS));
            // Of most flows nothing more has to be read than this, one line after the other.
            let worth = |hot: &Hot<K>| now.saturating_sub(hot.start()) >= shared.active || hot.shunted();
            let (passed, found) = self.table.seek(from, many, worth);
            self.owed -= passed;
            *budget -= 1;
            self.hand = if from + passed < self.table.extent() { from + passed } else { 0 };
            if let Some(index) = found.filter(|&index| self.table.is_live(index)) {
                self.fold(shared, index, now, observer);
                self.report(shared, index, now, false, observer);
            }
        }
    }

    /// Time has gone on: lists may have expired heads; `buckets` more seconds are to be swept.
    pub(crate) fn due(&mut self, buckets: u64, has_shunted: bool) {
        self.expiring = true;
        let round = if has_shunted { SWEEP_BUCKETS_OF_SHUNTED } else { SWEEP_BUCKETS };
        let share = self.table.extent().div_ceil(round);
        let owed = u64::from(self.owed).saturating_add(buckets.saturating_mul(share.into()));
        self.owed = owed.min(self.table.extent().into()) as u32;
    }

    /// Whether [`Family::advance`] has anything to do.
    pub(crate) const fn is_behind(&self) -> bool {
        self.expiring || self.owed > 0
    }

    /// Settles an undecided flow on what is there.
    pub(crate) fn conclude(&mut self, shared: &mut Shared, index: u32, observer: &mut impl Observer) {
        let (hot, cold) = self.table.entry_mut(index);
        if let Some(assembly) = shared.assembly(cold) {
            let ends = assembly.streams.each_mut().map(|stream| stream.conclude());
            if ends.iter().any(|end| end.start_lost) {
                hot.set_midstream(true);
            }
            shared.counters.gaps += ends.iter().filter(|end| end.gap).count() as u64;
        }
        let settlement = observer.conclude(&shared.view(self.table.hot(index), self.table.cold(index)));
        self.settle(shared, index, settlement, observer);
    }

    /// Ends every flow: idle ones as such, the rest with `Shutdown`.
    pub(crate) fn finish(&mut self, shared: &mut Shared, now: u64, observer: &mut impl Observer) {
        for class in Class::ALL {
            while let Some(index) = self.table.oldest(class) {
                self.fold(shared, index, now, observer);
                let hot = self.table.hot(index);
                let end = match natural_end(hot) {
                    Some(end) => end,
                    None if passed(hot.last(), now, shared.idle.of(class)) => End::Idle,
                    None => End::Shutdown,
                };
                self.end(shared, index, end, now, observer);
            }
        }
    }

    /// Why a packet with a flow's key does not belong to that flow any more.
    fn is_history(&self, shared: &Shared, index: u32, packet: &Packet<'_>, now: u64) -> Option<End> {
        let hot = self.table.hot(index);
        if passed(hot.last(), now, shared.idle.shortest)
            && passed(hot.last(), now, shared.idle.of(Class::of(hot)))
        {
            return Some(natural_end(hot).unwrap_or(End::Idle));
        }
        let state = hot.state();
        if !(state.is_over() || state == TcpState::Closing) {
            return None;
        }
        let reopened = match packet.transport {
            TransportHeader::Tcp(tcp) => {
                tcp.flags.syn()
                    && !tcp.flags.ack()
                    && !tcp.flags.rst()
                    // Of a side that was not heard yet it is the start, overtaken by all that the other side sent: two
                    // queues, and a worker that came late to one.
                    && hot.packets[packet.direction.index()] > 0
                    && !is_same_syn(hot, self.table.cold(index), packet.direction.index(), tcp.seq)
            }
            TransportHeader::Sctp { init, .. } => init,
            _ => false,
        };
        reopened.then(|| natural_end(hot).unwrap_or(End::Fin))
    }

    /// What must be said of the time before a packet.
    fn before_packet(&mut self, shared: &mut Shared, index: u32, now: u64, observer: &mut impl Observer) {
        let hot = self.table.hot(index);
        if bucket(hot.last()) != bucket(now) {
            self.report(shared, index, now, true, observer);
        }
        if self.table.hot(index).stage() == Stage::Undecided {
            let decide_after = shared.decide_after;
            let spent = shared
                .assembly(self.table.cold(index))
                .is_some_and(|assembly| passed(assembly.first_at, now, decide_after));
            if spent {
                self.conclude(shared, index, observer);
            }
        }
    }

    /// An interim report, if an active timeout has passed between the flow's latest packet and `now`, and that
    /// packet has not been reported. The timeout ends with the coarse second that it falls into, so that no
    /// packet needs a closer look than the number of its second.
    ///
    /// A flow that is silent (no packet is `arriving`) is reported only if its end, by the idle timeout, is more
    /// than another active timeout away: otherwise every short UDP flow would be written twice. What is
    /// reported depends on the packets alone, not on when the hand comes by.
    fn report(
        &mut self,
        shared: &mut Shared,
        index: u32,
        now: u64,
        arriving: bool,
        observer: &mut impl Observer,
    ) {
        let (hot, cold) = (self.table.hot(index), self.table.cold(index));
        if cold.reported() {
            return;
        }
        let period = |time: u64| period(hot, shared, time);
        let over = hot.last().saturating_add(shared.idle.of(Class::of(hot)));
        let (latest, current) = (period(hot.last()), period(now.min(over)));
        if latest >= current {
            return;
        }
        let due = hot.start().saturating_add((latest + 1).saturating_mul(shared.active));
        if !arriving && over <= due.saturating_add(shared.active) {
            return;
        }
        self.interim(shared, index, observer);
    }

    /// Writes an interim report.
    pub(crate) fn interim(&mut self, shared: &mut Shared, index: u32, observer: &mut impl Observer) {
        let (hot, cold) = (self.table.hot(index), self.table.cold(index));
        shared.counters.interim += 1;
        let again = observer.interim(&shared.view(hot, cold));
        self.table.cold_mut(index).set_reported(true);
        let is_settled = self.table.hot(index).stage() == Stage::Settled || self.table.cold(index).watched();
        if let Some(settlement) = again.filter(|_| is_settled) {
            self.settle(shared, index, settlement, observer);
        }
    }

    /// A flow has made room for another one that is watched, unless that was a flow before it in its place.
    pub(crate) fn displace(
        &mut self,
        shared: &mut Shared,
        index: u32,
        watch: Watch,
        observer: &mut impl Observer,
    ) {
        if shared.is_watched_by(self.table.cold(index), watch) {
            self.unwatch(shared, index, observer);
        }
    }

    /// Has a flow's entry fetched; or, of one whose entry was, what it points to.
    pub(crate) fn fetch(&self, shared: &Shared, index: u32, entry_was: bool) {
        if !entry_was {
            prefetch_whole(self.table.hot(index));
            prefetch(self.table.cold(index));
        } else if let Some(extra) = shared.extras.get(self.table.cold(index).extra) {
            prefetch_whole(extra);
        }
    }

    /// A watched flow is settled and no more.
    pub(crate) fn unwatch(&mut self, shared: &mut Shared, index: u32, observer: &mut impl Observer) {
        let (hot, cold) = self.table.entry_mut(index);
        if let Some(watch) = shared.end_watch(hot.transport() == Transport::TCP, cold) {
            observer.unwatch(watch);
            hot.set_stage(Stage::Settled);
        }
    }

    fn start(
        &mut self,
        shared: &mut Shared,
        packet: &Packet<'_>,
        (key, hash): (K, u64),
        now: u64,
        observer: &mut impl Observer,
    ) -> Option<u32> {
        if self.table.is_full() && !self.make_room(shared, now, observer) {
            return None;
        }
        let mut hot = Hot::new(key, packet.key.transport(), now);
        let mut cold = Cold::new();
        let role = role::by_first_packet(packet, &shared.services);
        hot.set_client(role.client);
        if role.certain {
            cold.set_role_certain();
        }
        let connection = matches!(packet.transport, TransportHeader::Tcp(_) | TransportHeader::Sctp { .. });
        hot.set_midstream(connection && !role.certain);
        hot.set_state(match packet.transport {
            TransportHeader::Tcp(tcp) if role.certain && tcp.flags.ack() => TcpState::SynReceived,
            _ if role.certain => TcpState::SynSent,
            _ => TcpState::Established,
        });
        cold.path = shared.intern(packet);
        let index = self.table.insert(hash, hot, cold)?;
        shared.counters.created += 1;
        Some(index)
    }

    /// Ends the flow that is needed least: an overdue one; a closed one; the one that has been silent for
    /// longest, if for half of its timeout; then, while flows that are not open yet have less than a sixteenth of the table, the open one
    /// that has been silent for longest; else the oldest half-open one, if they are many, or the oldest that is not open.
    ///
    /// A newcomer is worth more than a session that has its verdict: who refuses it, misses one. A flood of handshakes fills its sixteenth
    /// and pays for itself from then on; a few that are under way are what sessions begin with. Flagged flows stay. Lists have their
    /// oldest flow first, so this looks at a few heads.
    fn make_room(&mut self, shared: &mut Shared, now: u64, observer: &mut impl Observer) -> bool {
        self.fold_oldest(shared, now, observer);
        let silent = |table: &Table<K>, class: Class, share: u64| {
            let index = table.oldest(class)?;
            let last = table.hot(index).last();
            passed(last, now, shared.idle.of(class) / share).then_some((last, index))
        };
        let table = &self.table;
        if let Some((_, index)) = Class::ALL.iter().find_map(|&class| silent(table, class, 1)) {
            let end = natural_end(table.hot(index)).unwrap_or(End::Idle);
            self.end(shared, index, end, now, observer);
            return true;
        }
        if let Some(index) = table.oldest(Class::Over) {
            let end = natural_end(table.hot(index)).unwrap_or(End::Evicted);
            shared.counters.evicted_closed += 1;
            self.end(shared, index, end, now, observer);
            return true;
        }
        let idle = [Class::Datagram, Class::Unanswered, Class::Other, Class::Established];
        if let Some((_, index)) = idle.iter().filter_map(|&class| silent(table, class, 2)).min() {
            shared.counters.evicted_idle += 1;
            self.end(shared, index, End::Evicted, now, observer);
            return true;
        }
        if self.table.has_few(&NOT_OPEN) {
            self.pass_over_busy(now);
        }
        let table = &self.table;
        let oldest = |classes: &[Class]| {
            classes.iter().filter_map(|&class| table.oldest(class)).min_by_key(|&at| table.hot(at).last())
        };
        let open = table.has_few(&NOT_OPEN).then(|| oldest(&OPEN));
        let half_open =
            || if table.has_few(&[Class::HalfOpen]) { None } else { table.oldest(Class::HalfOpen) };
        if let Some(index) = open.flatten().or_else(half_open).or_else(|| oldest(&NOT_OPEN)) {
            match Class::of(table.hot(index)) {
                Class::Established | Class::Datagram => shared.counters.evicted_open += 1,
                Class::HalfOpen => shared.counters.evicted_half_open += 1,
                _ => shared.counters.evicted_unanswered += 1,
            }
            self.end(shared, index, End::Evicted, now, observer);
            return true;
        }
        false
    }

    /// Open flows that look old since their place is exact to a step of their class only, and had a packet just now, go to the end.
    fn pass_over_busy(&mut self, now: u64) {
        /// Of each class: so much work at most for one new flow.
        const LOOKS: u32 = 4;
        for class in OPEN {
            for _ in 0..LOOKS {
                let Some(oldest) = self.table.oldest(class) else { break };
                if passed(self.table.hot(oldest).last(), now, BUSY) {
                    break;
                }
                self.table.touch(oldest);
            }
        }
    }

    fn expire(&mut self, shared: &mut Shared, now: u64, budget: &mut u32, observer: &mut impl Observer) {
        for class in Class::ALL {
            let timeout = shared.idle.of(class);
            while let Some(index) = self.table.oldest(class) {
                let hot = self.table.hot(index);
                if !passed(hot.last(), now, timeout) {
                    break;
                }
                if *budget == 0 {
                    return;
                }
                *budget -= 1;
                // Silent here, but the kernel may have heard of it.
                if hot.shunted() && self.fold(shared, index, now, observer) {
                    continue;
                }
                let hot = self.table.hot(index);
                let end = natural_end(hot).unwrap_or(End::Idle);
                self.end(shared, index, end, now, observer);
            }
        }
        self.expiring = false;
    }

    /// The last report, the last word, and out of the table.
    fn end(&mut self, shared: &mut Shared, index: u32, end: End, now: u64, observer: &mut impl Observer) {
        self.table.fetch_for_removal(index);
        self.unshunt(shared, index, now, observer);
        self.report(shared, index, now, false, observer);
        self.unwatch(shared, index, observer);
        let hot = self.table.hot(index);
        let had_payload = hot.transport().has_ports() && hot.payload != [0; 2];
        if hot.stage() == Stage::Undecided || hot.stage() == Stage::Silent && had_payload {
            self.conclude(shared, index, observer);
            // There is nothing to come that could be watched.
            self.unwatch(shared, index, observer);
        }
        let (hot, cold) = self.table.entry_mut(index);
        observer.ended(&shared.view(hot, cold), end);
        shared.free(cold);
        self.table.remove(index);
        let counters = &mut shared.counters;
        *match end {
            End::Fin => &mut counters.ended_fin,
            End::Rst => &mut counters.ended_rst,
            End::Idle => &mut counters.ended_idle,
            End::Evicted => &mut counters.ended_evicted,
            End::Shutdown => &mut counters.ended_shutdown,
        } += 1;
    }

    pub(crate) fn settle(
        &mut self,
        shared: &mut Shared,
        index: u32,
        settlement: Settlement,
        observer: &mut impl Observer,
    ) {
        let watch = settlement.watch;
        if let Some(watch) = watch {
            let displaced = observer.watched(watch, FlowIndex(Self::owner(index)));
            shared.displaced = displaced.or(shared.displaced);
        }
        let (hot, cold) = self.table.entry_mut(index);
        let is_tcp = hot.transport() == Transport::TCP;
        let refused = watch.filter(|&watch| !shared.begin_watch(is_tcp, cold, watch));
        if let Some(watch) = refused {
            observer.unwatch(watch);
        }
        let watched = cold.watched();
        hot.set_stage(if watched { Stage::Undecided } else { Stage::Settled });
        hot.set_flagged(settlement.flagged);
        if settlement.swap_roles {
            hot.set_client(hot.client().reverse());
            cold.set_role_certain();
        }
        if let Some(label) = settlement.label {
            cold.label = label.0;
        }
        shared.end_assembly(cold, settlement.flagged);
        if self.table.class_changed(index) {
            self.table.touch(index);
        }
    }

    /// The owner id of a flow.
    pub(crate) const fn owner(index: u32) -> u32 {
        if K::V6 { index | V6 } else { index }
    }
}

/// Active timeouts from a flow's start to a time.
pub(crate) fn period<K>(hot: &Hot<K>, shared: &Shared, time: u64) -> u64 {
    (bucket(time) * COARSE).saturating_sub(hot.start()) / shared.active
}

/// How a connection ended by its own packets.
fn natural_end<K>(hot: &Hot<K>) -> Option<End> {
    match hot.state() {
        TcpState::Closed => Some(End::Fin),
        TcpState::Reset => Some(End::Rst),
        _ => None,
    }
}

/// Whether a SYN is the flow's own: seen before, if its data (and FIN), if any, followed it without retransmission; or
/// overtaken by a little of what follows it, where one side's packets come on two queues.
fn is_same_syn<K>(hot: &Hot<K>, cold: &Cold, direction: usize, seq: u32) -> bool {
    /// More than rings hold of one flow. A connection that is opened anew starts above the old one (RFC 6528).
    const OVERTAKEN: u32 = 1 << 20;
    let sent = hot.next_seq[direction].wrapping_sub(seq).wrapping_sub(1);
    let data = hot.payload[direction];
    match cold.syn(direction) {
        true => sent == data || sent == data.wrapping_add(cold.fin(direction).into()),
        false => sent < OVERTAKEN,
    }
}
