//! What one packet adds to its flow: state, totals, first payload.

use offport_wire::{Packet, TcpFlags, TcpHeader, TransportHeader};

use crate::class::Class;
use crate::connection::{opens, track_sctp, track_tcp};
use crate::entry::{Cold, Hot, Stage};
use crate::extra::{Extra, before};
use crate::family::{Family, period};
use crate::key::Key;
use crate::observer::{Followed, Observer, Payload};
use crate::shared::Shared;
use crate::stream::{MAX_PADDING, Progress, Segment};
use crate::table::bucket;
use crate::view::Watch;

impl<K: Key> Family<K> {
    pub(crate) fn count(
        &mut self,
        shared: &mut Shared,
        index: u32,
        packet: &Packet<'_>,
        now: u64,
        observer: &mut impl Observer,
    ) {
        let (hot, cold) = self.table.entry_mut(index);
        let moved =
            bucket(hot.last()) != bucket(now) && period(hot, shared, hot.last()) != period(hot, shared, now);
        let class = Class::of(hot);
        let stale = shared.idle.step(class, hot.last()) != shared.idle.step(class, now);
        let anchor = match packet.transport {
            TransportHeader::Tcp(tcp) => track_tcp(hot, cold, shared, packet, tcp),
            TransportHeader::Sctp { init, end } => {
                track_sctp(hot, cold, packet, init, end);
                None
            }
            _ => None,
        };
        hot.seen_at(now);
        let grown = total(hot, cold, shared, packet);
        // A report implies that an active timeout has passed since the latest packet, so that most packets need not ask.
        if moved {
            cold.set_reported(false);
        }
        let carries = packet.payload_len > 0 && hot.transport().has_ports();
        match hot.stage() {
            Stage::Settled if grown => self.offer(shared, index, observer),
            Stage::Settled => {}
            Stage::Silent if !carries => {}
            Stage::Silent => {
                if shared.begin(cold, Self::owner(index), packet.direction, now).is_some() {
                    hot.set_stage(Stage::Undecided);
                    place_streams(hot, cold, shared, packet, anchor);
                    self.assemble(shared, index, packet, observer);
                }
            }
            Stage::Undecided if cold.watched() => self.follow(shared, index, packet, observer),
            Stage::Undecided => self.assemble(shared, index, packet, observer),
        }
        if stale || class != Class::of(self.table.hot(index)) {
            self.table.touch(index);
        }
    }

    /// Adds a packet to the first payload of its direction and asks what it is, if there is more to see.
    fn assemble(
        &mut self,
        shared: &mut Shared,
        index: u32,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) {
        let (hot, cold) = self.table.entry_mut(index);
        let gap_packets = shared.gap_packets;
        let Some(assembly) = shared.assembly(cold) else { return };
        let stream = &mut assembly.streams[packet.direction.index()];
        let mut progress = match packet.transport {
            TransportHeader::Tcp(tcp) => tcp_progress(stream, hot.midstream(), packet, tcp, gap_packets),
            _ => stream.datagram(packet.payload, packet.payload_len),
        };
        if let TransportHeader::Tcp(tcp) = packet.transport
            && tcp.flags.fin()
        {
            let fin = tcp.seq.wrapping_add(packet.payload_len).wrapping_add(opens(tcp).into());
            progress.changed |= stream.finish(fin).changed;
        }
        // Who padded an acknowledgement has not spoken: not before the other side, if that has.
        if progress.was_padding && !assembly.streams[packet.direction.reverse().index()].is_empty() {
            assembly.first = packet.direction.reverse();
        }
        let due = assembly.is_due(packet, progress.changed);
        let both_closed = assembly.streams.iter().all(|stream| stream.is_closed());
        let spent = assembly.packets >= shared.payload_packets || both_closed;
        if progress.start_lost {
            hot.set_midstream(true);
        }
        shared.counters.gaps += u64::from(progress.gap);
        if due && let Some(settlement) = observer.examine(&shared.view(hot, cold)) {
            self.settle(shared, index, settlement, observer);
        } else if spent {
            self.conclude(shared, index, observer);
        }
        // A segment that settled it may hold more than was kept of it.
        if self.table.cold(index).watched() && matches!(packet.transport, TransportHeader::Tcp(_)) {
            self.follow(shared, index, packet, observer);
        }
    }

    /// Shows a packet of a watched flow.
    fn follow(&mut self, shared: &mut Shared, index: u32, packet: &Packet<'_>, observer: &mut impl Observer) {
        let (hot, cold) = self.table.entry_mut(index);
        let Some(extra) = shared.extras.get(cold.extra) else { return };
        if let TransportHeader::Tcp(tcp) = packet.transport
            && may_be_padding(packet, tcp)
        {
            return;
        }
        let Some(payload) = payload(packet, extra.bases) else { return };
        let followed = observer.follow(&shared.view(hot, cold), Watch(extra.watch), payload);
        if let Followed::Done(settlement) = followed {
            self.unwatch(shared, index, observer);
            if let Some(settlement) = settlement {
                self.settle(shared, index, settlement, observer);
            }
        }
    }
}

/// What a packet brings of its direction's stream, where the streams start at `bases`.
fn payload<'a>(packet: &Packet<'a>, bases: [u32; 2]) -> Option<Payload<'a>> {
    let (direction, mut bytes, mut len) = (packet.direction, packet.payload, packet.payload_len);
    let [base, other] = [direction, direction.reverse()].map(|direction| bases[direction.index()]);
    let (mut offset, mut acked) = (0, 0);
    if let TransportHeader::Tcp(tcp) = packet.transport {
        if tcp.flags.ack() && !before(tcp.ack, other) {
            acked = tcp.ack.wrapping_sub(other);
        }
        let seq = tcp.seq.wrapping_add(opens(tcp).into());
        if before(seq, base) {
            let known = base.wrapping_sub(seq);
            bytes = bytes.get(known as usize..).unwrap_or_default();
            len = len.saturating_sub(known);
        } else {
            offset = seq.wrapping_sub(base);
        }
    }
    (len > 0).then_some(Payload { direction, offset, bytes, len, acked })
}

fn tcp_progress(
    stream: &mut crate::stream::Stream,
    midstream: bool,
    packet: &Packet<'_>,
    tcp: TcpHeader,
    gap_packets: u8,
) -> Progress {
    if opens(tcp) {
        stream.anchor(tcp.seq.wrapping_add(1));
    }
    let segment = Segment {
        seq: tcp.seq.wrapping_add(opens(tcp).into()),
        data: packet.payload,
        len: packet.payload_len,
        may_be_probe: midstream && packet.payload_len == 1 && tcp.flags.0 & TcpFlags::PSH == 0,
        may_be_padding: may_be_padding(packet, tcp),
    };
    stream.segment(segment, gap_packets)
}

/// See [`MAX_PADDING`].
fn may_be_padding(packet: &Packet<'_>, tcp: TcpHeader) -> bool {
    const LOUD: u8 = TcpFlags::FIN | TcpFlags::RST | TcpFlags::PSH;
    tcp.flags.0 & LOUD == 0
        && packet.payload.len() <= MAX_PADDING
        && packet.payload_len as usize == packet.payload.len()
        && packet.payload.iter().all(|&byte| byte == 0)
}

/// Tells new streams where they start, as far as the packets before the first payload told.
fn place_streams<K>(
    hot: &Hot<K>,
    cold: &Cold,
    shared: &mut Shared,
    packet: &Packet<'_>,
    anchor: Option<u32>,
) {
    let Some(assembly) = shared.assembly(cold) else { return };
    let TransportHeader::Tcp(tcp) = packet.transport else { return };
    let (at, other) = (packet.direction.index(), packet.direction.reverse().index());
    if let Some(anchor) = anchor {
        assembly.start(at, anchor, cold.syn(at));
    }
    if hot.packets[other] > 0 || tcp.flags.ack() {
        assembly.start(other, hot.next_seq[other], cold.syn(other));
    }
    assembly.first_answers(packet);
}

/// Packets, bytes and payload of one packet. Whether the flow has grown by another step.
fn total<K>(hot: &mut Hot<K>, cold: &mut Cold, shared: &mut Shared, packet: &Packet<'_>) -> bool {
    let at = packet.direction.index();
    let before = hot.bytes[at];
    add(&mut hot.packets[at], packet.packets.into(), cold, shared, |extra| &mut extra.packets[at]);
    add(&mut hot.bytes[at], packet.ip_bytes.into(), cold, shared, |extra| &mut extra.bytes[at]);
    add(&mut hot.payload[at], packet.payload_len.into(), cold, shared, |extra| &mut extra.payload[at]);
    offers(before, hot.bytes[at], shared.offer_shift)
}

/// Whether a count of bytes has passed a multiple of the step between two offers, whose binary logarithm is `shift`.
#[inline(always)]
pub(crate) const fn offers(before: u32, after: u32, shift: u32) -> bool {
    (before ^ after) as u64 >> shift != 0
}

/// Adds to a packed counter; a carry goes to the extra.
pub(crate) fn add(
    counter: &mut u32,
    amount: u64,
    cold: &mut Cold,
    shared: &mut Shared,
    carries: impl FnOnce(&mut Extra) -> &mut u32,
) {
    let sum = u64::from(*counter).saturating_add(amount);
    *counter = sum as u32;
    let carry = sum >> 32;
    if carry > 0 {
        match shared.extra(cold) {
            Some(extra) => {
                let carries = carries(extra);
                *carries = carries.saturating_add(u32::try_from(carry).unwrap_or(u32::MAX));
            }
            None => *counter = u32::MAX,
        }
    }
}
