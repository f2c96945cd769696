//! Where a worker's results go.

use offport_flow::Flow;
use offport_policy::{Facts, Judgement};
use offport_wire::Packet;

use crate::record::{Event, FlowRecord};

/// Takes what leaves a worker. Called on the packet path: implementations copy into a bounded ring, or count a
/// drop, and return.
pub trait Output {
    /// A flow at its end or at an active timeout.
    fn record(&mut self, record: &FlowRecord);

    /// A flagged flow, or the end of one.
    fn event(&mut self, event: &Event);

    /// A reassembled datagram of a flow that another worker owns. False: there is no room, it is lost (and
    /// counted by the caller).
    fn hand_over(&mut self, worker: u16, datagram: HandOver<'_>) -> bool;

    /// A flow was judged: its first payload at that moment, and what the verdict stands on. For tools that explain;
    /// `flow` does not outlive the call.
    fn settled(&mut self, _flow: &Flow<'_>, _facts: &Facts, _judgement: &Judgement) {}
}

/// A reassembled datagram on its way to the worker that owns its flow, for `Worker::receive`.
///
/// The packet is whole but for `payload`, of which a carrier may keep the first [`HandOver::PAYLOAD`] bytes only.
#[derive(Clone, Copy, Debug)]
pub struct HandOver<'a> {
    /// The datagram.
    pub packet: Packet<'a>,
    /// Frames that it came in.
    pub frames: u32,
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
