//! A capture described in words: see `tests/cases/README.md`.

use std::net::SocketAddr;
use std::time::Duration;

use offport_analyst::sample::{Scene, Side, random};
use offport_wire::Timestamp;

/// 2026-03-02 10:00:00 UTC.
const START: Timestamp = Timestamp::from_nanos(1_772_445_600_000_000_000);

/// The capture that a script describes.
pub(crate) fn scene(script: &str) -> Scene {
    let mut scene = Scene::new(START);
    let mut rest =
        script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    while let Some(line) = rest.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["at", seconds] => scene.at(Duration::from_secs_f64(seconds.parse().unwrap())),
            ["tcp", client, server, options @ ..] => {
                let mut tcp = scene.tcp(end(client), end(server));
                if options != ["midstream"] {
                    assert!(options.is_empty(), "{line}");
                    tcp.open();
                }
                while let Some(line) = rest.next_if(|line| !starts_conversation(line)) {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    match words.as_slice() {
                        ["segments", bytes] => drop(tcp.segments_of(bytes.parse().unwrap())),
                        ["swapped"] => drop(tcp.swapped(true)),
                        ["in-order"] => drop(tcp.swapped(false)),
                        ["close"] => tcp.close(),
                        ["reset", who] => tcp.reset(side(who)),
                        [who, ..] => drop(tcp.say(side(who), &message(line))),
                        [] => {}
                    }
                }
            }
            ["udp", client, server] => {
                let (client, server) = (end(client), end(server));
                while let Some(line) = rest.next_if(|line| !starts_conversation(line)) {
                    let (from, to) = match side(&line[..1]) {
                        Side::Client => (client, server),
                        Side::Server => (server, client),
                    };
                    scene.udp(from, to, &message(line));
                }
            }
            _ => panic!("not understood: {line}"),
        }
    }
    scene
}

fn starts_conversation(line: &str) -> bool {
    ["tcp ", "udp ", "at "].iter().any(|word| line.starts_with(word))
}

fn end(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| panic!("not an address and port: {text}"))
}

fn side(text: &str) -> Side {
    match text {
        "c" => Side::Client,
        "s" => Side::Server,
        _ => panic!("neither c nor s: {text}"),
    }
}

/// What follows `c` or `s`: `"text"` with Rust's escapes, `hex 00ff`, `random SEED LENGTH`.
fn message(line: &str) -> Vec<u8> {
    let rest = line[1..].trim();
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words.as_slice() {
        ["hex", digits @ ..] => {
            let digits = digits.concat();
            (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
                .collect()
        }
        ["random", seed, length] => random(seed.parse().unwrap(), length.parse().unwrap()),
        _ => serde_json::from_str::<String>(rest)
            .unwrap_or_else(|_| panic!("not a message: {line}"))
            .into_bytes(),
    }
}
