//! Which packets are worth keeping: the beginning of every flow, and all of a flagged one up to a cap.
//!
//! Traffic is heavy-tailed: the first few KiB of each flow are most flows whole, at a small part of the bytes. A flow's own
//! totals tell how far it is, so nothing has to be remembered for this.

use offport_wire::{FlowId, FlowKey, Timestamp};

use crate::entry::{Hot, Stage, timestamp};
use crate::family::{Family, V6};
use crate::key::Key;
use crate::tracker::Tracker;
use crate::view::FlowIndex;

/// Bytes of a flow, both directions, IP total length, up to which its packets are kept: each packet that begins before them.
/// 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Of every flow.
    pub session: u32,
    /// Of one that is not judged yet, or watched: it may still be flagged, and then nothing of its beginning is missing.
    pub undecided: u32,
    /// Of a flagged one.
    pub flagged: u32,
}

/// Where not all of that can be kept: so many packets of every flow that is not flagged, those that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Of one that is not judged yet, or watched.
    pub undecided: u64,
    /// Of one that is judged.
    pub decided: u64,
}

impl Beginning {
    /// All.
    pub const ALL: Self = Self { undecided: u64::MAX, decided: u64::MAX };
}

/// The flow that a packet to be kept belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// Its key.
    pub key: FlowKey,
    /// Time of its first packet, microseconds.
    pub start: Timestamp,
    /// It is flagged by now.
    pub flagged: bool,
}

/// What became of a packet that was looked at briefly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quick {
    /// Nothing was done: it needs the long way.
    Refused,
    /// It was counted.
    Counted,
    /// It was counted, and is worth keeping.
    Kept(FlowIndex),
    /// It was counted, and would be worth keeping if it were one of those that its flow begins with.
    Spared,
}

impl Quick {
    /// The flow of a packet that is worth keeping.
    pub fn flow(self) -> Option<FlowIndex> {
        match self {
            Self::Kept(flow) => Some(flow),
            Self::Refused | Self::Counted | Self::Spared => None,
        }
    }
}

/// The least that an IP packet has.
const SMALLEST: u64 = 20;

impl Session {
    /// The flow's id.
    pub fn id(&self) -> FlowId {
        FlowId::new(self.start, &self.key)
    }
}

impl Keep {
    /// By [`Stage`], and flagged last.
    pub(crate) const fn limits(self) -> [u32; 4] {
        [self.session, self.undecided, self.session, self.flagged]
    }
}

impl<K> Hot<K> {
    /// Whether a packet of so many bytes, which is counted already, is to be kept.
    ///
    /// Totals are the low words of what they count. A flow that has gone round has more packets than its bytes could make; only
    /// of a flagged one a few MiB more may then be kept for every 4 GiB.
    #[inline(always)]
    pub(crate) fn keeps(&self, limits: &[u32; 4], stage: Stage, ip_bytes: u32) -> bool {
        let total = u64::from(self.bytes[0]) + u64::from(self.bytes[1]);
        let limit = limits[if self.flagged() { 3 } else { stage as usize }];
        total < u64::from(limit) + u64::from(ip_bytes)
            && (u64::from(self.packets[0]) + u64::from(self.packets[1])) * SMALLEST <= total
    }
}

impl<K> Hot<K> {
    #[inline(always)]
    pub(crate) fn is_beyond(&self, beginning: Beginning, stage: Stage) -> bool {
        let packets = match stage {
            Stage::Settled => beginning.decided,
            Stage::Silent | Stage::Undecided => beginning.undecided,
        };
        !self.flagged() && u64::from(self.packets[0]) + u64::from(self.packets[1]) > packets
    }
}

impl<K: Key> Family<K> {
    fn session(&self, index: u32) -> Session {
        let hot = self.table.hot(index);
        let key = hot.key.unpack(hot.transport());
        Session { key, start: timestamp(hot.start()), flagged: hot.flagged() }
    }

    /// The packet is counted already, and may have decided the flow.
    fn is_beyond(&self, index: u32, beginning: Beginning) -> bool {
        let hot = self.table.hot(index);
        hot.is_beyond(beginning, hot.stage())
    }

    /// After the long way.
    pub(crate) fn keeps(&self, limits: &[u32; 4], index: u32, ip_bytes: u32) -> Option<FlowIndex> {
        let hot = self.table.hot(index);
        hot.keeps(limits, hot.stage(), ip_bytes).then_some(FlowIndex(if K::V6 { index | V6 } else { index }))
    }
}

impl Tracker {
    /// A flow in the table; that of a packet that [`Quick`] says is to be kept.
    pub fn session(&self, FlowIndex(owner): FlowIndex) -> Session {
        match owner & V6 {
            0 => self.v4.session(owner),
            _ => self.v6.session(owner & !V6),
        }
    }

    /// Of flows that are not flagged only this is worth keeping, until something else is set.
    pub fn set_beginning(&mut self, beginning: Beginning) {
        self.shared.beginning = beginning;
    }

    /// The latest packet of [`Tracker::packet`], which was counted: [`Quick::Counted`], [`Quick::Kept`] or [`Quick::Spared`]. Asked
    /// once for each.
    pub fn kept(&mut self) -> Quick {
        let Some(FlowIndex(owner)) = self.shared.kept.take() else { return Quick::Counted };
        let beginning = self.shared.beginning;
        let is_beyond = match owner & V6 {
            0 => self.v4.is_beyond(owner, beginning),
            _ => self.v6.is_beyond(owner & !V6, beginning),
        };
        if is_beyond { Quick::Spared } else { Quick::Kept(FlowIndex(owner)) }
    }
}
