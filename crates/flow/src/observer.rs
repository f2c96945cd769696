//! What the table asks of, and tells, the stages after it.

use offport_wire::{Direction, FlowKey, Timestamp};

use crate::state::End;
use crate::view::{Flow, FlowIndex, Label, Watch};

/// The stages after the flow table.
///
/// A flow with payload is settled exactly once, by [`Observer::examine`] or by [`Observer::conclude`]; a flow
/// without payload never. Every flow ends exactly once, settled before if it had payload.
pub trait Observer {
    /// The assembled payload of an undecided flow has grown. `None`: more is needed.
    fn examine(&mut self, flow: &Flow<'_>) -> Option<Settlement>;

    /// The bound, the packets or the time of an undecided flow are spent, or it is over: the last word.
    fn conclude(&mut self, flow: &Flow<'_>) -> Settlement;

    /// The active timeout of a flow that goes on has passed; totals so far. What comes back replaces what a settled
    /// flow was given; its first payload is gone by then, unless it was flagged before.
    fn interim(&mut self, flow: &Flow<'_>) -> Option<Settlement>;

    /// A flow is over. Its label can be freed.
    fn ended(&mut self, flow: &Flow<'_>, end: End);

    /// A flow that is watched ([`Settlement::watch`]) has sent more payload.
    fn follow(&mut self, _flow: &Flow<'_>, _watch: Watch, _payload: Payload<'_>) -> Followed {
        Followed::Done(None)
    }

    /// A flow is about to be watched. If another one made room for it: which, and its watch.
    fn watched(&mut self, _watch: Watch, _flow: FlowIndex) -> Option<(FlowIndex, Watch)> {
        None
    }

    /// The flows that make room next after this one, the nearer one first: what is known of them is fetched ahead.
    fn next_to_make_room(&self, _watch: Watch) -> [Option<FlowIndex>; 2] {
        [None; 2]
    }

    /// A flow is no longer watched: it is over, it has made room for another, or [`Observer::follow`] has said so.
    fn unwatch(&mut self, _watch: Watch) {}

    /// A settled flow of TCP or UDP has grown by [`crate::Config::offer_step`]: may the kernel count the rest of it? If
    /// so, from now on few packets of it come here, and its numbers come by [`Observer::shunted`], until
    /// [`Observer::release`].
    fn shunt(&mut self, _flow: &Flow<'_>) -> bool {
        false
    }

    /// What the kernel has counted of a shunted flow since the last call.
    fn shunted(&mut self, _key: &FlowKey) -> Shunted {
        Shunted::default()
    }

    /// A flow is no longer to be shunted: all of its packets are to come here again. What the kernel has counted since
    /// the last call. What it counts while this goes on may come later, to [`crate::Tracker::add_late`].
    fn release(&mut self, _key: &FlowKey) -> Shunted {
        Shunted::default()
    }
}

/// Payload of a packet of a watched flow.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// Who sent it.
    pub direction: Direction,
    /// TCP: where it begins in the direction's stream, whose first byte is 0. What lies before that is cut off. UDP: 0.
    pub offset: u32,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length as the headers give it.
    pub len: u32,
    /// TCP: up to where it acknowledges the other direction's stream (FIN counts as a byte). UDP: 0.
    pub acked: u32,
}

/// What becomes of a watched flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is watched on.
    GoOn,
    /// It is not watched any more, and settled anew if something came of it.
    Done(Option<Settlement>),
}

/// What the kernel has counted of a flow, by [`offport_wire::Direction::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shunted {
    /// Packets.
    pub packets: [u64; 2],
    /// Bytes: IP total length.
    pub bytes: [u64; 2],
    /// Payload bytes.
    pub payload: [u64; 2],
    /// When the latest of the packets came.
    pub last: Timestamp,
}

impl Shunted {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        (self.packets, self.bytes, self.payload) == ([0; 2], [0; 2], [0; 2])
    }
}

/// The end of identification for one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Given back with the flow from now on.
    pub label: Option<Label>,
    /// Keep the first payload until the flow ends, and never evict the flow.
    pub flagged: bool,
    /// The guess who is the client was wrong: [`Flow::swapped`] is how it is seen from now on.
    pub swap_roles: bool,
    /// All of its payload is to be seen, from the packet on that settled it: by [`Observer::follow`], till that or
    /// [`Observer::unwatch`] ends it. Not for flows that were settled before.
    pub watch: Option<Watch>,
}
