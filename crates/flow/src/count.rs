//! What one packet adds to its flow: totals, connection state, first payload.

use offport_wire::{Packet, TcpHeader, TransportHeader};

use crate::class::Class;
use crate::entry::{Cold, Hot, Stage};
use crate::extra::{Extra, before};
use crate::family::Family;
use crate::key::Key;
use crate::observer::Observer;
use crate::role;
use crate::shared::Shared;
use crate::state::TcpState;
use crate::stream::{Progress, Segment};
use crate::table::bucket;

/// A jump in sequence numbers that no window explains (RFC 7323 windows go up to 2^30, real ones stay far below):
/// a forged packet, or a long loss of capture. Counting starts anew from there.
const JUMP: u32 = 1 << 26;

impl<K: Key> Family<K> {
    pub(crate) fn count(
        &mut self,
        shared: &mut Shared,
        index: u32,
        packet: &Packet<'_>,
        now: u64,
        observer: &mut impl Observer,
    ) {
        let direction = packet.direction.index();
        let (hot, cold) = self.table.entry_mut(index);
        let moved = bucket(hot.last()) != bucket(now);
        let class = Class::of(hot);
        let anchor = match packet.transport {
            TransportHeader::Tcp(tcp) => track_tcp(hot, cold, shared, packet, tcp),
            TransportHeader::Sctp { init, end } => {
                track_sctp(hot, cold, packet, init, end);
                None
            }
            _ => None,
        };
        hot.seen_at(now);
        total(hot, cold, shared, packet);
        // A report implies that time has moved since the latest packet, so that most packets need not ask.
        if moved {
            cold.set_reported(false);
        }
        let carries = packet.payload_len > 0 && hot.transport().has_ports();
        match hot.stage() {
            Stage::Settled => {}
            Stage::Silent if !carries => {}
            Stage::Silent => {
                if shared.begin(cold, Self::owner(index), packet.direction, now).is_some() {
                    hot.set_stage(Stage::Undecided);
                    anchor_streams(hot, cold, shared, direction, anchor);
                    self.assemble(shared, index, packet, observer);
                }
            }
            Stage::Undecided => self.assemble(shared, index, packet, observer),
        }
        if moved || class != Class::of(self.table.hot(index)) {
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
        if packet.payload_len > 0 {
            assembly.packets = assembly.packets.saturating_add(1);
        }
        if let TransportHeader::Tcp(tcp) = packet.transport
            && tcp.flags.fin()
        {
            let fin = tcp.seq.wrapping_add(packet.payload_len).wrapping_add(opens(tcp).into());
            progress.changed |= stream.finish(fin).changed;
        }
        let both_closed = assembly.streams.iter().all(|stream| stream.is_closed());
        let spent = assembly.packets >= shared.payload_packets || both_closed;
        if progress.start_lost {
            hot.set_midstream(true);
        }
        shared.counters.gaps += u64::from(progress.gap);
        if progress.changed
            && let Some(settlement) = observer.examine(&shared.view(hot, cold))
        {
            self.settle(shared, index, settlement);
        } else if spent {
            self.conclude(shared, index, observer);
        }
    }
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
        may_be_probe: midstream && packet.payload_len == 1 && tcp.flags.0 & offport_wire::TcpFlags::PSH == 0,
    };
    stream.segment(segment, gap_packets)
}

/// A SYN that means it.
const fn opens(tcp: TcpHeader) -> bool {
    tcp.flags.syn() && !tcp.flags.rst()
}

/// Tells new streams where they start, as far as SYNs told.
fn anchor_streams<K>(hot: &Hot<K>, cold: &Cold, shared: &mut Shared, direction: usize, anchor: Option<u32>) {
    let Some(assembly) = shared.assembly(cold) else { return };
    for (at, stream) in assembly.streams.iter_mut().enumerate() {
        if !cold.syn(at) {
            continue;
        }
        if at != direction {
            stream.anchor(hot.next_seq[at]);
        } else if let Some(anchor) = anchor {
            stream.anchor(anchor);
        }
    }
}

/// Packets, bytes and payload; a carry goes to the extra.
fn total<K>(hot: &mut Hot<K>, cold: &mut Cold, shared: &mut Shared, packet: &Packet<'_>) {
    let at = packet.direction.index();
    let mut add = |counter: &mut u32, amount: u32, carries: fn(&mut Extra) -> &mut [u32; 2]| {
        let (sum, carry) = counter.overflowing_add(amount);
        *counter = sum;
        if carry {
            match shared.extra(cold) {
                Some(extra) => carries(extra)[at] = carries(extra)[at].saturating_add(1),
                None => *counter = u32::MAX,
            }
        }
    };
    add(&mut hot.packets[at], packet.packets.into(), |extra| &mut extra.packets);
    add(&mut hot.bytes[at], packet.ip_bytes, |extra| &mut extra.bytes);
    add(&mut hot.payload[at], packet.payload_len, |extra| &mut extra.payload);
}

/// State and sequence numbers. Gives the sequence number at which the sender's stream starts, if this is the
/// first packet of it that has payload and the SYN was seen.
fn track_tcp<K>(
    hot: &mut Hot<K>,
    cold: &mut Cold,
    shared: &mut Shared,
    packet: &Packet<'_>,
    tcp: TcpHeader,
) -> Option<u32> {
    let at = packet.direction.index();
    let (syn, fin, rst) = (opens(tcp), tcp.flags.fin(), tcp.flags.rst());
    let known = hot.packets[at] > 0;
    let next = hot.next_seq[at];
    let data = packet.payload_len;
    let end = tcp.seq.wrapping_add(data).wrapping_add(syn.into()).wrapping_add(fin.into());
    let ahead = tcp.seq.wrapping_sub(next);
    let plausible = !known || ahead.wrapping_add(JUMP) <= 2 * JUMP;

    if let Some(client) = role::by_handshake(packet) {
        if !cold.role_certain() {
            hot.set_client(client);
            cold.set_role_certain();
        }
        if hot.stage() != Stage::Settled {
            hot.set_midstream(false);
        }
        cold.set_syn(at);
    }
    let anchor = if syn { Some(tcp.seq.wrapping_add(1)) } else { known.then_some(next) };

    let opening = matches!(hot.state(), TcpState::SynSent | TcpState::SynReceived);
    if !known || !plausible || syn && opening && hot.stage() == Stage::Silent {
        if !rst || !known {
            hot.next_seq[at] = end;
        }
    } else if !rst && end != tcp.seq {
        if ahead == 0 {
            hot.next_seq[at] = end;
        } else if before(next, tcp.seq) {
            // A FIN that overtook the data says nothing that is needed, and would hide where the stream starts.
            if data > 0 {
                hot.next_seq[at] = end;
                if let Some(extra) = shared.extra(cold) {
                    extra.skipped(at, next, tcp.seq);
                }
            }
        } else {
            if before(next, end) {
                hot.next_seq[at] = end;
            }
            if data > 0 {
                behind(cold, shared, at, tcp.seq, end, before(next, end));
            }
        }
    }

    if rst {
        if plausible && hot.state() != TcpState::Closed {
            hot.set_state(TcpState::Reset);
            cold.set_rst(at, true);
        }
        return anchor;
    }
    advance_state(hot, cold, packet, tcp, (plausible, ahead == 0 || !known));
    anchor
}

/// A segment that starts before data that has arrived: it fills a hole, or repeats.
fn behind(cold: &mut Cold, shared: &mut Shared, at: usize, start: u32, end: u32, has_new: bool) {
    let fills = shared.extras.get_mut(cold.extra).is_some_and(|extra| extra.fills(at, start, end));
    if fills {
        cold.out_of_order = cold.out_of_order.wrapping_add(1);
        if cold.out_of_order == 0 {
            match shared.extra(cold) {
                Some(extra) => extra.out_of_order = extra.out_of_order.saturating_add(1),
                None => cold.out_of_order = u8::MAX,
            }
        }
    } else if !has_new {
        cold.retransmitted = cold.retransmitted.wrapping_add(1);
        if cold.retransmitted == 0 {
            match shared.extra(cold) {
                Some(extra) => extra.retransmitted = extra.retransmitted.saturating_add(1),
                None => cold.retransmitted = u8::MAX,
            }
        }
    }
}

fn advance_state<K>(
    hot: &mut Hot<K>,
    cold: &mut Cold,
    packet: &Packet<'_>,
    tcp: TcpHeader,
    (plausible, in_order): (bool, bool),
) {
    let at = packet.direction.index();
    let from_client = packet.direction == hot.client();
    let state = hot.state();
    let mut next = state;
    match state {
        TcpState::SynSent if tcp.flags.syn() && tcp.flags.ack() => next = TcpState::SynReceived,
        // A side of the handshake was not seen: one-sided capture, or loss.
        TcpState::SynSent if tcp.flags.ack() => next = TcpState::Established,
        TcpState::SynReceived
            if tcp.flags.ack() && !tcp.flags.syn() && (from_client || packet.payload_len > 0) =>
        {
            next = TcpState::Established;
        }
        // Whoever sent the RST sends on: it was forged, or for something else. Data of the other side may still
        // have been on its way.
        TcpState::Reset if packet.payload_len > 0 && in_order && cold.rst(at) => {
            cold.set_rst(at, false);
            next = TcpState::Established;
        }
        _ => {}
    }
    if tcp.flags.fin() && plausible && !next.is_over() {
        cold.set_fin(at);
        let both = cold.fin(0) && cold.fin(1);
        next = if both { TcpState::Closed } else { TcpState::Closing };
    }
    hot.set_state(next);
}

/// SCTP (RFC 9260): INIT opens, anything after it from the other side has answered, SHUTDOWN COMPLETE or ABORT ends.
fn track_sctp<K>(hot: &mut Hot<K>, cold: &mut Cold, packet: &Packet<'_>, init: bool, end: bool) {
    if init {
        if !cold.role_certain() {
            hot.set_client(packet.direction);
            cold.set_role_certain();
        }
        if hot.stage() != Stage::Settled {
            hot.set_midstream(false);
        }
    } else if end {
        hot.set_state(TcpState::Closed);
    } else if matches!(hot.state(), TcpState::SynSent | TcpState::SynReceived) {
        let answered = packet.direction != hot.client();
        hot.set_state(if answered { TcpState::SynReceived } else { TcpState::Established });
    }
}
