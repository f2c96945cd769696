//! Where a worker's results go.

use offport_flow::{Flow, Session, Shunted};
use offport_policy::{Facts, Judgement};
use offport_wire::{FlowKey, Frame, Packet};

use crate::record::{Event, FlowRecord};
use crate::steering::Slots;

/// Takes what leaves a worker. Called on the packet path: implementations copy into a bounded ring, or count a
/// drop, and return.
pub trait Output {
    /// A flow at its end or at an active timeout.
    fn record(&mut self, record: &FlowRecord);

    /// A flagged flow, or the end of one.
    fn event(&mut self, event: &Event);

    /// A packet of a flow that another worker owns: a reassembled datagram, or one whose slot has just moved. False: there
    /// is no room, it is lost (and counted by the caller).
    fn hand_over(&mut self, worker: u16, datagram: HandOver<'_>) -> bool;

    /// The table that packets are steered by. `None`: there is one worker, or the card steers.
    fn slots(&self) -> Option<&dyn Slots> {
        None
    }

    /// A flow was judged: its first payload at that moment, and what the verdict stands on. For those who explain or
    /// describe it ([`crate::Opening::of`]); `flow` does not outlive the call.
    fn settled(&mut self, _flow: &Flow<'_>, _facts: &Facts, _judgement: &Judgement) {}

    /// A flow that was judged has broken a rule of its protocol, and is judged a second time: then its first payload is, of
    /// one side, what breaks the rule.
    fn found_out(&mut self, _flow: &Flow<'_>, _facts: &Facts, _judgement: &Judgement) {}

    /// A packet that is worth keeping ([`offport_flow::Keep`]), and the flow that it was counted to. Not those that came in
    /// fragments or from another worker: they have no frame.
    fn keep(&mut self, _frame: &Frame<'_>, _session: &Session) {}

    /// A flow has been seen enough of: is the kernel to count the rest of its packets and to hand up those only that
    /// open or close a connection, fragments and errors? False: it does not.
    fn shunt(&mut self, _key: &FlowKey) -> bool {
        false
    }

    /// What the kernel has counted of a shunted flow since the last call.
    fn shunted(&mut self, _key: &FlowKey) -> Shunted {
        Shunted::default()
    }

    /// A flow is to come up again as a whole, or is over. What the kernel has counted since the last call.
    fn release(&mut self, _key: &FlowKey) -> Shunted {
        Shunted::default()
    }

    /// A released flow of which the kernel counted a packet at that very moment. Asked at each tick, and at the end,
    /// until there is none.
    fn late(&mut self) -> Option<(FlowKey, Shunted)> {
        None
    }
}

/// A packet on its way to the worker that owns its flow, for `Worker::receive`.
///
/// The packet is whole but for `payload`, of which a carrier may keep the first [`HandOver::PAYLOAD`] bytes only.
#[derive(Clone, Copy, Debug)]
pub struct HandOver<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    /// Frames that it came in.
    pub frames: u32,
    /// The former worker of a slot that moves does not know its flow: it is the new one's.
    pub is_new: bool,
}

impl HandOver<'_> {
    /// Payload bytes that the receiving worker makes use of: the bound of first payloads.
    pub const PAYLOAD: usize = offport_flow::PAYLOAD_BOUND;
}

/// Where nobody listens.
impl Output for () {
    fn record(&mut self, _: &FlowRecord) {}

    fn event(&mut self, _: &Event) {}

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        false
    }
}
