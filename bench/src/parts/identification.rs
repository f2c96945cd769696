//! What it costs to identify the flows of the mixed capture: every question that the worker asks of the probes, again and
//! again, in the capture's order.

use std::collections::BTreeMap;
use std::hint::black_box;

use offport_engine::exchange;
use offport_fingerprint::cost::asked as probes_asked;
use offport_fingerprint::{Answer, Exchange, Identifier, Side, Speaker, Stage, identify};
use offport_flow::{End, Flow, Observer, Settlement, Tracker};
use offport_wire::{Parsed, Transport, parse};

use super::mix::PART as MIX;
use super::size::Size;
use crate::clock::{Pinned, thread_nanos};
use crate::corpus;
use crate::in_memory::mix::Capture;
use crate::in_memory::stages::config;
use crate::report::row::Row;
use crate::rounds::{Measured, Round, interleave};

const PART: &str = "identification, mix.pcap";
/// Nanoseconds a flow in the mean.
const MOST: f64 = 250.0;
/// Questions whose payload is touched before they are asked: first payloads in a burst of packets.
const BATCH: usize = 16;
/// Bytes of a cache line.
const LINE: usize = 64;
/// Protocols with fewer flows are no row of their own.
const FLOWS_LEAST: usize = 50;

/// All flows with payload, and those of each protocol.
///
/// # Errors
/// The capture is there and cannot be read.
pub fn run(size: &Size) -> anyhow::Result<Vec<Row>> {
    let _pinned = Pinned::to_last_core()?;
    let mix = match corpus::mix() {
        Ok(mix) => mix,
        Err(why) => return Ok(vec![Row::skipped(PART, MIX, why.to_string())]),
    };
    eprintln!("identification");
    let asked = ask(&Capture::read(&mix)?);
    let mut by_protocol: BTreeMap<&str, Vec<&Flowed>> = BTreeMap::new();
    for flow in &asked {
        by_protocol.entry(flow.protocol).or_default().push(flow);
    }
    let (many, few): (Vec<_>, Vec<_>) =
        by_protocol.into_iter().partition(|(_, flows)| flows.len() >= FLOWS_LEAST);
    let few = few.into_iter().flat_map(|(_, flows)| flows).collect();
    let mut cases = vec![("all flows with payload", asked.iter().collect::<Vec<_>>())];
    cases.extend(many);
    cases.push(("protocols with few flows", few));
    let rounds = if size.claim { 40 } else { 1 };
    let mut measured: Vec<_> = cases.iter().map(|(_, flows)| Questions::new(flows, rounds)).collect();
    let mut each: Vec<&mut dyn Measured> =
        measured.iter_mut().map(|case| case as &mut dyn Measured).collect();
    let series = interleave(size.rounds, &mut each);
    let rows = cases.iter().zip(&series).enumerate().map(|(at, ((name, flows), series))| {
        let exchanges: Vec<_> =
            flows.iter().flat_map(|flow| flow.questions.iter().map(Question::exchange)).collect();
        let each = |counted: usize| counted as f64 / flows.len().max(1) as f64;
        let asked = |which: usize| each(exchanges.iter().map(|exchange| probes_asked(exchange)[which]).sum());
        let note = format!(
            "{} flows, {:.2} questions each, to {:.1} probes ({:.1} where it is known)",
            flows.len(),
            each(exchanges.len()),
            asked(0),
            asked(1)
        );
        let row = Row::new(PART, *name, series, "ns/flow").note(note);
        if at == 0 { row.target(format!("≤ {MOST}"), series.median() <= MOST, size.claim) } else { row }
    });
    Ok(rows.collect())
}

/// A flow, and what was known of it whenever its payload had grown.
#[derive(Debug, Default)]
struct Flowed {
    questions: Vec<Question>,
    protocol: &'static str,
}

#[derive(Debug)]
struct Question {
    transport: Transport,
    first: Speaker,
    ports: [u16; 2],
    midstream: bool,
    sides: [Heard; 2],
}

#[derive(Debug)]
struct Heard {
    bytes: Vec<u8>,
    ends: Vec<u16>,
    first_len: u32,
    total: u64,
    closed: bool,
}

impl Heard {
    fn of(side: &Side<'_>) -> Self {
        let Side { bytes, ends, first_len, total, closed } = *side;
        Self { bytes: bytes.to_vec(), ends: ends.to_vec(), first_len, total, closed }
    }

    fn side(&self) -> Side<'_> {
        let Self { bytes, ends, first_len, total, closed } = self;
        Side { bytes, ends, first_len: *first_len, total: *total, closed: *closed }
    }
}

impl Question {
    fn of(exchange: &Exchange<'_>) -> Self {
        Self {
            transport: exchange.transport,
            first: exchange.first,
            ports: [exchange.client_port, exchange.server_port],
            midstream: exchange.midstream,
            sides: [Heard::of(&exchange.client), Heard::of(&exchange.server)],
        }
    }

    fn exchange(&self) -> Exchange<'_> {
        let [client, server] = &self.sides;
        Exchange {
            transport: self.transport,
            client: client.side(),
            server: server.side(),
            first: self.first,
            client_port: self.ports[0],
            server_port: self.ports[1],
            midstream: self.midstream,
        }
    }
}

/// Tracks the flows of a capture and writes down what is asked about them.
fn ask(capture: &Capture) -> Vec<Flowed> {
    let mut tracker = Tracker::new(&config(1 << 18).flow, 1);
    let mut asking = Asking::default();
    let mut last = None;
    for frame in capture.frames() {
        tracker.pass_time(frame.time, &mut asking);
        if let Ok(Parsed::Packet(packet)) = parse(&frame) {
            tracker.packet(&packet, None, &mut asking);
        }
        last = Some(frame.time);
    }
    if let Some(last) = last {
        tracker.finish(last, &mut asking);
    }
    asking.flows
}

/// Flows are known by what was asked of them: the questions of those that are not settled wait.
#[derive(Default)]
struct Asking {
    waiting: BTreeMap<Vec<u8>, Vec<Question>>,
    flows: Vec<Flowed>,
}

impl Asking {
    fn settle(&mut self, flow: &Flow<'_>, answer: Answer) -> Settlement {
        let protocol = match answer {
            Answer::Identified(protocol, _) => protocol.name(),
            Answer::NotRecognised | Answer::NeedMore => "not recognised",
        };
        let questions = self.waiting.remove(&name(flow)).unwrap_or_default();
        if !questions.is_empty() {
            self.flows.push(Flowed { questions, protocol });
        }
        Settlement { label: None, flagged: false, swap_roles: false, watch: None }
    }
}

fn name(flow: &Flow<'_>) -> Vec<u8> {
    format!("{:?}{:?}", flow.key, flow.start).into_bytes()
}

impl Observer for Asking {
    fn examine(&mut self, flow: &Flow<'_>) -> Option<Settlement> {
        let exchange = exchange(flow);
        self.waiting.entry(name(flow)).or_default().push(Question::of(&exchange));
        match identify(&exchange, Stage::Open) {
            Answer::NeedMore => None,
            answer => Some(self.settle(flow, answer)),
        }
    }

    fn conclude(&mut self, flow: &Flow<'_>) -> Settlement {
        self.settle(flow, identify(&exchange(flow), Stage::Last))
    }

    fn interim(&mut self, _: &Flow<'_>) -> Option<Settlement> {
        None
    }

    fn ended(&mut self, _: &Flow<'_>, _: End) {}
}

/// The questions of some flows, asked again.
struct Questions<'a> {
    exchanges: Vec<Exchange<'a>>,
    flows: u64,
    identifier: Identifier,
    times: u32,
}

impl<'a> Questions<'a> {
    fn new(flows: &[&'a Flowed], times: u32) -> Self {
        let exchanges = flows.iter().flat_map(|flow| flow.questions.iter().map(Question::exchange)).collect();
        Self { exchanges, flows: flows.len() as u64, identifier: Identifier::default(), times }
    }
}

impl Measured for Questions<'_> {
    fn round(&mut self) -> Round {
        let with = self.asked(|identifier, exchange| {
            black_box(identifier.identify(black_box(exchange), Stage::Open));
        });
        let without = self.asked(|_, exchange| {
            black_box(exchange);
        });
        Round { nanos: with.saturating_sub(without), units: self.flows * u64::from(self.times) }
    }
}

impl Questions<'_> {
    /// What it takes to touch all payload and to do this with it.
    fn asked(&mut self, each: impl Fn(&mut Identifier, &Exchange<'_>)) -> u64 {
        let before = thread_nanos();
        for _ in 0..self.times {
            for batch in self.exchanges.chunks(BATCH) {
                batch.iter().for_each(touch);
                batch.iter().for_each(|exchange| each(&mut self.identifier, exchange));
            }
        }
        thread_nanos() - before
    }
}

/// Has the payload in the cache, and where it ends, where a worker has them that has just read the packet.
fn touch(exchange: &Exchange<'_>) {
    for side in [&exchange.client, &exchange.server] {
        black_box(side.bytes.iter().step_by(LINE).fold(0, |sum, &byte| byte ^ sum));
        black_box(side.ends.first().copied());
    }
}
