//! Looks for the payload of 512 bytes that costs most: of each probe alone, and of a whole identification.
//!
//! ```text
//! cargo run --release -p offport-fingerprint --example dearest -- seeds.hex [dearest.hex]
//! cargo run --release -p offport-fingerprint --example dearest -- --once dearest.hex    (under callgrind)
//! ```
//!
//! A seed is a line of `tcp` or `udp` and a payload in hexadecimal digits. Each is asked about as the client's first
//! payload and as the server's, filled up to 512 bytes in several ways; the dearest are then changed at random for as long
//! as that makes them dearer. The whole identification is that of a flow which says no more, at its end.
#![allow(clippy::print_stdout, reason = "this program's output")]

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use offport_fingerprint::{Exchange, Protocol, Side, Speaker, Stage, cost, identify, is_probed};
use offport_wire::Transport;

const LEN: usize = 512;
/// The fastest of so many rounds counts, for it was disturbed least.
const ROUNDS: usize = 5;
/// Changes that are tried on each of the dearest.
const CHANGES: usize = 3_000;
/// So many of the dearest are changed.
const DEAREST: usize = 24;

#[derive(Clone)]
struct Case {
    transport: Transport,
    speaker: Speaker,
    bytes: Vec<u8>,
}

impl Case {
    /// In one datagram, or one segment.
    fn exchange<'a>(&'a self, ends: &'a [u16]) -> Exchange<'a> {
        let said = Side { closed: true, ..Side::one(&self.bytes, ends) };
        let (client, server) = match self.speaker {
            Speaker::Client => (said, Side::default()),
            Speaker::Server => (Side::default(), said),
        };
        Exchange {
            transport: self.transport,
            client,
            server,
            first: self.speaker,
            client_port: 50_000,
            server_port: 40_000,
            midstream: false,
        }
    }

    fn nanoseconds<T>(&self, question: impl Fn(&Exchange<'_>) -> T) -> f64 {
        let ends = [self.bytes.len() as u16];
        let exchange = self.exchange(&ends);
        let round = || {
            let start = Instant::now();
            for _ in 0..4 {
                black_box(question(black_box(&exchange)));
            }
            start.elapsed().as_nanos() as f64 / 4.0
        };
        (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
    }

    fn whole(&self) -> f64 {
        self.nanoseconds(|exchange| identify(exchange, Stage::Last))
    }

    fn line(&self) -> String {
        let mut line = format!("{} {:?} ", self.transport.name().unwrap_or("?"), self.speaker).to_lowercase();
        for byte in &self.bytes {
            let _ = write!(line, "{byte:02x}");
        }
        line
    }
}

struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let nibble = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

type Line = (Transport, String, Vec<u8>);

fn read(path: &str) -> Result<Vec<Line>, Box<dyn Error>> {
    let parse = |line: &str| {
        let transport = if line.starts_with("udp") { Transport::UDP } else { Transport::TCP };
        (transport, line.to_owned(), unhex(line.rsplit(' ').next().unwrap_or_default()))
    };
    Ok(std::fs::read_to_string(path)?.lines().map(parse).collect())
}

/// A payload as it is, over and over, and followed by what keeps parsers busy.
fn filled(bytes: &[u8]) -> Vec<Vec<u8>> {
    let fill = |with: &[u8]| -> Vec<u8> {
        bytes.iter().copied().chain(with.iter().copied().cycle()).take(LEN).collect()
    };
    let mut cases = vec![bytes[..bytes.len().min(LEN)].to_vec()];
    for with in [bytes, b"\0", b"a", b"a\r\n", b"a: b\r\n", b"\x01a", b"\x30\x02", b"\xc0\x0c", b" "] {
        if !with.is_empty() {
            cases.push(fill(with));
        }
    }
    cases
}

fn change(case: &Case, others: &[Case], noise: &mut Noise) -> Case {
    let mut bytes = case.bytes.clone();
    let at = noise.below(bytes.len());
    match noise.below(5) {
        0 => bytes[at] = noise.below(256) as u8,
        1 => bytes[at] ^= 1 << noise.below(8),
        2 => {
            let piece = bytes[at..bytes.len().min(at + 1 + noise.below(32))].to_vec();
            let to = noise.below(bytes.len());
            bytes.splice(to..to, piece);
        }
        3 => {
            let other = &others[noise.below(others.len())].bytes;
            let from = noise.below(other.len());
            bytes.truncate(at);
            bytes.extend(&other[from..]);
        }
        _ => {
            let end = bytes.len().min(at + 1 + noise.below(16));
            bytes.drain(at..end);
        }
    }
    let filler = bytes.last().copied().unwrap_or(0);
    bytes.resize(LEN, filler);
    Case { bytes, ..*case }
}

fn climb(start: &Case, others: &[Case], noise: &mut Noise, cost: impl Fn(&Case) -> f64) -> (f64, Case) {
    let (mut best, mut dearest) = (start.clone(), cost(start));
    for _ in 0..CHANGES {
        let changed = change(&best, others, noise);
        // Twice, for a disturbance makes anything dear.
        let took = cost(&changed);
        if took > dearest * 1.01 {
            let again = cost(&changed).min(took);
            if again > dearest * 1.01 {
                (best, dearest) = (changed, again);
            }
        }
    }
    (dearest, best)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    if let [_, once, path] = &args[..]
        && once == "--once"
    {
        return once_each(path);
    }
    let seeds = read(args.get(1).ok_or("usage: dearest seeds.hex [dearest.hex]")?)?;
    let mut noise = Noise(0x0ff9_c057);
    let mut cases = Vec::new();
    for (transport, _, bytes) in &seeds {
        for bytes in filled(bytes) {
            for speaker in [Speaker::Client, Speaker::Server] {
                cases.push(Case { transport: *transport, speaker, bytes: bytes.clone() });
            }
        }
    }
    println!("{} cases", cases.len());
    let mut rows = Vec::new();
    for &protocol in Protocol::ALL {
        let probe = cost::probe(protocol);
        for transport in [Transport::TCP, Transport::UDP] {
            if !is_probed(protocol, transport) {
                continue;
            }
            let of_transport = cases.iter().filter(|case| case.transport == transport);
            // One round tells which is worth measuring.
            let mut rough: Vec<_> = of_transport.map(|case| (case.nanoseconds(&probe), case)).collect();
            rough.sort_by(|one, other| other.0.total_cmp(&one.0));
            let dearest = rough.iter().take(8).map(|(_, case)| case.nanoseconds(&probe)).fold(0.0, f64::max);
            rows.push((dearest, protocol, transport));
        }
    }
    rows.sort_by(|one, other| other.0.total_cmp(&one.0));
    println!("dearest probes, ns:");
    for (took, protocol, transport) in rows.iter().take(20) {
        println!("{took:8.0} {protocol} {}", transport.name().unwrap_or("?"));
    }
    println!("all others: less than {:.0}, {} in all", rows.get(20).map_or(0.0, |row| row.0), rows.len());
    let mut found = String::new();
    for transport in [Transport::TCP, Transport::UDP] {
        for speaker in [Speaker::Client, Speaker::Server] {
            let of_both = |case: &&Case| case.transport == transport && case.speaker == speaker;
            let mut pool: Vec<_> =
                cases.iter().filter(of_both).map(|case| (case.whole(), case.clone())).collect();
            pool.sort_by(|one, other| other.0.total_cmp(&one.0));
            let others: Vec<Case> = pool.iter().take(400).map(|(_, case)| case.clone()).collect();
            let before = pool.iter().take(8).map(|(_, case)| case.whole()).fold(0.0, f64::max);
            let best = pool
                .iter()
                .take(DEAREST)
                .map(|(_, case)| climb(case, &others, &mut noise, Case::whole))
                .max_by(|one, other| one.0.total_cmp(&other.0));
            if let Some((dearest, case)) = best {
                println!(
                    "identify, {transport:?} {speaker:?}: {before:.0} ns of seeds, {dearest:.0} ns found"
                );
                found += &(case.line() + "\n");
            }
        }
    }
    if let Some(path) = args.get(2) {
        std::fs::write(path, found)?;
    }
    Ok(())
}

/// Each case once, for a count of instructions.
fn once_each(path: &str) -> Result<(), Box<dyn Error>> {
    for (transport, line, bytes) in read(path)? {
        let speaker = if line.contains("server") { Speaker::Server } else { Speaker::Client };
        let case = Case { transport, speaker, bytes };
        let ends = [case.bytes.len() as u16];
        // The tables of the first bytes are made by the first question.
        black_box(identify(&case.exchange(&ends), Stage::Last));
        black_box(measured(&case.exchange(&ends)));
        println!("{} ns", case.whole());
    }
    Ok(())
}

/// Its own function, so that callgrind can be told to count it.
#[inline(never)]
fn measured(exchange: &Exchange<'_>) -> bool {
    identify(exchange, Stage::Last) == offport_fingerprint::Answer::NotRecognised
}
