//! A tracker, a clock and an observer that writes everything down.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use offport_flow::fuzz::{Build, Kernel};
use offport_flow::{
    Config, End, Flow, FlowIndex, Followed, Label, Observer, Outcome, Payload, Settlement, Shunted, Tracker,
    Watch,
};
use offport_wire::{Direction, FlowKey, Packet, TcpFlags, TcpHeader, Timestamp, TransportHeader};

pub const SYN: u8 = TcpFlags::SYN;
pub const ACK: u8 = TcpFlags::ACK;
pub const FIN: u8 = TcpFlags::FIN;
pub const RST: u8 = TcpFlags::RST;
pub const PSH: u8 = TcpFlags::PSH;

/// What is left of a flow when it is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub client: (IpAddr, u16),
    pub server: (IpAddr, u16),
    pub start: Timestamp,
    pub last: Timestamp,
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    pub payload: [u64; 2],
    pub midstream: bool,
    pub subflow: bool,
    pub tcp: Option<offport_flow::Tcp>,
    pub icmp_errors: u32,
    pub label: Option<Label>,
    pub first: [Vec<u8>; 2],
    pub closed: [bool; 2],
    pub ends: [Vec<u16>; 2],
    pub first_len: [u32; 2],
    pub payload_packets: u8,
    /// The first payload was the client's.
    pub client_first: Option<bool>,
    pub shunted: [u64; 2],
}

impl Seen {
    pub fn of(flow: &Flow<'_>) -> Self {
        let (low, high) = (flow.key.low(), flow.key.high());
        let (client, server) = match flow.client_direction {
            Direction::LowToHigh => (low, high),
            Direction::HighToLow => (high, low),
        };
        let sides = [&flow.client, &flow.server];
        Self {
            client,
            server,
            start: flow.start,
            last: flow.last,
            packets: sides.map(|side| side.packets),
            bytes: sides.map(|side| side.bytes),
            payload: sides.map(|side| side.payload),
            midstream: flow.midstream,
            subflow: flow.subflow,
            tcp: flow.tcp,
            icmp_errors: flow.icmp_errors,
            label: flow.label,
            first: sides.map(|side| side.first.bytes.to_vec()),
            closed: sides.map(|side| side.first.closed),
            ends: sides.map(|side| side.first.ends.to_vec()),
            first_len: sides.map(|side| side.first.first_len),
            payload_packets: flow.payload_packets,
            client_first: flow.first_payload.map(|first| first == flow.client_direction),
            shunted: [flow.shunted_packets, flow.shunted_bytes],
        }
    }
}

/// Settles nothing before the last word, unless told otherwise.
#[derive(Debug, Default)]
pub struct Book {
    pub examined: Vec<Seen>,
    pub concluded: Vec<Seen>,
    pub interim: Vec<Seen>,
    pub ended: Vec<(Seen, End)>,
    /// Settle at the first look.
    pub eager: bool,
    /// Flag what is settled.
    pub flag: bool,
    /// Let the kernel count every flow from so many bytes on.
    pub shunt_from: Option<u64>,
    /// How often that was asked.
    pub offers: u32,
    pub kernel: Kernel,
    /// So many flows are watched at most; of more, the oldest makes room.
    pub room: usize,
    pub watching: VecDeque<(Watch, FlowIndex)>,
    /// What watched flows sent: where it begins, its bytes, what it acknowledges.
    pub followed: Vec<(u32, Vec<u8>, u32)>,
    pub watches: u32,
    pub unwatched: Vec<Watch>,
}

impl Book {
    fn watch(&mut self) -> Option<Watch> {
        self.watches += 1;
        (self.room > 0).then_some(Watch(self.watches))
    }
}

impl Observer for Book {
    fn examine(&mut self, flow: &Flow<'_>) -> Option<Settlement> {
        self.examined.push(Seen::of(flow));
        self.eager.then(|| Settlement {
            label: Some(Label(1)),
            flagged: self.flag,
            swap_roles: false,
            watch: self.watch(),
        })
    }

    fn conclude(&mut self, flow: &Flow<'_>) -> Settlement {
        self.concluded.push(Seen::of(flow));
        Settlement { label: Some(Label(2)), flagged: self.flag, swap_roles: false, watch: self.watch() }
    }

    fn follow(&mut self, _: &Flow<'_>, _: Watch, payload: Payload<'_>) -> Followed {
        self.followed.push((payload.offset, payload.bytes.to_vec(), payload.acked));
        Followed::GoOn
    }

    fn watched(&mut self, watch: Watch, flow: FlowIndex) -> Option<(FlowIndex, Watch)> {
        self.watching.push_back((watch, flow));
        let is_full = self.watching.len() > self.room;
        let (watch, flow) = is_full.then(|| self.watching.pop_front()).flatten()?;
        Some((flow, watch))
    }

    fn unwatch(&mut self, watch: Watch) {
        self.watching.retain(|(other, _)| *other != watch);
        self.unwatched.push(watch);
    }

    fn interim(&mut self, flow: &Flow<'_>) -> Option<Settlement> {
        self.interim.push(Seen::of(flow));
        None
    }

    fn ended(&mut self, flow: &Flow<'_>, end: End) {
        self.ended.push((Seen::of(flow), end));
    }

    fn shunt(&mut self, flow: &Flow<'_>) -> bool {
        self.offers += 1;
        let shunt = self.shunt_from.is_some_and(|from| flow.client.bytes + flow.server.bytes >= from);
        if shunt {
            self.kernel.enter(&flow.key);
        }
        shunt
    }

    fn shunted(&mut self, key: &FlowKey) -> Shunted {
        self.kernel.take(key)
    }

    fn release(&mut self, key: &FlowKey) -> Shunted {
        self.kernel.release(key)
    }
}

pub struct Bench {
    pub tracker: Tracker,
    pub book: Book,
    pub now: Timestamp,
}

pub fn config() -> Config {
    Config {
        max_flows: 64,
        max_flows_v6: 16,
        max_undecided: 16,
        max_flagged: 16,
        max_extras: 16,
        ..Config::default()
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new(&config())
    }
}

impl Bench {
    pub fn new(config: &Config) -> Self {
        Self {
            tracker: Tracker::new(config, 7),
            book: Book::default(),
            now: Timestamp::from_nanos(1_700_000_000_000_000_000),
        }
    }

    pub fn wait(&mut self, seconds: f64) {
        self.now = self.now + Duration::from_secs_f64(seconds);
    }

    /// Time passes without packets.
    pub fn idle(&mut self, seconds: f64) {
        self.wait(seconds);
        self.tracker.advance(self.now, &mut self.book);
    }

    pub fn give(&mut self, packet: &Packet<'_>) -> Outcome {
        if self.book.kernel.count(packet) {
            return Outcome::Tracked;
        }
        self.tracker.pass_time(packet.time, &mut self.book);
        self.tracker.packet(packet, None, &mut self.book)
    }

    pub fn tcp(&mut self, from: End4, to: End4, flags: u8, seq: u32, payload: &[u8]) -> Outcome {
        let header = TcpHeader { seq, ack: 0, flags: TcpFlags(flags), mp_join: false };
        self.send(from, to, TransportHeader::Tcp(header), payload)
    }

    /// A SYN or SYN-ACK with or without MP_JOIN.
    pub fn syn(&mut self, from: End4, to: End4, flags: u8, seq: u32, mp_join: bool) -> Outcome {
        let header = TcpHeader { seq, ack: 0, flags: TcpFlags(SYN | flags), mp_join };
        self.send(from, to, TransportHeader::Tcp(header), b"")
    }

    pub fn udp(&mut self, from: End4, to: End4, payload: &[u8]) -> Outcome {
        self.send(from, to, TransportHeader::Udp, payload)
    }

    pub fn send(&mut self, from: End4, to: End4, transport: TransportHeader, payload: &[u8]) -> Outcome {
        let (source, destination) = (address(from), address(to));
        let build = Build { source, destination, transport, payload, cut: 0, time: self.now };
        self.give(&build.packet())
    }

    /// A handshake with initial sequence numbers `ours` and `theirs`.
    pub fn open(&mut self, client: End4, server: End4, ours: u32, theirs: u32) {
        self.tcp(client, server, SYN, ours, b"");
        self.tcp(server, client, SYN | ACK, theirs, b"");
        self.tcp(client, server, ACK, ours.wrapping_add(1), b"");
    }

    pub fn finish(&mut self) -> &[(Seen, End)] {
        self.tracker.finish(self.now, &mut self.book);
        &self.book.ended
    }

    /// The only flow that has ended so far.
    pub fn only(&self) -> &(Seen, End) {
        assert_eq!(self.book.ended.len(), 1, "{:?}", self.book.ended);
        &self.book.ended[0]
    }
}

/// The last part of 10.0.x.y (as one number), and a port.
pub type End4 = (u16, u16);

pub fn address((host, port): End4) -> (IpAddr, u16) {
    let [high, low] = host.to_be_bytes();
    (Ipv4Addr::new(10, 0, high, low).into(), port)
}
