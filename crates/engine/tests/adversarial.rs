//! What belongs on no port, on every reserved one: 100,000 flows, from frames to verdicts. Whoever pours it out, however
//! it is cut and in whatever order it arrives, it raises an event, but for one in a thousand.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod grammar;
mod junk;
mod traffic;

use offport_fingerprint::Protocol;
use offport_policy::PortRule;
use offport_wire::Transport;

use crate::junk::{Class, mimicry};
use crate::traffic::{Client, Delivery, Dialogue, Rng, Server, Tally, reserved, run};

/// Flows of raw data, spread evenly over classes, ports, speakers and ways of delivery.
fn pour(seed: u64, flows: usize, classes: &[Class]) -> Tally {
    let mut rng = Rng::new(seed);
    let ports: Vec<(Transport, u16)> = reserved()
        .iter()
        .flat_map(|rule| (rule.ports.first..=rule.ports.last).map(|port| (rule.transport, port)))
        .collect();
    let cases: Vec<_> = (0..flows)
        .map(|number| {
            let (class, data) = classes[number % classes.len()];
            let (transport, server_port) = rng.of(&ports);
            let turns = match rng.range(0, 3) {
                0 | 1 => vec![(Client, data(&mut rng))],
                2 => vec![(Server, data(&mut rng))],
                _ => vec![(Client, data(&mut rng)), (Server, data(&mut rng)), (Client, data(&mut rng))],
            };
            let dialogue = Dialogue { transport, client_port: None, server_port, turns };
            (class, dialogue, Delivery::any(&mut rng))
        })
        .collect();
    tally(&mut rng, &cases)
}

fn tally(rng: &mut Rng, cases: &[(&str, Dialogue, Delivery)]) -> Tally {
    let flows: Vec<_> = cases.iter().map(|(_, dialogue, delivery)| (dialogue.clone(), *delivery)).collect();
    let mut tally = Tally::default();
    for ((class, dialogue, delivery), record) in cases.iter().zip(run(rng, &flows)) {
        if std::env::var_os("DBG").is_some() && !traffic::is_flagged(&record) {
            eprintln!("DBG {class} {delivery:?} {}", traffic::answer(&record));
        }
        tally.add(class, dialogue, &record);
    }
    tally
}

/// Ports that are reserved for this protocol over this transport, and nothing else belongs there.
fn ports_for(protocol: Protocol, transport: Transport, rules: &[PortRule]) -> Vec<u16> {
    rules
        .iter()
        .filter(|rule| rule.transport == transport && rule.expects.contains(&protocol))
        .flat_map(|rule| rule.ports.first..=rule.ports.last)
        .collect()
}

/// So many of 1,000 raise an event, at least.
fn assert_flagged(tally: &Tally, of_1000: usize) {
    if std::env::var_os("OFFPORT_REPORT").is_some() {
        eprintln!("{}", tally.report(true));
    }
    let (flagged, total) = (tally.flagged(), tally.total());
    eprintln!("{flagged} of {total}, missed:\n{}", tally.report(false));
    assert!(flagged * 1_000 >= total * of_1000, "{flagged} of {total}");
}

#[test]
fn bytes_without_form_are_flagged() {
    assert_flagged(&pour(0x0ff9_0001, 20_000, junk::OPAQUE), 999);
}

#[test]
fn text_is_flagged() {
    assert_flagged(&pour(0x0ff9_0002, 25_000, junk::TEXT), 999);
}

#[test]
fn files_are_flagged() {
    assert_flagged(&pour(0x0ff9_0003, 12_000, junk::FILES), 999);
}

#[test]
fn padding_and_numbers_are_flagged() {
    assert_flagged(&pour(0x0ff9_0004, 10_000, junk::PADDED), 999);
}

#[test]
fn framing_of_ones_own_is_flagged() {
    assert_flagged(&pour(0x0ff9_0005, 13_000, junk::FRAMED), 999);
}

/// Of what is watched, one segment that comes early is heard; greetings that are followed by a few bytes of noise only are not told from
/// real ones.
#[test]
fn what_only_begins_as_its_port_would_is_flagged() {
    let mut rng = Rng::new(0x0ff9_0006);
    let rules = reserved();
    let cases: Vec<_> = (0..)
        .filter_map(|number: usize| {
            let (protocol, transport, class, converse) = mimicry::MASKS[number % mimicry::MASKS.len()];
            let ports = ports_for(protocol, transport, &rules);
            let server_port = *ports.get(rng.range(0, ports.len().max(1) - 1))?;
            let dialogue = Dialogue { transport, client_port: None, server_port, turns: converse(&mut rng) };
            Some((class, dialogue, Delivery::any(&mut rng)))
        })
        .take(10_000)
        .collect();
    assert_flagged(&tally(&mut rng, &cases), 990);
}

/// What a protocol begins as: a WebSocket as HTTP, and the names of the local link are looked up in the form of DNS.
fn form(protocol: Protocol) -> Protocol {
    match protocol {
        Protocol::Websocket => Protocol::Http,
        Protocol::Mdns | Protocol::Llmnr => Protocol::Dns,
        other => other,
    }
}

/// A well-formed conversation of something else, neither expected nor tolerated there.
#[test]
fn another_service_is_flagged() {
    let mut rng = Rng::new(0x0ff9_0007);
    let rules = reserved();
    let grammars: Vec<_> = grammar::all().collect();
    let cases: Vec<_> = (0..)
        .filter_map(|number: usize| {
            let grammar = grammars[number % grammars.len()];
            let form = form(grammar.protocol);
            let fits = |rule: &&PortRule| {
                let belongs = |list: &[Protocol]| list.iter().any(|&protocol| self::form(protocol) == form);
                rule.transport == grammar.transport && !belongs(&rule.expects) && !belongs(&rule.tolerates)
            };
            let others: Vec<_> = rules.iter().filter(fits).collect();
            let rule = others[rng.range(0, others.len() - 1)];
            let server_port = rng.range(rule.ports.first.into(), rule.ports.last.into()) as u16;
            let turns = (grammar.converse)(&mut rng);
            let is_long = turns.iter().any(|(_, said)| said.len() >= junk::FLOOR);
            let dialogue = Dialogue { transport: grammar.transport, client_port: None, server_port, turns };
            is_long.then(|| (grammar.protocol.name(), dialogue, Delivery::any(&mut rng)))
        })
        .take(10_000)
        .collect();
    assert_flagged(&tally(&mut rng, &cases), 999);
}
