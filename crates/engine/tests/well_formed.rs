//! What is as its specification has it, on the ports that are reserved for it: 100,000 conversations, from frames to
//! verdicts. However they are cut, in whatever order they arrive, whole or broken off, seen from both sides or from one:
//! none is an alarm, and those that were seen whole are recognised.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod grammar;
mod traffic;

use std::collections::BTreeMap;

use offport_policy::Verdict;

use crate::grammar::Grammar;
use crate::traffic::{Client, Delivery, Dialogue, Rng, Server, Speaker, answer, head, ports_of, run};

/// What there is to see of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Whole,
    /// It is broken off behind some turn.
    Beginning,
    /// The other direction passes elsewhere.
    One(Speaker),
}

struct Case {
    grammar: &'static Grammar,
    seen: Seen,
    dialogue: Dialogue,
    delivery: Delivery,
}

fn case(rng: &mut Rng, grammar: &'static Grammar) -> Case {
    let ports: Vec<u16> = ports_of(grammar.protocol)
        .into_iter()
        .filter(|&(transport, _)| transport == grammar.transport)
        .map(|(_, port)| port)
        .collect();
    let server_port = if ports.is_empty() { 40_000 } else { rng.of(&ports) };
    let mut turns = (grammar.converse)(rng);
    let seen = rng.of(&[Seen::Whole, Seen::Whole, Seen::Beginning, Seen::One(Client), Seen::One(Server)]);
    let mut delivery = Delivery::any(rng);
    match seen {
        Seen::Whole => {}
        Seen::Beginning => turns.truncate(rng.range(1, turns.len())),
        Seen::One(speaker) if turns.iter().any(|turn| turn.0 == speaker) => delivery.only = Some(speaker),
        Seen::One(_) => {}
    }
    // Where the specification fixes the client's port, it does so on that of the server's, too.
    let client_port = grammar.client_port;
    let dialogue = Dialogue { transport: grammar.transport, client_port, server_port, turns };
    Case { grammar, seen, dialogue, delivery }
}

/// One in `of` of all grammars' conversations, the `part`th; 100,000 in all parts.
fn converse(part: usize, of: usize) {
    let mut rng = Rng::new(0x0ff9_0b1b * (part as u64 + 1));
    let grammars: Vec<_> = grammar::all().collect();
    let cases: Vec<_> =
        (0..100_000 / of).map(|number| case(&mut rng, grammars[number % grammars.len()])).collect();
    let flows: Vec<_> = cases.iter().map(|case| (case.dialogue.clone(), case.delivery)).collect();
    let records = run(&mut rng, &flows);
    let mut wrong = BTreeMap::<String, (usize, String)>::new();
    let mut recognised = BTreeMap::<&str, [usize; 2]>::new();
    for (case, record) in cases.iter().zip(&records) {
        let protocol = case.grammar.protocol;
        let verdict = record.judgement.map(|judgement| judgement.verdict);
        let fits = match record.protocol {
            // What shares a port shares its form: one-shot queries of mDNS are DNS, a WebSocket begins as HTTP.
            Some((named, _)) => {
                verdict == Some(Verdict::Expected)
                    || named == protocol && !verdict.is_some_and(Verdict::is_alarm)
            }
            None => matches!(verdict, None | Some(Verdict::Undecided)),
        };
        let counts = recognised.entry(protocol.name()).or_default();
        if case.seen == Seen::Whole {
            counts[1] += 1;
            counts[0] += usize::from(record.protocol.is_some());
        }
        if !fits {
            let key = format!("{protocol} {:?}: {}", case.seen, answer(record));
            let entry = wrong
                .entry(key)
                .or_insert_with(|| (0, format!("{:?} {}", case.delivery, head(&case.dialogue))));
            entry.0 += 1;
        }
    }
    eprintln!("recognised of those that were seen whole: {recognised:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (protocol, [named, whole]) in recognised {
        // A refusal of mail, or of remote desktops a request without options, is too little to say.
        let least = if matches!(protocol, "smtp" | "rdp") { 85 } else { 99 };
        assert!(named * 100 >= whole * least, "{protocol}: {named} of {whole}");
    }
}

#[test]
fn conversations_raise_no_alarm_1() {
    converse(0, 4);
}

#[test]
fn conversations_raise_no_alarm_2() {
    converse(1, 4);
}

#[test]
fn conversations_raise_no_alarm_3() {
    converse(2, 4);
}

#[test]
fn conversations_raise_no_alarm_4() {
    converse(3, 4);
}
