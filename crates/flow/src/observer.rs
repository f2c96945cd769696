//! What the table asks of, and tells, the stages after it.

use crate::state::End;
use crate::view::{Flow, Label};

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
}
