//! Hostile packet sequences, for fuzzing and for the tests that share its entry point.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;
use std::time::Duration;

use foldhash::fast::FixedState;
use offport_wire::{
    Domain, FlowKey, LinkInfo, Packet, Plain, TcpFlags, TcpHeader, Timestamp, Transport, TransportHeader,
};

use crate::{
    Beginning, Brief, Briefs, Config, Counters, End, Flow, Keep, Label, Observer, Quick, Settlement, Shunted,
    Timeouts, Tracker,
};

/// A packet as capture would have parsed it.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// Sender.
    pub source: (IpAddr, u16),
    /// Receiver.
    pub destination: (IpAddr, u16),
    /// Transport header; its kind decides the protocol (`Other`: 47).
    pub transport: TransportHeader,
    /// Payload that was captured.
    pub payload: &'a [u8],
    /// Payload bytes that the capture cut off.
    pub cut: u32,
    /// When.
    pub time: Timestamp,
}

impl<'a> Build<'a> {
    /// The packet. Both addresses must be of one family.
    pub fn packet(&self) -> Packet<'a> {
        let protocol = match self.transport {
            TransportHeader::Tcp(_) => Transport::TCP,
            TransportHeader::Udp => Transport::UDP,
            TransportHeader::Sctp { .. } => Transport::SCTP,
            TransportHeader::Icmp { .. } if self.source.0.is_ipv4() => Transport::ICMP,
            TransportHeader::Icmp { .. } => Transport::ICMPV6,
            TransportHeader::Other => Transport(47),
        };
        let v6 = |address: IpAddr| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let (key, direction) = match (self.source, self.destination) {
            ((IpAddr::V4(source), from), (IpAddr::V4(destination), to)) => {
                FlowKey::v4((source, from), (destination, to), protocol, Domain::NONE)
            }
            ((source, from), (destination, to)) => {
                FlowKey::v6((v6(source), from), (v6(destination), to), protocol, Domain::NONE)
            }
        };
        let payload_len = self.payload.len() as u32 + self.cut;
        Packet {
            key,
            direction,
            icmp_error: false,
            ip_bytes: payload_len.saturating_add(40),
            packets: 1,
            transport: self.transport,
            payload: self.payload,
            payload_len,
            link: LinkInfo::default(),
            tunnel: None,
            time: self.time,
            interface: 0,
        }
    }
}

/// Reads `data` as a sequence of hostile packets: few 5-tuples, any flags, sequence numbers near one another and far,
/// any cut, time steps back and forth. `take` gets each.
///
/// The payload byte at stream offset n of a 5-tuple and direction is always the same, so that what is assembled
/// can be checked against its offset.
pub fn packets(data: &[u8], mut take: impl FnMut(&Packet<'_>)) {
    let mut now = Timestamp::from_nanos(1_700_000_000_000_000_000);
    let mut payload = [0; 1_600];
    for step in data.chunks_exact(8) {
        let &[who, flags, seq_low, seq_high, len, kind, time, odd] = step else { continue };
        now = match time {
            0..=199 => now + Duration::from_micros(u64::from(time) * 37),
            200..=239 => now + Duration::from_millis(u64::from(time - 199) * 250),
            240..=252 => now + Duration::from_secs(u64::from(time - 239) * 30),
            _ => Timestamp::from_nanos(now.as_nanos().saturating_sub(u64::from(odd) * 10_000_000)),
        };
        let base = 0xffff_ff00u32.wrapping_add(u32::from(who & 1) << 8);
        let offset = match odd {
            0..=3 => i32::from_be_bytes([seq_low, seq_high, len, kind]),
            _ => i32::from(i16::from_be_bytes([seq_high & 3, seq_low])) - 16,
        };
        let len = usize::from(len) * if odd & 4 == 0 { 1 } else { 6 };
        fill(&mut payload[..len], offset);
        let host = |n: u8| -> IpAddr {
            if who & 0x80 == 0 {
                Ipv4Addr::new(10, 0, 0, n).into()
            } else {
                Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n.into()).into()
            }
        };
        let client = (host(1 + (who >> 1 & 7)), 40_000 + u16::from(who >> 4 & 1));
        let server = (host(100), if who & 0x20 == 0 { 80 } else { 50_000 });
        let transport = match kind {
            0..=179 => TransportHeader::Tcp(TcpHeader {
                // The SYN comes before the data and takes a number (RFC 9293, section 3.4).
                seq: base.wrapping_add(offset as u32).wrapping_sub(u32::from(flags >> 1 & !(flags >> 2) & 1)),
                // Now of what has been sent, now of what has not.
                ack: base.wrapping_add(256).wrapping_sub(u32::from(who & 1) * 512).wrapping_add(odd.into()),
                flags: TcpFlags(flags & 0x1f),
                mp_join: flags & 0x22 == 0x22,
            }),
            180..=219 => TransportHeader::Udp,
            220..=234 => TransportHeader::Sctp { init: flags & 1 != 0, end: flags & 2 != 0 },
            235..=245 => TransportHeader::Icmp { kind: flags, code: 0 },
            _ => TransportHeader::Other,
        };
        let (source, destination) = if who & 1 == 0 { (client, server) } else { (server, client) };
        let cut = if odd & 0x30 == 0x30 { u32::from(odd) } else { 0 };
        let build = Build { source, destination, transport, payload: &payload[..len], cut, time: now };
        let mut packet = build.packet();
        packet.icmp_error = kind == 255 && flags & 1 != 0;
        take(&packet);
    }
}

/// The byte at an offset of a stream that [`packets`] sends; its top bit says that the offset is a wild one.
pub const fn stream_byte(offset: i32) -> u8 {
    let mut mixed = (offset as u32).wrapping_mul(0x9e37_79b1);
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(0x85eb_ca6b);
    let wild = offset < USUAL.start || offset >= USUAL.end;
    (mixed >> 25) as u8 | if wild { 0x80 } else { 0 }
}

/// A small table: limits are reached.
pub fn small_config() -> Config {
    Config {
        max_flows: 6,
        max_flows_v6: 3,
        timeouts: Timeouts::default(),
        payload_bound: 200,
        payload_packets: 12,
        decide_after: Duration::from_secs(5),
        gap_packets: 3,
        max_undecided: 3,
        max_flagged: 2,
        max_extras: 2,
        max_watched: 2,
        max_paths: 2,
        offer_step: 64,
        keep: Keep { session: 150, undecided: 300, flagged: 600 },
        service_ports: crate::ServicePorts::default(),
    }
}

/// The kernel's half of shunting, in memory.
#[derive(Debug, Default)]
pub struct Kernel {
    flows: HashMap<FlowKey, Shunted>,
}

impl Kernel {
    /// Counts the packets of a flow from now on.
    ///
    /// # Panics
    /// When it does so already.
    pub fn enter(&mut self, key: &FlowKey) {
        assert!(self.flows.insert(*key, Shunted::default()).is_none(), "shunted twice");
    }

    /// A packet. False: it goes up to the tracker.
    pub fn count(&mut self, packet: &Packet<'_>) -> bool {
        const UP: u8 = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
        let goes_up = match packet.transport {
            TransportHeader::Tcp(tcp) => tcp.flags.0 & UP != 0,
            TransportHeader::Udp => false,
            _ => true,
        };
        if goes_up || packet.icmp_error || packet.packets > 1 {
            return false;
        }
        let Some(shunted) = self.flows.get_mut(&packet.key) else { return false };
        let at = packet.direction.index();
        shunted.packets[at] += 1;
        shunted.bytes[at] += u64::from(packet.ip_bytes);
        shunted.payload[at] += u64::from(packet.payload_len);
        shunted.last = packet.time;
        true
    }

    /// What was counted of a flow since the last time.
    ///
    /// # Panics
    /// When the flow is not shunted.
    pub fn take(&mut self, key: &FlowKey) -> Shunted {
        let shunted = self.flows.get_mut(key).expect("the flow is shunted");
        Shunted { last: shunted.last, ..std::mem::take(shunted) }
    }

    /// The flow's packets go up again.
    ///
    /// # Panics
    /// When the flow is not shunted.
    pub fn release(&mut self, key: &FlowKey) -> Shunted {
        self.flows.remove(key).expect("the flow is shunted")
    }

    /// Whether no flow is shunted.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }
}

/// Puts `data` through a small tracker and checks what must always hold; then once more, with the short path where it
/// can be taken, which must come to the same.
///
/// # Panics
/// When something does not hold: that is what it is for.
pub fn segments(data: &[u8]) {
    assert_eq!(run(data, false), run(data, true), "the short path comes to the same");
}

/// All that was counted and shown.
fn run(data: &[u8], short_path: bool) -> (Counters, u64) {
    let config = small_config();
    let cap = (config.max_flows + config.max_flows_v6) as usize;
    let mut tracker = Tracker::new(&config, 1);
    tracker.set_beginning(Beginning { undecided: 5, decided: 3 });
    let mut check = Check::default();
    let mut now = Timestamp::ZERO;
    packets(data, |packet| {
        now = now.max(packet.time);
        check.handed_in += u64::from(!packet.icmp_error);
        let mut briefs = Briefs::default();
        match plain(packet).filter(|_| short_path) {
            Some(plain) => briefs.push(&tracker, &plain),
            None => briefs.push_none(),
        }
        tracker.look_ahead(&mut briefs);
        if !check.kernel.count(packet) {
            let moment = tracker.pass_time(packet.time, &mut check);
            let kept = match briefs.iter().map(|brief| tracker.quick(&briefs, brief, moment)).next() {
                Some(Quick::Refused) | None => {
                    tracker.packet(packet, briefs.iter().find_map(Brief::hint), &mut check);
                    tracker.kept()
                }
                Some(quick) => quick,
            };
            let session = kept.flow().map(|flow| tracker.session(flow));
            if let Some(session) = session {
                assert_eq!(session.key, packet.key, "a packet is kept for its own flow");
            }
            check.shown = check.shown.rotate_left(1)
                ^ session.map_or(0, |session| session.id().number() << 1 | u64::from(session.flagged))
                ^ if kept == Quick::Spared { 0x5ba2ed } else { 0 };
        }
        while let Some((key, shunted)) = check.late.pop() {
            tracker.add_late(&key, &shunted, &mut check);
        }
        assert!(tracker.len() <= cap, "the cap holds");
    });
    tracker.finish(now, &mut check);
    let counters = *tracker.counters();
    let ended = counters.ended_fin
        + counters.ended_rst
        + counters.ended_idle
        + counters.ended_evicted
        + counters.ended_shutdown
        + counters.ended_lost;
    assert_eq!(tracker.len(), 0);
    assert_eq!((counters.created, ended), (check.ended, check.ended), "every flow ends once");
    assert_eq!(check.open, 0, "every label comes back");
    let late = counters.shunted_late + check.late.iter().map(|(_, late)| late.packets[0]).sum::<u64>();
    assert_eq!(check.packets + counters.refused + late, check.handed_in, "every packet is in one flow");
    assert!(check.kernel.is_empty() && counters.shunted == 0, "every shunted flow is released");
    let missing = counters.shunted_packets - check.shunted;
    assert!(missing == 0 || counters.extras_limit > 0, "what was shunted is in records");
    let gauges = (counters.undecided, counters.heads, counters.extras, counters.paths);
    assert_eq!(gauges, (0, 0, 0, 0), "everything is given back");
    (counters, check.shown)
}

/// What a glance at the packet's frame would give.
fn plain(packet: &Packet<'_>) -> Option<Plain> {
    let (seq, flags) = match packet.transport {
        TransportHeader::Tcp(tcp) => (tcp.seq, tcp.flags),
        TransportHeader::Udp => (0, TcpFlags(0)),
        _ => return None,
    };
    let Packet { key, direction, ip_bytes, payload_len, .. } = *packet;
    (!packet.icmp_error).then_some(Plain { key, direction, ip_bytes, payload_len, seq, flags })
}

/// An observer that checks what it is shown.
#[derive(Debug, Default)]
struct Check {
    handed_in: u64,
    packets: u64,
    ended: u64,
    /// Settled flows that have not ended.
    open: i64,
    examined: u32,
    /// A digest of all that it was shown, in order.
    shown: u64,
    kernel: Kernel,
    /// Packets that the kernel counts while their flow is released.
    late: Vec<(FlowKey, Shunted)>,
    /// Packets that records say were shunted.
    shunted: u64,
}

impl Check {
    fn settle(&mut self, flow: &Flow<'_>) -> Settlement {
        assert!(flow.label.is_none(), "settled once");
        self.open += 1;
        let flagged = flow.client.payload.is_multiple_of(3);
        Settlement {
            label: Some(Label(self.examined as u16 % 1_000)),
            flagged,
            swap_roles: false,
            watch: None,
        }
    }

    fn note(&mut self, flow: &Flow<'_>, end: Option<End>) {
        let sides = [&flow.client, &flow.server].map(|side| (side.packets, side.bytes, side.payload));
        let state = flow.tcp.map(|tcp| (tcp.state as u8, tcp.retransmitted, tcp.out_of_order));
        let times = (flow.start, flow.last);
        let begins = (flow.midstream, flow.subflow);
        let shown = (self.shown, flow.key, flow.client_direction, times, sides, state, begins, end);
        self.shown = FixedState::with_seed(0).hash_one(shown);
    }

    fn look(&mut self, flow: &Flow<'_>) {
        self.examined += 1;
        self.note(flow, None);
        for side in [&flow.client, &flow.server] {
            let first = &side.first;
            assert!(first.bytes.len() <= 200, "the bound holds");
            assert!(first.bytes.len() as u64 <= side.payload);
            assert!(first.ends.is_sorted());
            assert!(first.ends.last().is_none_or(|&end| usize::from(end) == first.bytes.len()));
            if flow.transport() == Transport::TCP {
                is_contiguous(first.bytes);
            }
        }
    }
}

/// Offsets that [`packets`] sends, but for wild sequence numbers.
const USUAL: std::ops::Range<i32> = -20..3_000;

static STREAM: [u8; (USUAL.end - USUAL.start) as usize] = {
    let mut stream = [0; (USUAL.end - USUAL.start) as usize];
    let mut at = 0;
    while at < stream.len() {
        stream[at] = stream_byte(USUAL.start + at as i32);
        at += 1;
    }
    stream
};

/// Where the runs of four bytes that start at usual offsets are: looking through all of it for every payload would be most of the
/// time of a fuzzing run.
static RUNS: LazyLock<HashMap<[u8; 4], Vec<usize>>> = LazyLock::new(|| {
    let mut runs: HashMap<_, Vec<_>> = HashMap::new();
    for (at, offset) in USUAL.enumerate() {
        let run = [0, 1, 2, 3].map(|ahead| stream_byte(offset + ahead));
        runs.entry(run).or_default().push(at);
    }
    runs
});

/// The stream from an offset on.
fn fill(payload: &mut [u8], offset: i32) {
    let usual = usize::try_from(offset.wrapping_sub(USUAL.start)).ok();
    match usual.and_then(|from| STREAM.get(from..from + payload.len())) {
        Some(part) => payload.copy_from_slice(part),
        None => {
            for (position, byte) in payload.iter_mut().enumerate() {
                *byte = stream_byte(offset.wrapping_add(position as i32));
            }
        }
    }
}

/// The bytes are a run of the stream, without a hole, wherever it starts; runs that start at a wild offset are not
/// looked into.
fn is_contiguous(bytes: &[u8]) {
    let Some(first) = bytes.first_chunk().filter(|first: &&[u8; 4]| first[0] < 0x80) else { return };
    let is_run = |&at: &usize| {
        let offsets = USUAL.start + at as i32..;
        bytes.iter().zip(offsets).all(|(&byte, offset)| byte == stream_byte(offset))
    };
    assert!(RUNS.get(first).is_some_and(|starts| starts.iter().any(is_run)), "a hole was closed up");
}

impl Observer for Check {
    fn examine(&mut self, flow: &Flow<'_>) -> Option<Settlement> {
        self.look(flow);
        self.examined.is_multiple_of(5).then(|| self.settle(flow))
    }

    fn conclude(&mut self, flow: &Flow<'_>) -> Settlement {
        self.look(flow);
        self.settle(flow)
    }

    fn interim(&mut self, flow: &Flow<'_>) -> Option<Settlement> {
        assert!(flow.start <= flow.last);
        self.note(flow, None);
        // Now and then a flow is flagged late.
        let late = flow.label.is_some() && flow.client.bytes.is_multiple_of(2);
        late.then_some(Settlement { label: flow.label, flagged: true, swap_roles: false, watch: None })
    }

    fn ended(&mut self, flow: &Flow<'_>, end: End) {
        self.note(flow, Some(end));
        self.ended += 1;
        self.packets += flow.client.packets + flow.server.packets;
        self.shunted += flow.shunted_packets;
        let had_payload = flow.client.payload + flow.server.payload > 0 && flow.transport().has_ports();
        assert_eq!(flow.label.is_some(), had_payload, "exactly the flows with payload are settled");
        self.open -= i64::from(flow.label.is_some());
    }

    fn shunt(&mut self, flow: &Flow<'_>) -> bool {
        assert!(flow.label.is_some(), "only judged flows are shunted");
        let shunt = flow.client.packets % 4 != 1;
        if shunt {
            self.kernel.enter(&flow.key);
        }
        shunt
    }

    fn shunted(&mut self, key: &FlowKey) -> Shunted {
        self.kernel.take(key)
    }

    fn release(&mut self, key: &FlowKey) -> Shunted {
        let mut shunted = self.kernel.release(key);
        // Now and then a packet is being counted at this very moment.
        if shunted.packets[0] % 2 == 1 {
            shunted.packets[0] -= 1;
            self.late.push((*key, Shunted { packets: [1, 0], last: shunted.last, ..Shunted::default() }));
        }
        shunted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_thousand_pseudo_random_sequences() {
        let mut state = 0x2545_f491_4f6c_dd1du64;
        let mut data = [0; 640];
        for round in 0..50_000u32 {
            for byte in &mut data {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
            // Half of them dwell on a few flows with near sequence numbers.
            if round % 2 == 0 {
                for step in data.chunks_exact_mut(8) {
                    step[0] &= 0x83;
                    step[5] %= 180;
                    step[7] |= 0x40;
                    if step[6] > 220 {
                        step[6] = 0;
                    }
                }
            }
            let len = data.len() - (round as usize % 80) * 8;
            segments(&data[..len]);
        }
    }
}
