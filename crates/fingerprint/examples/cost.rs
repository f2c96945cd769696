//! Measures what the probes cost on real first payloads.
//!
//! ```text
//! cargo run --release -p offport-fingerprint --example cost -- payloads.jsonl
//! ```
//!
//! Input as for the `measure` example. Every probe is asked about whole flows as they stand at the end: about those that
//! are labelled as its own, and about all others of its transports. Prints nanoseconds a probe, dearest first: mean over
//! its own, mean over the others, and the dearest single flow. Then what a whole identification costs.
#![allow(clippy::print_stdout, reason = "this program's output")]

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::time::Instant;

use offport_fingerprint::{Exchange, Protocol, Side, Speaker, Stage, cost, identify};
use offport_wire::Transport;
use serde_json::Value;

/// Rounds over all flows; the fastest round counts, for it was disturbed least.
const ROUNDS: usize = 7;
/// Repetitions of one question between two readings of the clock.
const REPEATS: u32 = 16;
/// Flows of one label at most: a corpus full of one protocol shall not decide what is foreign.
const FLOWS_PER_LABEL: usize = 40;

struct Flow {
    label: String,
    transport: Transport,
    client: Half,
    server: Half,
    first: Speaker,
    ports: (u16, u16),
    midstream: bool,
}

struct Half {
    bytes: Vec<u8>,
    ends: Vec<u16>,
    first_len: u32,
    total: u64,
}

impl Half {
    fn of(flow: &Value, side: &str) -> Self {
        let number = |what: &str| flow[format!("{side}_{what}")].as_u64().unwrap_or(0);
        let hex = flow[side].as_str().unwrap_or("").as_bytes();
        let nibble = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
        Self {
            bytes: hex.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect(),
            ends: flow[format!("{side}_ends")]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|end| end.as_u64().and_then(|end| u16::try_from(end).ok()))
                .collect(),
            first_len: number("first_len") as u32,
            total: number("total"),
        }
    }

    fn side(&self) -> Side<'_> {
        Side {
            bytes: &self.bytes,
            ends: &self.ends,
            first_len: self.first_len,
            total: self.total,
            closed: true,
        }
    }
}

impl Flow {
    fn of(line: &str) -> Result<Self, Box<dyn Error>> {
        let flow: Value = serde_json::from_str(line)?;
        let port = |side: &str| flow[side].as_u64().unwrap_or(0) as u16;
        Ok(Self {
            label: flow["label"].as_str().unwrap_or("").to_owned(),
            transport: match flow["transport"].as_str() {
                Some("tcp") => Transport::TCP,
                Some("udp") => Transport::UDP,
                _ => Transport::SCTP,
            },
            client: Half::of(&flow, "c"),
            server: Half::of(&flow, "s"),
            first: if flow["first"] == "s" { Speaker::Server } else { Speaker::Client },
            ports: (port("client_port"), port("server_port")),
            midstream: flow["tcp_start"] == "mid",
        })
    }

    fn exchange(&self) -> Exchange<'_> {
        Exchange {
            transport: self.transport,
            client: self.client.side(),
            server: self.server.side(),
            first: self.first,
            client_port: self.ports.0,
            server_port: self.ports.1,
            midstream: self.midstream,
        }
    }
}

fn flows(path: &str) -> Result<Vec<Flow>, Box<dyn Error>> {
    let mut flows = Vec::<Flow>::new();
    for line in BufReader::new(std::fs::File::open(path)?).lines() {
        let flow = Flow::of(&line?)?;
        let alike = flows.iter().filter(|other| other.label == flow.label).count();
        if alike < FLOWS_PER_LABEL && flow.client.bytes.len() + flow.server.bytes.len() > 0 {
            flows.push(flow);
        }
    }
    Ok(flows)
}

/// Nanoseconds that one question takes.
fn nanoseconds<T>(question: impl Fn() -> T) -> f64 {
    let round = || {
        let start = Instant::now();
        for _ in 0..REPEATS {
            black_box(question());
        }
        start.elapsed().as_nanos() as f64 / f64::from(REPEATS)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: cost payloads.jsonl")?;
    let flows = flows(&path)?;
    let mut rows = Vec::new();
    for &protocol in Protocol::ALL {
        let probe = cost::probe(protocol);
        let (mut own, mut foreign, mut dearest) = (Vec::new(), Vec::new(), (0.0, ""));
        for flow in &flows {
            let exchange = flow.exchange();
            if probe(&exchange).is_none() {
                continue;
            }
            let took = nanoseconds(|| probe(black_box(&exchange)));
            if flow.label == protocol.name() { &mut own } else { &mut foreign }.push(took);
            if took > dearest.0 {
                dearest = (took, &flow.label);
            }
        }
        rows.push((mean(&foreign), mean(&own), dearest, protocol));
    }
    rows.sort_by(|one, other| other.0.total_cmp(&one.0));
    println!("{:16} {:>8} {:>8} {:>8}", "ns a probe", "foreign", "own", "dearest");
    for (foreign, own, (dearest, label), protocol) in rows {
        println!("{:16} {foreign:8.1} {own:8.1} {dearest:8.1} {label}", protocol.name());
    }
    for (name, transport) in [("tcp", Transport::TCP), ("udp", Transport::UDP)] {
        let mut took: Vec<f64> = flows
            .iter()
            .filter(|flow| flow.transport == transport)
            .map(|flow| nanoseconds(|| identify(black_box(&flow.exchange()), Stage::Last)))
            .collect();
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        println!(
            "identify, {name}: mean {:.0} ns, median {:.0}, 99 of 100 within {:.0}, {} flows",
            mean(&took),
            at(0.5),
            at(0.99),
            took.len()
        );
    }
    Ok(())
}
