//! lpd: the Line Printer Daemon protocol: RFC 1179, sections 5 and 6.
//!
//! A command is a byte and a queue's name; to print, subcommands with the names of a control or data file follow, which
//! prove it. The other commands are proven by no more than that text answers them. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{FROM_START, Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Lpd,
    transports: Transports::TCP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[FROM_START],
    check,
};

const PRINT: u8 = 1;
const RECEIVE: u8 = 2;
const REMOVE: u8 = 5;
const QUEUE_MAX: usize = 64;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.midstream || exchange.first == Speaker::Server {
        return Match::No;
    }
    let command = exchange.client.bytes.first().copied().unwrap_or_default();
    let answer =
        weigh(exchange, |client| verdict(|| request(client)), |server| verdict(|| reply(server, command)));
    let requested = || Text::new(exchange.client.bytes).line(|byte| byte <= REMOVE || is_text(byte)).is_ok();
    if answer == Match::Maybe && !exchange.server.is_empty() && requested() && reply_is_whole(exchange) {
        return Match::Yes(Proof::Heuristic);
    }
    answer
}

fn request(side: &Side<'_>) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    let command = text.one(|command| (PRINT..=REMOVE).contains(&command))?;
    text.run(1, QUEUE_MAX, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'@' | b'+')
    })?;
    if command > RECEIVE {
        // Users and jobs, or an agent, may be named.
        if text.peek()? == b' ' {
            text.run(1, QUEUE_MAX, |byte| byte.is_ascii_graphic() || byte == b' ')?;
        }
    }
    text.literal(b"\n")?;
    if command != RECEIVE {
        return if text.rest().is_empty() { Err(Match::Maybe) } else { Ok(Match::No) };
    }
    // Control file or data file: length, and its name.
    text.one(|subcommand| matches!(subcommand, 2 | 3))?;
    text.number(9)?;
    text.literal(b" ")?;
    text.any_word(&[b"cf", b"df"])?;
    text.one(|letter| letter.is_ascii_alphabetic())?;
    Ok(Match::Yes(Proof::Banner))
}

/// An octet of zero accepts a job; a state is text.
fn reply(side: &Side<'_>, command: u8) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    if command <= RECEIVE {
        // Zero for each step, or what went wrong.
        text.one(|byte| byte <= 3 || is_text(byte))?;
        if side.bytes.first() == Some(&0) && side.bytes.iter().take(4).any(|&byte| byte != 0) {
            return Ok(Match::No);
        }
        return Err(Match::Maybe);
    }
    text.line(is_text)?;
    Err(Match::Maybe)
}

/// The reply is there, and alone: a zero, or a line of text of a few words.
fn reply_is_whole(exchange: &Exchange<'_>) -> bool {
    match (exchange.client.bytes.first(), exchange.server.bytes) {
        (Some(&(PRINT | RECEIVE)), [0, ..]) => true,
        (Some(3 | 4), line) => line.len() >= 8 && line.contains(&b'\n') && line.contains(&b' '),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn jobs_and_states() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"\x02lp\n\x0298 cfA001host\nHhost\n", Proof::Banner);
        tcp.client_proves(b"\x02raw\n\x031000 dfA001host\n", Proof::Banner);
        assert_eq!(tcp.client(b"\x02lp\n"), Match::Maybe);
        let job = Talk::tcp().client(b"\x02lp\n").server(b"\0");
        assert_eq!(job.ask(check), Match::Yes(Proof::Heuristic));
        assert_eq!(job.client(b"\x0298 cfA001host\n").server(b"\0").ask(check), Match::Yes(Proof::Banner));
        let state = tcp.both(b"\x04lp\n", b"lp is ready\nno entries\n");
        assert_eq!(state, Match::Yes(Proof::Heuristic));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"\x02\n".as_slice(),
            b"\x02lp\x01",
            b"\x06lp\n",
            b"\x02lp\nrest",
            b"\x04lp\nrest",
            b"\x02lp\n\x0298 xfA",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"\x04lp\n", b"\x01\x02"), Match::No);
        assert_eq!(tcp.both(b"\x02lp\n", b"\0raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
