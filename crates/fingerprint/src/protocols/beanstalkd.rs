//! beanstalkd: the work queue's protocol.
//!
//! Specification: beanstalkd, `doc/protocol.txt`. Commands and replies are lines of a word and numbers or names. A command
//! that no other protocol has proves it; a common one (`stats`, `use`) needs its reply, and a reply without its question
//! is plausible.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, Verbs, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Beanstalkd,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Commands in lower case on the wire.
const COMMANDS: &Verbs = &Verbs::new(&[
    b"PUT",
    b"RESERVE-WITH-TIMEOUT",
    b"RESERVE-JOB",
    b"KICK-JOB",
    b"STATS-JOB",
    b"PEEK-READY",
    b"PEEK-DELAYED",
    b"PEEK-BURIED",
    b"LIST-TUBES",
    b"LIST-TUBE-USED",
    b"LIST-TUBES-WATCHED",
    b"STATS-TUBE",
    b"PAUSE-TUBE",
    b"RESERVE",
    b"STATS",
    b"USE",
    b"WATCH",
    b"IGNORE",
    b"KICK",
    b"PEEK",
    b"RELEASE",
    b"BURY",
]);

const REPLIES: &Verbs = &Verbs::new(&[
    b"INSERTED",
    b"WATCHING",
    b"KICKED",
    b"RESERVED",
    b"FOUND",
    b"USING",
    b"OK",
    b"DEADLINE_SOON",
    b"TIMED_OUT",
    b"NOT_IGNORED",
    b"JOB_TOO_BIG",
    b"EXPECTED_CRLF",
    b"NOT_FOUND",
    b"RELEASED",
    b"BURIED",
    b"PAUSED",
    b"DRAINING",
    b"BAD_FORMAT",
    b"UNKNOWN_COMMAND",
    b"OUT_OF_MEMORY",
    b"INTERNAL_ERROR",
]);

/// Common commands in a row.
const PATIENCE: usize = 6;

fn check(exchange: &Exchange<'_>) -> Match {
    let sides = weigh(exchange, commands, reply);
    match sides {
        // Each is common; one that answers the other is not.
        Match::Yes(Proof::Heuristic) if !exchange.client.is_empty() && !exchange.midstream => {
            Match::Yes(Proof::Banner)
        }
        _ => sides,
    }
}

fn commands(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        for _ in 0..PATIENCE {
            text.clone().one(|byte| byte.is_ascii_lowercase())?;
            let command = text.verb(COMMANDS)?;
            match command {
                0 => (0..4).try_for_each(|_| number(&mut text))?,
                1..=4 | 18 | 19 => number(&mut text)?,
                5..=10 | 13 | 14 => {}
                11 | 15..=17 => tube(&mut text)?,
                12 => {
                    tube(&mut text)?;
                    number(&mut text)?;
                }
                20 => (0..3).try_for_each(|_| number(&mut text))?,
                _ => (0..2).try_for_each(|_| number(&mut text))?,
            }
            text.literal(b"\r\n")?;
            if command <= 12 {
                return Ok(Match::Yes(Proof::Banner));
            }
        }
        Ok(Match::No)
    })
}

fn reply(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.clone().one(|byte| byte.is_ascii_uppercase())?;
        let reply = text.verb(REPLIES)?;
        match reply {
            0..=2 | 6 => number(&mut text)?,
            3 | 4 => (0..2).try_for_each(|_| number(&mut text))?,
            5 => tube(&mut text)?,
            14 if text.peek()? == b' ' => number(&mut text)?,
            _ => {}
        }
        text.literal(b"\r\n")?;
        match reply {
            // A dictionary or list in YAML.
            6 => text.literal(b"---").map(|()| Match::Yes(Proof::Banner)),
            0..=11 => Ok(Match::Yes(Proof::Heuristic)),
            // What others may say as well.
            _ => Err(Match::Maybe),
        }
    })
}

fn number(text: &mut Text<'_>) -> Step<()> {
    text.literal(b" ")?;
    text.run(1, 20, |byte| byte.is_ascii_digit()).map(drop)
}

/// The characters of a tube's name.
fn tube(text: &mut Text<'_>) -> Step<()> {
    text.literal(b" ")?;
    text.run(1, 200, |byte| byte.is_ascii_alphanumeric() || b"-+/;.$_()".contains(&byte)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn commands_of_its_own() {
        let tcp = Trial::tcp(check);
        for command in [
            b"put 1024 0 60 5\r\nhello\r\n".as_slice(),
            b"reserve-with-timeout 5\r\n",
            b"list-tubes\r\n",
            b"use mail\r\nput 1 0 60 5\r\nhello\r\n",
            b"pause-tube mail 60\r\n",
        ] {
            tcp.client_proves(command, Proof::Banner);
        }
        tcp.server_proves(b"INSERTED 12\r\n", Proof::Heuristic);
        tcp.server_proves(b"OK 28\r\n---\n- default\n", Proof::Banner);
        assert_eq!(tcp.both(b"put 1 0 60 5\r\nhello\r\n", b"INSERTED 12\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn common_commands_need_their_reply() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"watch mail\r\n"), Match::Maybe);
        assert_eq!(tcp.both(b"watch mail\r\n", b"WATCHING 2\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(b"stats\r\n", b"OK 900\r\n---\ncurrent-jobs"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(b"stats\r\n", b"STAT pid 1\r\n"), Match::No);
        assert_eq!(tcp.server(b"NOT_FOUND\r\n"), Match::Maybe);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"PUT /a HTTP/1.1\r\n".as_slice(),
            b"put 1 2 3\r\n",
            b"stats items\r\n",
            b"use \r\n",
            b"reserve\n",
            b"use a\r\nuse a\r\nuse a\r\nuse a\r\nuse a\r\nuse a\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [b"OK 12\r\nhello".as_slice(), b"INSERTED\r\n", b"OK\r\n", b"using a\r\n"] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(10_000);
    }
}
