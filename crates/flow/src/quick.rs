//! The short path: a packet that changes no more of its flow than totals.
//!
//! Most packets belong to a connection that is open and judged, and come in order. For them a [`Brief`] is enough: what
//! such a flow needs of a packet. It is a third of a packet's size and never passes through one, and a batch of them
//! is looked up before any is counted, so that the cache misses overlap.

use offport_wire::{Direction, FlowKey, Plain, TcpFlags, Timestamp, Transport};

use crate::class::Class;
use crate::count::offers;
use crate::entry::{Hot, micros};
use crate::family::{Family, period};
use crate::key::{Key, PackedV4, PackedV6};
use crate::memory::prefetch;
use crate::pool::NONE;
use crate::shared::Shared;
use crate::state::TcpState;
use crate::table::{COARSE, bucket};
use crate::tracker::Tracker;

/// What the short path needs of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Brief {
    hash: u64,
    key: PackedKey,
    /// Where its flow probably is; `NONE`: nowhere, or it must not take the short path.
    candidate: u32,
    seq: u32,
    ip_bytes: u32,
    payload: u32,
    transport: Transport,
    direction: Direction,
    /// Neither SYN nor FIN nor RST.
    plain: bool,
}

#[derive(Clone, Copy, Debug)]
enum PackedKey {
    V4(PackedV4),
    V6(PackedV6),
}

impl Brief {
    /// Nothing, for arrays of them.
    pub const NONE: Self = Self {
        hash: 0,
        key: PackedKey::V4(PackedV4::NONE),
        candidate: NONE,
        seq: 0,
        ip_bytes: 0,
        payload: 0,
        transport: Transport(0),
        direction: Direction::LowToHigh,
        plain: false,
    };
}

impl Tracker {
    /// What the short path needs of a packet. Has the memory fetched where its flow will be looked for.
    #[inline(always)]
    pub fn brief(&self, plain: &Plain) -> Brief {
        let transport = plain.key.transport();
        let (key, hash) = match &plain.key {
            FlowKey::V4(key) => {
                let key = PackedV4::from(key);
                let hash = key.hash(transport, &self.shared.hasher);
                self.v4.table.fetch(hash);
                (PackedKey::V4(key), hash)
            }
            FlowKey::V6(key) => {
                let key = PackedV6::from(key);
                let hash = key.hash(transport, &self.shared.hasher);
                self.v6.table.fetch(hash);
                (PackedKey::V6(key), hash)
            }
        };
        const OPENS_OR_ENDS: u8 = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
        Brief {
            hash,
            key,
            candidate: NONE,
            seq: plain.seq,
            ip_bytes: plain.ip_bytes,
            payload: plain.payload_len,
            transport,
            direction: plain.direction,
            plain: plain.flags.0 & OPENS_OR_ENDS == 0,
        }
    }

    /// Looks for the flow and has its memory fetched.
    #[inline]
    pub fn look_ahead(&self, brief: &mut Brief) {
        if !brief.plain {
            return;
        }
        brief.candidate = match brief.key {
            PackedKey::V4(_) => self.v4.look_ahead(brief.hash),
            PackedKey::V6(_) => self.v6.look_ahead(brief.hash),
        };
    }

    /// Counts a packet, if that is all there is to do. False: nothing was done, [`Tracker::packet`] must.
    ///
    #[inline]
    pub fn quick(&mut self, brief: &Brief, time: Timestamp) -> bool {
        let now = micros(time);
        // With timeouts shorter than the steps that are compared below, any packet may be the first of a new flow.
        if brief.candidate == NONE || !self.is_on_time(now) || self.shared.idle.shortest < COARSE {
            return false;
        }
        let counted = match brief.key {
            PackedKey::V4(key) => self.v4.quick(&self.shared, brief, &key, now),
            PackedKey::V6(key) => self.v6.quick(&self.shared, brief, &key, now),
        };
        if counted {
            self.now = self.now.max(now);
        }
        counted
    }
}

impl<K: Key> Family<K> {
    #[inline]
    fn look_ahead(&self, hash: u64) -> u32 {
        let Some(index) = self.table.probably(hash) else { return NONE };
        prefetch(self.table.hot(index));
        index
    }

    #[inline]
    fn quick(&mut self, shared: &Shared, brief: &Brief, key: &K, now: u64) -> bool {
        let mut hot = self.table.hot_mut(brief.candidate);
        if hot.key != *key || hot.transport() != brief.transport {
            // Two keys may share the bits that the index compares; or the flow has ended meanwhile.
            let Some(index) = self.table.find(brief.hash, key, brief.transport) else { return false };
            hot = self.table.hot_mut(index);
        }
        hot.add_quickly(shared, brief, now)
    }
}

impl<K> Hot<K> {
    /// In the same step, so that its place in the list stays and no timeout can have passed; in the same active timeout, so
    /// that no report is due. (A flow that was reported while it was silent is past that, so it needs no look.)
    #[inline]
    fn keeps_its_place(&self, shared: &Shared, now: u64) -> bool {
        let last = self.last();
        if bucket(last) == bucket(now) {
            return true;
        }
        let class = Class::of(self);
        shared.idle.step(class, last) == shared.idle.step(class, now)
            && period(self, shared, last) == period(self, shared, now)
    }

    #[inline]
    fn add_quickly(&mut self, shared: &Shared, brief: &Brief, now: u64) -> bool {
        let at = brief.direction.index();
        // Heard from before, so that its class stays.
        let steady = self.is_watched() && self.packets[at] != 0 && self.keeps_its_place(shared, now);
        let in_order = brief.transport != Transport::TCP
            || self.state() == TcpState::Established && self.next_seq[at] == brief.seq;
        if !(steady && in_order) {
            return false;
        }
        let (Some(packets), Some(bytes), Some(payload)) = (
            self.packets[at].checked_add(1),
            self.bytes[at].checked_add(brief.ip_bytes),
            self.payload[at].checked_add(brief.payload),
        ) else {
            return false;
        };
        if offers(self.bytes[at], bytes, shared.offer_shift) {
            return false;
        }
        self.packets[at] = packets;
        self.bytes[at] = bytes;
        self.payload[at] = payload;
        if brief.transport == Transport::TCP {
            self.next_seq[at] = brief.seq.wrapping_add(brief.payload);
        }
        self.seen_at(now);
        true
    }
}
