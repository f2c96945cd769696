//! What the packets of a connection tell of its state, and of repeated and overtaken segments.

use offport_wire::{Packet, TcpHeader};

use crate::entry::{Cold, Hot, Stage};
use crate::extra::before;
use crate::role;
use crate::shared::Shared;
use crate::state::TcpState;

/// A jump in sequence numbers that no window explains (RFC 7323 windows go up to 2^30, real ones stay far below):
/// a forged packet, or a long loss of capture. Counting starts anew from there.
const JUMP: u32 = 1 << 26;

/// A SYN that means it.
pub(crate) const fn opens(tcp: TcpHeader) -> bool {
    tcp.flags.syn() && !tcp.flags.rst()
}

/// State and sequence numbers. Gives the sequence number at which the sender's stream starts, if this is the
/// first packet of it that has payload and the SYN was seen.
pub(crate) fn track_tcp<K>(
    hot: &mut Hot<K>,
    cold: &mut Cold,
    shared: &mut Shared,
    packet: &Packet<'_>,
    tcp: TcpHeader,
) -> Option<u32> {
    let (at, other) = (packet.direction.index(), packet.direction.reverse().index());
    let (syn, fin, rst) = (opens(tcp), tcp.flags.fin(), tcp.flags.rst());
    let adrift = hot.adrift(at);
    let known = hot.packets[at] > 0 && !adrift;
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
            if !cold.watched() {
                // Both ends have to agree (RFC 8684, section 3.2), as far as they were heard.
                cold.set_subflow(tcp.mp_join && (cold.subflow() || !cold.syn(other)));
            }
        }
        cold.set_syn(at);
    }
    if tcp.flags.ack() && hot.packets[other] == 0 {
        // Of a side that was not heard, what the other one acknowledged first is all that is known.
        let first = hot.packets[at] == 0 || hot.state() == TcpState::SynSent;
        if first || before(tcp.ack, hot.next_seq[other]) {
            hot.next_seq[other] = tcp.ack;
        }
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

    if adrift && !rst {
        hot.set_adrift(at, false);
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
pub(crate) fn track_sctp<K>(hot: &mut Hot<K>, cold: &mut Cold, packet: &Packet<'_>, init: bool, end: bool) {
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
