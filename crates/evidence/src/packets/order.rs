//! The order of packets that were received at the same moment.
//!
//! A worker takes packets in batches, one socket after the other, and a batch has one time. Where the two directions of a flow come
//! by different queues, the answers can so stand before what they answer, the SYN-ACK before the SYN. TCP tells the order: what is
//! acknowledged was sent before. Within a direction the order is that of its queue.

use offport_wire::{Direction, Frame, LinkType, Parsed, TcpHeader, Timestamp, TransportHeader, parse};

use super::pcapng::StoredPacket;

/// What the order of a packet depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    direction: usize,
    /// It opens a connection: nothing is before it.
    opens: bool,
    /// Up to where it acknowledges the other direction.
    ack: Option<u32>,
    /// Where its own direction's stream goes on behind it.
    end: u32,
}

impl Step {
    /// `None`: not TCP, or not to be told.
    pub(crate) fn of(packet: &StoredPacket<'_>) -> Option<Self> {
        let frame = Frame {
            bytes: packet.bytes,
            link: LinkType::Ethernet,
            wire_len: packet.wire_len,
            time: Timestamp::from_nanos(packet.time),
            interface: 0,
        };
        let Ok(Parsed::Packet(packet)) = parse(&frame) else { return None };
        let TransportHeader::Tcp(tcp) = packet.transport else { return None };
        Some(Self::new(packet.direction, tcp, packet.payload_len))
    }

    fn new(direction: Direction, tcp: TcpHeader, payload: u32) -> Self {
        let (syn, fin) = (tcp.flags.syn(), tcp.flags.fin());
        Self {
            direction: direction.index(),
            opens: syn && !tcp.flags.ack(),
            ack: tcp.flags.ack().then_some(tcp.ack),
            end: tcp.seq.wrapping_add(payload).wrapping_add(u32::from(syn)).wrapping_add(u32::from(fin)),
        }
    }

    /// It acknowledges more than the other direction has sent, as far as that is known.
    fn waits_for(&self, sent: Option<u32>) -> bool {
        match (self.ack, sent) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(ack), Some(sent)) => (ack.wrapping_sub(sent) as i32) > 0,
        }
    }
}

/// How far each direction of a connection has got.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent([Option<u32>; 2]);

impl Sent {
    /// A packet whose place is settled.
    pub(crate) fn pass(&mut self, step: &Step) {
        let sent = &mut self.0[step.direction];
        *sent = match *sent {
            Some(before) if step.end.wrapping_sub(before) as i32 <= 0 => Some(before),
            _ => Some(step.end),
        };
    }

    /// The order of packets of the same moment, as positions in `steps`.
    pub(crate) fn order(&mut self, steps: &[Step]) -> Vec<usize> {
        let mut queues = [0, 1].map(|direction| {
            let of_it = steps.iter().enumerate().filter(|(_, step)| step.direction == direction);
            of_it.map(|(at, _)| at).collect::<Vec<_>>().into_iter().peekable()
        });
        let mut order = Vec::with_capacity(steps.len());
        loop {
            let heads = [queues[0].peek().copied(), queues[1].peek().copied()];
            let next = match heads {
                [None, None] => break,
                [Some(_), None] => 0,
                [None, Some(_)] => 1,
                [Some(low), Some(high)] => self.first_of(steps, [low, high]),
            };
            let Some(at) = queues[next].next() else { break };
            self.pass(&steps[at]);
            order.push(at);
        }
        order
    }

    fn first_of(&self, steps: &[Step], [low, high]: [usize; 2]) -> usize {
        let (one, other) = (&steps[low], &steps[high]);
        if one.opens != other.opens {
            return usize::from(other.opens);
        }
        match (one.waits_for(self.0[1]), other.waits_for(self.0[0])) {
            (true, false) => 1,
            (false, true) => 0,
            // As they were read.
            _ => usize::from(high < low),
        }
    }
}

#[cfg(test)]
mod tests {
    use offport_wire::TcpFlags;

    use super::*;

    const SYN: u8 = TcpFlags::SYN;
    const ACK: u8 = TcpFlags::ACK;
    const FIN: u8 = TcpFlags::FIN;

    /// A short connection in the order in which it happened.
    fn conversation() -> Vec<Step> {
        let step = |from_low: bool, flags: u8, seq: u32, ack: u32, payload: u32| {
            let direction = if from_low { Direction::LowToHigh } else { Direction::HighToLow };
            // Sequence numbers that run over.
            let [seq, ack] = [seq, ack].map(|number| number.wrapping_add(u32::MAX - 500));
            Step::new(direction, TcpHeader { seq, ack, flags: TcpFlags(flags), mp_join: false }, payload)
        };
        vec![
            step(true, SYN, 0, 0, 0),
            step(false, SYN | ACK, 0, 1, 0),
            step(true, ACK, 1, 1, 0),
            step(true, ACK, 1, 1, 400),
            step(false, ACK, 1, 401, 0),
            step(false, ACK, 1, 401, 1_000),
            step(true, ACK, 401, 1_001, 0),
            step(true, ACK | FIN, 401, 1_001, 0),
            step(false, ACK | FIN, 1_001, 402, 0),
            step(true, ACK, 402, 1_002, 0),
        ]
    }

    #[test]
    fn what_is_acknowledged_was_sent_before() {
        let conversation = conversation();
        for low_first in [true, false] {
            for cut in 0..conversation.len() {
                // The first packets came at other moments; of the rest one queue was read before the other.
                let (before, batch) = conversation.split_at(cut);
                let mut mixed = batch.to_vec();
                mixed.sort_by_key(|step| (step.direction == 0) != low_first);
                let mut sent = Sent::default();
                before.iter().for_each(|step| sent.pass(step));
                let order = sent.order(&mixed);
                let ordered: Vec<Step> = order.into_iter().map(|at| mixed[at]).collect();
                assert_eq!(ordered, batch, "low first: {low_first}, cut at {cut}");
            }
        }
    }

    #[test]
    fn every_packet_stays() {
        let mut conversation = conversation();
        conversation.extend(conversation.clone());
        conversation.reverse();
        let mut order = Sent::default().order(&conversation);
        order.sort_unstable();
        assert_eq!(order, (0..conversation.len()).collect::<Vec<_>>());
    }
}
