//! The order of packets of a connection.
//!
//! A worker takes packets in batches, one socket after the other, and a batch has one time. Where the two directions of a flow come
//! by different queues, the answers can so stand before what they answer, with the same time or an earlier one: the SYN-ACK was read
//! after the SYN's queue had been found empty. TCP tells the order: what is acknowledged was sent before. Within a direction the
//! order is that of its queue.

use offport_wire::{Direction, Frame, LinkType, Parsed, TcpHeader, Timestamp, TransportHeader, parse};

use super::pcapng::StoredPacket;

/// How much later than its answer a packet may have been read: a worker that had to wait for its core. Nanoseconds.
const LATE: u64 = 100_000_000;

/// What the order of a packet depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// When it was read, nanoseconds.
    time: u64,
    direction: usize,
    /// It opens a connection: nothing is before it.
    opens: bool,
    /// Up to where it acknowledges the other direction.
    ack: Option<u32>,
    /// Where it is in its own direction's stream.
    begin: u32,
    /// Where the stream goes on behind it.
    end: u32,
}

impl Step {
    /// `None`: not TCP, or not to be told.
    pub(crate) fn of(packet: &StoredPacket<'_>) -> Option<Self> {
        let time = packet.time;
        let frame = Frame {
            bytes: packet.bytes,
            link: LinkType::Ethernet,
            wire_len: packet.wire_len,
            time: Timestamp::from_nanos(packet.time),
            interface: 0,
        };
        let Ok(Parsed::Packet(packet)) = parse(&frame) else { return None };
        let TransportHeader::Tcp(tcp) = packet.transport else { return None };
        Some(Self::new(time, packet.direction, tcp, packet.payload_len))
    }

    fn new(time: u64, direction: Direction, tcp: TcpHeader, payload: u32) -> Self {
        let (syn, fin) = (tcp.flags.syn(), tcp.flags.fin());
        Self {
            time,
            direction: direction.index(),
            opens: syn && !tcp.flags.ack(),
            ack: tcp.flags.ack().then_some(tcp.ack),
            begin: tcp.seq,
            end: tcp.seq.wrapping_add(payload).wrapping_add(u32::from(syn)).wrapping_add(u32::from(fin)),
        }
    }

    /// It acknowledges more than the other direction has sent, as far as that is known.
    fn waits_for(&self, sent: Option<u32>) -> bool {
        match (self.ack, sent) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(ack), Some(sent)) => is_behind(ack, sent),
        }
    }

    /// It acknowledges something of `other`, or what is sent only after it.
    fn acknowledges(&self, other: &Self) -> bool {
        self.ack.is_some_and(|ack| is_behind(ack, other.begin))
    }
}

/// Sequence numbers run over (RFC 9293, section 3.4).
fn is_behind(number: u32, other: u32) -> bool {
    (number.wrapping_sub(other) as i32) > 0
}

/// The order of a connection's packets, as positions in `steps`, which are in the order of their times.
pub(crate) fn order(steps: &[Step]) -> Vec<usize> {
    Sent::default().order(steps)
}

/// How far each direction of a connection has got.
#[derive(Clone, Copy, Debug, Default)]
struct Sent([Option<u32>; 2]);

impl Sent {
    /// A packet whose place is settled.
    fn pass(&mut self, step: &Step) {
        let sent = &mut self.0[step.direction];
        *sent = match *sent {
            Some(before) if !is_behind(step.end, before) => Some(before),
            _ => Some(step.end),
        };
    }

    fn order(&mut self, steps: &[Step]) -> Vec<usize> {
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

    fn first_of(&self, steps: &[Step], heads: [usize; 2]) -> usize {
        let [low, high] = heads.map(|at| &steps[at]);
        if low.time == high.time {
            if low.opens != high.opens {
                return usize::from(high.opens);
            }
            return match (low.waits_for(self.0[1]), high.waits_for(self.0[0])) {
                (true, false) => 1,
                (false, true) => 0,
                // As they were read.
                _ => usize::from(heads[1] < heads[0]),
            };
        }
        let (early, late) = if low.time < high.time { (low, high) } else { (high, low) };
        let sent = self.0[late.direction];
        let answers = early.waits_for(sent) && early.acknowledges(late);
        match late.time - early.time <= LATE && (answers || late.opens && sent.is_none() && !early.opens) {
            true => late.direction,
            false => early.direction,
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

    /// A short connection in the order in which it happened, a packet each 10 µs.
    fn conversation() -> Vec<Step> {
        let mut time = 0;
        let mut step = |from_low: bool, flags: u8, seq: u32, ack: u32, payload: u32| {
            let direction = if from_low { Direction::LowToHigh } else { Direction::HighToLow };
            // Sequence numbers that run over.
            let [seq, ack] = [seq, ack].map(|number| number.wrapping_add(u32::MAX - 500));
            time += 10_000;
            let tcp = TcpHeader { seq, ack, flags: TcpFlags(flags), mp_join: false };
            Step::new(time, direction, tcp, payload)
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

    /// The order of what a worker has read, and with which times.
    fn ordered(mut read: Vec<Step>) -> Vec<u64> {
        read.sort_by_key(|step| step.time);
        order(&read).into_iter().map(|at| u64::from(read[at].end) << 32 | u64::from(read[at].begin)).collect()
    }

    fn happened(steps: &[Step]) -> Vec<u64> {
        steps.iter().map(|step| u64::from(step.end) << 32 | u64::from(step.begin)).collect()
    }

    #[test]
    fn what_is_acknowledged_was_sent_before() {
        let conversation = conversation();
        for low_first in [true, false] {
            for cut in 0..conversation.len() {
                // The first packets came at other moments; of the rest one queue was read before the other.
                let (before, batch) = conversation.split_at(cut);
                let mut batch = batch.to_vec();
                batch.iter_mut().for_each(|step| step.time = 1_000_000);
                batch.sort_by_key(|step| (step.direction == 0) != low_first);
                let read = before.iter().copied().chain(batch).collect();
                assert_eq!(ordered(read), happened(&conversation), "low first: {low_first}, cut at {cut}");
            }
        }
    }

    #[test]
    fn a_queue_that_is_read_later_changes_nothing() {
        let conversation = conversation();
        for direction in [0, 1] {
            for late in [1, 10_001, 55_000, 1_000_000, LATE / 2] {
                for begin in 0..conversation.len() {
                    let mut read = conversation.clone();
                    let of_it = read[begin..].iter_mut().filter(|step| step.direction == direction);
                    of_it.for_each(|step| step.time += late);
                    let late = format!("{direction} is {late} ns late from {begin} on");
                    assert_eq!(ordered(read), happened(&conversation), "{late}");
                }
            }
        }
    }

    #[test]
    fn what_was_not_kept_moves_nothing() {
        // The answer to data that was lost on the way to the tap, and what the other side sends next.
        let mut read = conversation();
        read.remove(3);
        let times: Vec<u64> = order(&read).into_iter().map(|at| read[at].time).collect();
        assert!(times.is_sorted(), "{times:?}");
    }

    #[test]
    fn every_packet_stays() {
        let mut conversation = conversation();
        conversation.extend(conversation.clone());
        conversation.reverse();
        let mut order = order(&conversation);
        order.sort_unstable();
        assert_eq!(order, (0..conversation.len()).collect::<Vec<_>>());
    }
}
