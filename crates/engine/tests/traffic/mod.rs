//! Flows by the ten thousand: what is said, how it is delivered, and what the engine makes of it.
#![allow(dead_code, unreachable_pub, reason = "each suite uses its own part")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use offport_engine::fuzz::{Owned, Sink, ip_packet};
use offport_engine::{Action, Config, FlowRecord, Worker};
use offport_fingerprint::Protocol;
use offport_flow::fuzz::Build;
use offport_policy::{Policy, PortRule, Severity};
use offport_wire::{TcpFlags, TcpHeader, Timestamp, Transport, TransportHeader};

pub use offport_fingerprint::Speaker::{self, Client, Server};

/// A repeatable source of numbers (xorshift64*).
pub struct Rng(u64);

impl Rng {
    pub const fn new(seed: u64) -> Self {
        assert!(seed != 0);
        Self(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One of `low..=high`.
    pub const fn range(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() >> 16) as usize % (high - low + 1)
    }

    /// One time in `of`.
    pub const fn one_in(&mut self, of: usize) -> bool {
        self.range(1, of) == 1
    }

    pub fn byte(&mut self) -> u8 {
        (self.next() >> 32) as u8
    }

    pub fn u16(&mut self) -> u16 {
        (self.next() >> 32) as u16
    }

    pub fn u32(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.range(0, of.len() - 1)]
    }

    pub fn of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.range(0, of.len() - 1)]
    }

    /// Characters of an alphabet.
    pub fn letters(&mut self, len: usize, alphabet: &[u8]) -> Vec<u8> {
        (0..len).map(|_| self.of(alphabet)).collect()
    }

    /// A lower-case word.
    pub fn word(&mut self) -> String {
        let len = self.range(2, 10);
        String::from_utf8(self.letters(len, b"abcdefghijklmnopqrstuvwxyz")).unwrap()
    }
}

/// What the sides of a flow say, turn by turn; over UDP a turn is a datagram.
#[derive(Clone)]
pub struct Dialogue {
    pub transport: Transport,
    /// Where the protocol fixes it.
    pub client_port: Option<u16>,
    pub server_port: u16,
    pub turns: Vec<(Speaker, Vec<u8>)>,
}

/// How a flow's turns come past the sensor, and how it ends.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    pub cut: Cut,
    pub order: Order,
    /// Segments are sent again, with bytes of their neighbours.
    pub overlaps: bool,
    pub end: End,
    pub way: Way,
    /// The packets of the other side are not seen.
    pub only: Option<Speaker>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// As much as a segment holds.
    Whole,
    /// Segments of 12 to 64 bytes.
    Small,
    /// The first few segments hold 1 to 8 bytes.
    Dribble,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    AsSent,
    /// Some neighbours change places.
    Swapped,
    /// Each turn's first four segments come last first.
    Reversed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    Fin,
    Rst,
    Idle,
}

/// Where the client and the server are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Outbound,
    Inbound,
    Internal,
}

impl Delivery {
    pub fn any(rng: &mut Rng) -> Self {
        Self {
            cut: rng.of(&[Cut::Whole, Cut::Whole, Cut::Small, Cut::Dribble]),
            order: rng.of(&[Order::AsSent, Order::AsSent, Order::Swapped, Order::Reversed]),
            overlaps: rng.one_in(4),
            end: rng.of(&[End::Fin, End::Rst, End::Idle]),
            way: rng.of(&[Way::Outbound, Way::Outbound, Way::Inbound, Way::Internal]),
            only: None,
        }
    }
}

/// Ports of the default policy that are reserved for something which can be recognised.
pub fn reserved() -> Vec<PortRule> {
    PortRule::built_in().filter(|rule| !rule.open).collect()
}

/// What became of each flow, in their order; the record of its end.
pub fn run(rng: &mut Rng, flows: &[(Dialogue, Delivery)]) -> Vec<FlowRecord> {
    flows.chunks(256).flat_map(|chunk| run_together(rng, chunk)).collect()
}

/// Flows at the same time, their frames among one another.
fn run_together(rng: &mut Rng, flows: &[(Dialogue, Delivery)]) -> Vec<FlowRecord> {
    let mut config = Config::default();
    config.flow.max_flows = 1_024;
    config.flow.max_flows_v6 = 64;
    config.flow.max_undecided = 512;
    config.flow.max_flagged = 512;
    config.flow.max_extras = 64;
    config.flow.max_watched = 512;
    config.suppress_entries = 64;
    let mut worker = Worker::new(config, Arc::new(Policy::default()), 0, 3);
    let mut sink = Sink::default();
    let mut now = Timestamp::from_nanos(1_700_000_000_000_000_000);
    let mut at_home = HashMap::new();
    let mut waiting: Vec<_> = flows
        .iter()
        .enumerate()
        .map(|(number, (dialogue, delivery))| {
            let ends = ends(rng, number as u16, dialogue, delivery.way);
            at_home.insert(ends.0.0, number);
            Conversation::new(ends, dialogue.transport).play(rng, dialogue, *delivery).into_iter()
        })
        .collect();
    let mut open: Vec<usize> = (0..waiting.len()).collect();
    while !open.is_empty() {
        let mut batch = Vec::new();
        while batch.len() < 32 && !open.is_empty() {
            let turn = rng.range(0, open.len().min(16) - 1);
            match waiting[open[turn]].next() {
                Some(mut frame) => {
                    now = now + Duration::from_micros(200);
                    frame.time = now;
                    batch.push(frame);
                }
                None => {
                    open.remove(turn);
                }
            }
        }
        let frames: Vec<_> = batch.iter().map(Owned::frame).collect();
        worker.batch(&frames, &mut sink);
    }
    // Longer than a flow may be undecided.
    now = now + Duration::from_secs(6);
    worker.tick(now, &mut sink);
    worker.finish(now, &mut sink);
    let counters = worker.counters();
    assert!(counters.is_balanced());
    assert_eq!(counters.flow.undecided_limit, 0);
    let mut records = vec![None; flows.len()];
    for record in sink.records.iter().filter(|record| record.action == Action::End) {
        let number = [record.client.ip, record.server.ip].iter().find_map(|ip| at_home.get(ip)).unwrap();
        assert!(records[*number].replace(*record).is_none(), "one flow each");
    }
    records.into_iter().map(|record| record.expect("each flow has its record")).collect()
}

type Endpoint = (IpAddr, u16);

fn ends(rng: &mut Rng, number: u16, dialogue: &Dialogue, way: Way) -> (Endpoint, Endpoint) {
    let [high, low] = number.to_be_bytes();
    let (client, server) = match way {
        Way::Outbound => ([10, 9, high, low], [203, 0, 113, 5]),
        Way::Inbound => ([198, 51, high, low], [10, 1, 1, 1]),
        Way::Internal => ([10, 8, high, low], [10, 1, 1, 1]),
    };
    // Ephemeral ports, clear of those that are reserved for something.
    let client_port = dialogue.client_port.unwrap_or(rng.range(52_000, 60_000) as u16);
    let end = |address: [u8; 4], port| (IpAddr::V4(Ipv4Addr::from(address)), port);
    (end(client, client_port), end(server, dialogue.server_port))
}

/// Frames of one flow.
struct Conversation {
    ends: (Endpoint, Endpoint),
    /// Next sequence number of the client and of the server.
    next: [u32; 2],
    transport: Transport,
    only: Option<Speaker>,
    frames: Vec<Owned>,
}

impl Conversation {
    fn new(ends: (Endpoint, Endpoint), transport: Transport) -> Self {
        Self { ends, next: [0xffff_ff80, 0x7fff_ff00], transport, only: None, frames: Vec::new() }
    }

    fn play(mut self, rng: &mut Rng, dialogue: &Dialogue, delivery: Delivery) -> Vec<Owned> {
        self.only = delivery.only;
        if self.transport == Transport::UDP {
            let mut turns = dialogue.turns.clone();
            if delivery.order != Order::AsSent && turns.len() > 1 {
                let at = rng.range(0, turns.len() - 2);
                if turns[at].0 == turns[at + 1].0 {
                    turns.swap(at, at + 1);
                }
            }
            for (speaker, datagram) in turns {
                self.send(speaker, TransportHeader::Udp, &datagram);
            }
            return self.frames;
        }
        self.tcp(Client, 0, TcpFlags::SYN, b"");
        self.next[0] = self.next[0].wrapping_add(1);
        self.tcp(Server, 0, TcpFlags::SYN | TcpFlags::ACK, b"");
        self.next[1] = self.next[1].wrapping_add(1);
        self.tcp(Client, 0, TcpFlags::ACK, b"");
        for (speaker, said) in &dialogue.turns {
            self.turn(rng, *speaker, said, delivery);
        }
        self.end(delivery.end);
        self.frames
    }

    fn turn(&mut self, rng: &mut Rng, speaker: Speaker, said: &[u8], delivery: Delivery) {
        let mut segments = segments(rng, said.len(), delivery.cut);
        if delivery.overlaps {
            let again = rng.range(0, segments.len() - 1);
            let (start, end) = segments[again];
            let longer = (start.saturating_sub(rng.range(0, 9)), (end + rng.range(0, 9)).min(said.len()));
            segments.insert(rng.range(0, segments.len()), longer);
        }
        match delivery.order {
            Order::AsSent => {}
            Order::Swapped => {
                for _ in 0..2 {
                    let at = rng.range(0, segments.len() - 1);
                    if at > 0 {
                        segments.swap(at - 1, at);
                    }
                }
            }
            Order::Reversed => {
                let few = segments.len().min(4);
                segments[..few].reverse();
            }
        }
        for (start, end) in segments {
            let push = if end == said.len() { TcpFlags::PSH } else { 0 };
            self.tcp(speaker, start as u32, TcpFlags::ACK | push, &said[start..end]);
        }
        let next = &mut self.next[speaker as usize];
        *next = next.wrapping_add(said.len() as u32);
    }

    fn end(&mut self, end: End) {
        match end {
            End::Fin => {
                self.tcp(Client, 0, TcpFlags::FIN | TcpFlags::ACK, b"");
                self.next[0] = self.next[0].wrapping_add(1);
                self.tcp(Server, 0, TcpFlags::FIN | TcpFlags::ACK, b"");
            }
            End::Rst => self.tcp(Server, 0, TcpFlags::RST, b""),
            End::Idle => {}
        }
    }

    fn tcp(&mut self, speaker: Speaker, offset: u32, flags: u8, payload: &[u8]) {
        let seq = self.next[speaker as usize].wrapping_add(offset);
        let ack = if flags & TcpFlags::ACK == 0 { 0 } else { self.next[1 - speaker as usize] };
        self.send(
            speaker,
            TransportHeader::Tcp(TcpHeader { seq, ack, flags: TcpFlags(flags), mp_join: false }),
            payload,
        );
    }

    fn send(&mut self, speaker: Speaker, transport: TransportHeader, payload: &[u8]) {
        if self.only.is_some_and(|only| only != speaker) {
            return;
        }
        let (source, destination) = match speaker {
            Client => self.ends,
            Server => (self.ends.1, self.ends.0),
        };
        let time = Timestamp::ZERO;
        let (bytes, wire_len) =
            ip_packet(&Build { source, destination, transport, payload, cut: 0, time }.packet());
        self.frames.push(Owned { bytes, wire_len, time });
    }
}

/// Where segments start and end.
fn segments(rng: &mut Rng, len: usize, cut: Cut) -> Vec<(usize, usize)> {
    let mut segments = Vec::new();
    let mut start = 0;
    while start < len {
        let size = match cut {
            Cut::Small if start < 512 => rng.range(12, 64),
            Cut::Dribble if segments.len() < 6 => rng.range(1, 8),
            _ => 1_460,
        };
        let end = len.min(start + size);
        segments.push((start, end));
        start = end;
    }
    segments
}

/// Results by class.
#[derive(Default)]
pub struct Tally {
    classes: BTreeMap<String, Results>,
}

#[derive(Default)]
struct Results {
    total: usize,
    flagged: usize,
    /// What was answered how often, with an example: of the flows that were flagged, and of those that were not.
    answers: [BTreeMap<String, (usize, String)>; 2],
}

impl Tally {
    pub fn add(&mut self, class: &str, dialogue: &Dialogue, record: &FlowRecord) {
        let flagged = is_flagged(record);
        let results = self.classes.entry(class.to_owned()).or_default();
        results.total += 1;
        results.flagged += usize::from(flagged);
        let entry = results.answers[usize::from(flagged)].entry(answer(record)).or_default();
        entry.0 += 1;
        if entry.1.is_empty() {
            entry.1 = head(dialogue);
        }
    }

    pub fn total(&self) -> usize {
        self.classes.values().map(|results| results.total).sum()
    }

    pub fn flagged(&self) -> usize {
        self.classes.values().map(|results| results.flagged).sum()
    }

    /// A line for each class, and below it one for each answer.
    pub fn report(&self, all: bool) -> String {
        let mut text = String::new();
        for (class, results) in &self.classes {
            let _ = writeln!(text, "{:>7} of {:>7}  {class}", results.flagged, results.total);
            for (flagged, answers) in results.answers.iter().enumerate() {
                for (answer, (count, example)) in answers {
                    if flagged == 0 || all {
                        let sign = if flagged == 0 { "MISS" } else { "    " };
                        let _ = writeln!(text, "      {sign} {count:>6} {answer}   {example}");
                    }
                }
            }
        }
        text
    }
}

/// Whether a flow raises an event.
pub fn is_flagged(record: &FlowRecord) -> bool {
    record.judgement.is_some_and(|judgement| {
        judgement.verdict.is_alarm() && judgement.severity >= Config::default().event_floor.max(Severity::Low)
    })
}

/// The verdict and the protocol.
pub fn answer(record: &FlowRecord) -> String {
    let verdict = record.judgement.map_or("none", |judgement| judgement.verdict.name());
    match record.protocol {
        Some((protocol, proof)) => format!("{verdict} {protocol} ({})", proof.name()),
        None => verdict.to_owned(),
    }
}

/// The beginning of what was said.
pub fn head(dialogue: &Dialogue) -> String {
    let transport = dialogue.transport.name().unwrap_or("?");
    let mut text = format!("{}/{transport}", dialogue.server_port);
    for (speaker, said) in dialogue.turns.iter().take(3) {
        let arrow = if *speaker == Client { '>' } else { '<' };
        let _ = write!(text, " {arrow} {} ({})", said[..said.len().min(60)].escape_ascii(), said.len());
    }
    text
}

/// Which ports of the default policy are reserved for a protocol; open ones too.
pub fn ports_of(protocol: Protocol) -> Vec<(Transport, u16)> {
    PortRule::built_in()
        .filter(|rule| rule.expects.contains(&protocol))
        .flat_map(|rule| (rule.ports.first..=rule.ports.last).map(move |port| (rule.transport, port)))
        .collect()
}
