//! The short path: a packet that changes no more of its flow than totals.
//!
//! Most packets belong to a connection that is open and judged, and come in order. For them a [`Brief`] is enough: what
//! such a flow needs of a packet. It is a third of a packet's size and never passes through one, and a batch of them
//! is looked up before any is counted, so that the cache misses overlap.

use arrayvec::ArrayVec;
use offport_wire::{Direction, FlowKey, Plain, Sight, TcpFlags, Transport};

use crate::class::Class;
use crate::count::offers;
use crate::entry::{Hot, OPEN, SETTLED, STATUS, STATUS_OF_TCP, Stage};
use crate::family::{Family, V6, period};
use crate::keep::Quick;
use crate::key::{Key, PackedV4, PackedV6};
use crate::memory::prefetch;
use crate::pool::NONE;
use crate::shared::{Shared, passed};
use crate::table::{COARSE, bucket};
use crate::tracker::Tracker;
use crate::view::FlowIndex;

/// Packets that are looked up before the first of them is counted.
pub const CHUNK: usize = 32;

/// What the short path needs of the packets of up to [`CHUNK`] frames.
#[derive(Debug, Default)]
pub struct Briefs {
    all: ArrayVec<Brief, CHUNK>,
    /// Keys of IPv6: apart, so that a brief is small.
    v6: ArrayVec<PackedV6, CHUNK>,
}

/// What the short path needs of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Brief {
    hash: u64,
    key: PackedV4,
    /// Where its flow probably is; [`WANTED`] until that is looked up; [`NONE`]: nowhere, or it is of no flow.
    candidate: u32,
    /// 0 for UDP, as in its flow.
    seq: u32,
    /// How far the sequence number moves on.
    advance: u32,
    ip_bytes: u32,
    payload: u32,
    transport: Transport,
    /// Of [`Hot::status`]: what has to be as in `status`.
    mask: u8,
    status: u8,
    direction: Direction,
    /// Which of the keys of IPv6; [`V4`]: none.
    v6: u8,
}

/// No status is as in [`NEVER`] where this says.
const NOTHING: u8 = 0;
const NEVER: u8 = 1;

/// No flow's place.
const WANTED: u32 = NONE - 1;
/// No key's.
const V4: u8 = u8::MAX;

/// What was found out of a packet's flow ahead of the packet: [`Brief::hint`].
#[derive(Clone, Copy, Debug)]
pub struct Hint {
    pub(crate) hash: u64,
    /// Where it probably is, or [`NONE`].
    pub(crate) candidate: u32,
}

/// The time of a packet, after [`Tracker::pass_time`]. In microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Moment(pub(crate) u64);

impl Brief {
    /// Of a frame that must not take the short path.
    const NONE: Self = Self {
        hash: 0,
        key: PackedV4::NONE,
        candidate: NONE,
        seq: 0,
        advance: 0,
        ip_bytes: 0,
        payload: 0,
        transport: Transport(0),
        mask: NOTHING,
        status: NEVER,
        direction: Direction::LowToHigh,
        v6: V4,
    };

    /// For [`Tracker::packet`]. `None` if a glance was not enough.
    pub fn hint(&self) -> Option<Hint> {
        let Self { hash, candidate, transport, .. } = *self;
        (transport != Self::NONE.transport).then_some(Hint { hash, candidate })
    }
}

/// Pushes what a glance sees.
#[derive(Debug)]
pub struct Push<'a> {
    briefs: &'a mut Briefs,
    tracker: &'a Tracker,
}

impl Sight for Push<'_> {
    type Result = ();

    #[inline(always)]
    fn seen(self, plain: &Plain) {
        self.briefs.push(self.tracker, plain);
    }
}

impl Briefs {
    /// For a glance at the next frame, to see its flow in that tracker.
    #[inline(always)]
    pub const fn and<'a>(&'a mut self, tracker: &'a Tracker) -> Push<'a> {
        Push { briefs: self, tracker }
    }

    /// A frame of which a glance is enough. Has the memory fetched where its flow will be looked for.
    ///
    /// # Panics
    /// When there are [`CHUNK`] already.
    #[inline(always)]
    pub fn push(&mut self, tracker: &Tracker, plain: &Plain) {
        let brief = self.brief(tracker, plain);
        self.all.push(brief);
    }

    /// A frame that needs more than a glance.
    ///
    /// # Panics
    /// When there are [`CHUNK`] already.
    pub fn push_none(&mut self) {
        self.all.push(Brief::NONE);
    }

    /// In the order of the frames.
    pub fn iter(&self) -> impl Iterator<Item = &Brief> {
        self.all.iter()
    }

    #[inline(always)]
    fn brief(&mut self, tracker: &Tracker, plain: &Plain) -> Brief {
        const OPENS_OR_ENDS: u8 = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
        let transport = plain.key.transport();
        let (key, hash, v6) = match &plain.key {
            FlowKey::V4(key) => {
                let key = PackedV4::from(key);
                let hash = key.hash(transport, &tracker.shared.hasher);
                tracker.v4.table.fetch(hash);
                (key, hash, V4)
            }
            FlowKey::V6(key) => {
                let key = PackedV6::from(key);
                let hash = key.hash(transport, &tracker.shared.hasher);
                tracker.v6.table.fetch(hash);
                let number = self.v6.len() as u8;
                self.v6.push(key);
                (PackedV4::NONE, hash, number)
            }
        };
        let is_tcp = transport == Transport::TCP;
        let (mask, status) = match is_tcp {
            true if plain.flags.0 & OPENS_OR_ENDS != 0 => (NOTHING, NEVER),
            true => (STATUS_OF_TCP, OPEN),
            false => (STATUS, SETTLED),
        };
        Brief {
            hash,
            key,
            candidate: WANTED,
            seq: plain.seq,
            advance: if is_tcp { plain.payload_len } else { 0 },
            ip_bytes: plain.ip_bytes,
            payload: plain.payload_len,
            transport,
            mask,
            status,
            direction: plain.direction,
            v6,
        }
    }
}

impl Tracker {
    /// Looks for the flows and has their memory fetched.
    #[inline(never)]
    pub fn look_ahead(&self, briefs: &mut Briefs) {
        // With timeouts shorter than the steps that the short path compares, any packet may be the first of a new flow.
        if self.shared.idle.shortest < COARSE {
            briefs.all.iter_mut().for_each(|brief| (brief.mask, brief.status) = (NOTHING, NEVER));
        }
        for brief in &mut briefs.all {
            if brief.candidate == WANTED {
                brief.candidate = match brief.v6 {
                    V4 => self.v4.look_ahead(brief.hash),
                    _ => self.v6.look_ahead(brief.hash),
                };
            }
        }
    }

    /// Counts a packet of `briefs`, if that is all there is to do; else [`Tracker::packet`] must.
    #[inline(always)]
    pub fn quick(&mut self, briefs: &Briefs, brief: &Brief, Moment(now): Moment) -> Quick {
        if brief.candidate == NONE {
            return Quick::Refused;
        }
        match brief.v6 {
            V4 => self.v4.quick(&self.shared, brief, &brief.key, now),
            number => self.quick_v6(briefs, brief, number, now),
        }
    }

    // By itself, so that the registers are IPv4's.
    #[inline(never)]
    fn quick_v6(&mut self, briefs: &Briefs, brief: &Brief, number: u8, now: u64) -> Quick {
        let Some(key) = briefs.v6.get(usize::from(number)) else { return Quick::Refused };
        self.v6.quick(&self.shared, brief, key, now)
    }
}

impl<K: Key> Family<K> {
    #[inline]
    fn look_ahead(&self, hash: u64) -> u32 {
        let Some(index) = self.table.probably(hash) else { return NONE };
        prefetch(self.table.hot(index));
        index
    }

    #[inline(always)]
    fn quick(&mut self, shared: &Shared, brief: &Brief, key: &K, now: u64) -> Quick {
        let hot = self.table.hot(brief.candidate);
        if hot.key == *key && hot.transport() == brief.transport {
            self.add(shared, brief.candidate, brief, now)
        } else {
            self.find_and_add(shared, brief, key, now)
        }
    }

    /// Two keys may share the bits that the index compares; or the flow has ended meanwhile.
    #[cold]
    #[inline(never)]
    fn find_and_add(&mut self, shared: &Shared, brief: &Brief, key: &K, now: u64) -> Quick {
        let Some(index) = self.table.find(brief.hash, key, brief.transport) else { return Quick::Refused };
        self.add(shared, index, brief, now)
    }

    #[inline(always)]
    fn add(&mut self, shared: &Shared, index: u32, brief: &Brief, now: u64) -> Quick {
        let hot = self.table.hot(index);
        if !hot.is_steady(brief) || bucket(hot.last()) != bucket(now) && !self.goes_on(shared, index, now) {
            return Quick::Refused;
        }
        let hot = self.table.hot_mut(index);
        if !hot.add_quickly(shared, brief, now) {
            return Quick::Refused;
        }
        match hot.keeps(&shared.keep, Stage::Settled, brief.ip_bytes) {
            false => Quick::Counted,
            true if hot.is_beyond(shared.beginning, Stage::Settled) => Quick::Spared,
            true => Quick::Kept(FlowIndex(if K::V6 { index | V6 } else { index })),
        }
    }

    /// Whether a flow's latest packet is near enough for its next to be only counted: no timeout has passed, and no report
    /// is due, which is so in the same active timeout. (A flow that was reported while it was silent is past that, so it
    /// needs no look.) If the packet is in another step, the flow is moved to the end of its list.
    #[cold]
    #[inline(never)]
    fn goes_on(&mut self, shared: &Shared, index: u32, now: u64) -> bool {
        let hot = self.table.hot(index);
        let (class, last) = (Class::of(hot), hot.last());
        if passed(last, now, shared.idle.of(class)) || period(hot, shared, last) != period(hot, shared, now) {
            return false;
        }
        if shared.idle.step(class, last) != shared.idle.step(class, now) {
            self.table.touch(index);
        }
        true
    }
}

impl<K> Hot<K> {
    /// Settled, and counted here; heard from before, so that its class stays; TCP is open and goes on where it was.
    #[inline(always)]
    fn is_steady(&self, brief: &Brief) -> bool {
        let at = brief.direction.index();
        self.status() & brief.mask == brief.status
            && self.next_seq[at] == brief.seq
            && self.packets[at] != 0
            && !self.is_adrift()
    }

    /// False: a count would run over, or the flow has grown by another step.
    #[inline(always)]
    fn add_quickly(&mut self, shared: &Shared, brief: &Brief, now: u64) -> bool {
        let at = brief.direction.index();
        let (packets, carry) = self.packets[at].overflowing_add(1);
        let (bytes, carry_of_bytes) = self.bytes[at].overflowing_add(brief.ip_bytes);
        let (payload, carry_of_payload) = self.payload[at].overflowing_add(brief.payload);
        if carry | carry_of_bytes | carry_of_payload | offers(self.bytes[at], bytes, shared.offer_shift) {
            return false;
        }
        self.packets[at] = packets;
        self.bytes[at] = bytes;
        self.payload[at] = payload;
        self.next_seq[at] = brief.seq.wrapping_add(brief.advance);
        self.seen_at(now);
        true
    }
}
