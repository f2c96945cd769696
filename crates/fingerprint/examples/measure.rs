//! Measures the fingerprints on labelled first payloads.
//!
//! ```text
//! cargo run -p offport-fingerprint --example measure -- payloads.jsonl [label] [--all]
//! ```
//!
//! One flow a line: `file`, `transport`, `label`, `status`, `fuzz`, `tcp_start`, `client_port`, `server_port`, `first`
//! (`c`, `s`), and for each side (`c`, `s`) its first payload as hex, `_ends`, `_first_len`, `_total`, `_closed`. The
//! payload is fed segment by segment, the sides in turns, until the answer is settled, as a sensor would.
//! Prints right, wrong and missed per label, then the flows that went wrong; with a label, only those of
//! that label or named so, with their first bytes. `--all` also counts what is not ground truth.
#![allow(clippy::print_stdout, reason = "this program's output")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader};

use offport_fingerprint::{Answer, Exchange, Protocol, Side, Speaker, Stage, identify};
use offport_wire::Transport;
use serde_json::Value;

#[derive(Default)]
struct Tally {
    right: u32,
    wrong: u32,
    missed: u32,
}

struct Half {
    bytes: Vec<u8>,
    ends: Vec<u16>,
    first_len: u32,
    total: u64,
    closed: bool,
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
            closed: flow[format!("{side}_closed")].as_bool().unwrap_or(false),
        }
    }

    fn upto(&self, segments: usize, finished: bool) -> Side<'_> {
        let ends = &self.ends[..segments.min(self.ends.len())];
        let len = ends.last().map_or(0, |&end| usize::from(end).min(self.bytes.len()));
        let whole = segments >= self.ends.len();
        Side {
            bytes: &self.bytes[..len],
            ends,
            first_len: if len == 0 { 0 } else { self.first_len },
            total: if whole { self.total } else { len as u64 },
            closed: whole && (self.closed || finished),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args().skip(1).filter(|arg| arg != "--all");
    let path = paths.next().ok_or("usage: measure payloads.jsonl [label] [--all]")?;
    let only = paths.next();
    let all = std::env::args().any(|arg| arg == "--all");
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut steps: BTreeMap<usize, u32> = BTreeMap::new();
    for line in BufReader::new(std::fs::File::open(path)?).lines() {
        let flow: Value = serde_json::from_str(&line?)?;
        let text = |field: &str| flow[field].as_str().unwrap_or("");
        let truth = matches!(text("status"), "agree" | "majority") && text("fuzz") == "0";
        if !truth && !all {
            continue;
        }
        let (client, server) = (Half::of(&flow, "c"), Half::of(&flow, "s"));
        if client.bytes.is_empty() && server.bytes.is_empty() {
            continue;
        }
        let label = text("label");
        let (answer, step) = judge(&flow, &client, &server);
        let known = Protocol::from_name(label).is_some();
        let tally = tallies.entry(label.to_owned()).or_default();
        let fault = match answer {
            Answer::Identified(protocol, _) if protocol.name() == label => {
                tally.right += 1;
                *steps.entry(step).or_default() += 1;
                None
            }
            Answer::Identified(protocol, proof) => {
                tally.wrong += 1;
                Some(format!("WRONG {label} as {protocol} ({})", proof.name()))
            }
            Answer::NeedMore => {
                tally.missed += 1;
                known.then(|| format!("SHORT {label}"))
            }
            Answer::NotRecognised => {
                tally.missed += 1;
                known.then(|| format!("MISSED {label}"))
            }
        };
        let Some(fault) = fault else { continue };
        let wanted = only.as_ref().is_none_or(|only| fault.split(' ').any(|word| word == only));
        if wanted {
            faults.push(format!(
                "{fault}: {} {}/{} {} first={} {}",
                text("file"),
                text("transport"),
                flow["server_port"],
                text("tcp_start"),
                text("first"),
                if only.is_some() { dump(&client, &server) } else { String::new() },
            ));
        }
    }
    println!("{:16} {:>6} {:>6} {:>6}  recall", "label", "right", "wrong", "missed");
    let (mut right, mut wrong, mut named) = (0, 0, 0);
    for (label, Tally { right: good, wrong: bad, missed }) in &tallies {
        right += good;
        wrong += bad;
        let known = Protocol::from_name(label).is_some();
        named += if known { good + bad + missed } else { 0 };
        if (known || *bad > 0) && only.as_ref().is_none_or(|only| only == label) {
            let recall = f64::from(*good) / f64::from(good + bad + missed);
            println!(
                "{label:16} {good:6} {bad:6} {missed:6}  {recall:.4}{}",
                if known { "" } else { " (no probe)" }
            );
        }
    }
    let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole.max(1));
    println!("recall {:.4} of {named}, precision {:.4}", share(right, named), share(right, right + wrong));
    println!("settled after payload segments: {steps:?}");
    for fault in faults {
        println!("{fault}");
    }
    Ok(())
}

/// The settled answer, and after how many segments.
fn judge(flow: &Value, client: &Half, server: &Half) -> (Answer, usize) {
    let first = if flow["first"] == "s" { Speaker::Server } else { Speaker::Client };
    let exchange = |clients: usize, servers: usize, finished: bool| Exchange {
        transport: match flow["transport"].as_str() {
            Some("tcp") => Transport::TCP,
            Some("udp") => Transport::UDP,
            _ => Transport::SCTP,
        },
        client: client.upto(clients, finished),
        server: server.upto(servers, finished),
        first,
        client_port: flow["client_port"].as_u64().unwrap_or(0) as u16,
        server_port: flow["server_port"].as_u64().unwrap_or(0) as u16,
        midstream: flow["tcp_start"] == "mid",
    };
    let (mut clients, mut servers) = (0, 0);
    let mut turn = first;
    for step in 1..=client.ends.len() + server.ends.len() {
        match turn {
            Speaker::Client if clients < client.ends.len() => clients += 1,
            Speaker::Server if servers < server.ends.len() => servers += 1,
            Speaker::Client => servers += 1,
            Speaker::Server => clients += 1,
        }
        turn = if turn == Speaker::Client { Speaker::Server } else { Speaker::Client };
        match identify(&exchange(clients, servers, false), Stage::Open) {
            Answer::NeedMore => {}
            settled => return (settled, step),
        }
    }
    (identify(&exchange(usize::MAX, usize::MAX, true), Stage::Last), client.ends.len() + server.ends.len())
}

fn dump(client: &Half, server: &Half) -> String {
    let shown = |half: &Half| {
        let hex: String = half.bytes.iter().take(48).map(|byte| format!("{byte:02x}")).collect();
        let head = &half.bytes[..half.bytes.len().min(96)];
        format!("[{} of {}] {hex} {}", half.bytes.len(), half.total, head.escape_ascii())
    };
    format!("\n    client {}\n    server {}", shown(client), shown(server))
}
