//! daytime: the Daytime Protocol: RFC 867.
//!
//! One line with the time, in a form that the RFC leaves open. The forms in use prove no more than that a date was sent,
//! but for that of NIST, which names itself. Nothing may follow; over TCP the server speaks at once, over UDP it answers
//! a datagram of nothing, or next to nothing.

use offport_wire::Transport;

use super::chargen::{ASKS, answers};
use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{At, FROM_START, LENGTH, Match, Probe, Sides, Transports};
use crate::text::{Step, Text, is_ascii_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Daytime,
    transports: Transports::TCP_UDP,
    sides: Sides::Server,
    strongest: Proof::Banner,
    datagram: &[
        ASKS,
        // A day and a month; a date; NIST's, behind an empty line.
        &[(0, |byte| byte.is_ascii_alphabetic()), (1, |byte| byte.is_ascii_alphabetic()), FAIR],
        &[
            (0, |byte| byte.is_ascii_digit()),
            (1, |byte| byte.is_ascii_digit()),
            (2, |byte| byte == b' '),
            FAIR,
        ],
        &[(0, |byte| byte == b'\n'), (1, |byte| byte.is_ascii_digit()), FAIR],
    ],
    stream: &[FROM_START],
    check,
};

/// As long as a time with its date.
const FAIR: At = (LENGTH, |length| (20..=100).contains(&length));

const DAYS: &[&[u8]] = &[b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTHS: &[&[u8]] =
    &[b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

const ENDS: &[&[u8]] = &[b"\r\n", b"\n", b"\n\r", b" \n", b" \r\n", b"\r\n\0", b"\n\0"];

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        return answers(exchange, |side| match line(side.first_datagram()) {
            Match::Maybe => Match::No,
            answer => answer,
        });
    }
    if exchange.midstream || exchange.first == Speaker::Client || !exchange.client.is_empty() {
        return Match::No;
    }
    line(exchange.server.bytes)
}

/// Characters that stand before the first line end in any form.
const SHORTEST: usize = 8;

fn line(bytes: &[u8]) -> Match {
    if !bytes.iter().take(SHORTEST).all(|byte| matches!(byte, 0 | b'\r' | b'\n' | b' '..=b'~')) {
        return Match::No;
    }
    let of = |form: fn(&mut Text<'_>) -> Step<()>, proof| {
        verdict(|| {
            let mut text = Text::new(bytes);
            form(&mut text)?;
            // LF CR is an old mistake.
            let end = text.rest();
            if ENDS.contains(&end) {
                return Ok(Match::Yes(proof));
            }
            Ok(if ENDS.iter().any(|whole| whole.starts_with(end)) { Match::Maybe } else { Match::No })
        })
    };
    of(ctime, Proof::Heuristic)
        .or(of(xinetd, Proof::Heuristic))
        .or(of(full, Proof::Heuristic))
        .or(of(nist, Proof::Banner))
}

/// `17:01:22`.
fn clock(text: &mut Text<'_>) -> Step<()> {
    text.digits(2)?;
    text.literal(b":")?;
    text.digits(2)?;
    text.literal(b":")?;
    text.digits(2).map(drop)
}

/// `Sun Jan  4 17:01:22 2015`, as the C library has it.
fn ctime(text: &mut Text<'_>) -> Step<()> {
    text.any_word(DAYS)?;
    text.literal(b" ")?;
    text.any_word(MONTHS)?;
    text.literal(b" ")?;
    text.one(|byte| matches!(byte, b' ' | b'0'..=b'3'))?;
    text.digits(1)?;
    text.literal(b" ")?;
    clock(text)?;
    text.literal(b" ")?;
    text.digits(4).map(drop)
}

/// `04 JAN 2015 17:01:22 UTC`.
fn xinetd(text: &mut Text<'_>) -> Step<()> {
    text.digits(2)?;
    text.literal(b" ")?;
    text.any_word(MONTHS)?;
    text.literal(b" ")?;
    text.digits(4)?;
    text.literal(b" ")?;
    clock(text)?;
    text.literal(b" ")?;
    text.run(1, 6, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-')).map(drop)
}

/// `Sunday, January 4, 2015 17:01:22-UTC`, the RFC's first example.
fn full(text: &mut Text<'_>) -> Step<()> {
    text.any_word(DAYS)?;
    text.run(3, 6, |byte| byte.is_ascii_lowercase())?;
    text.literal(b", ")?;
    text.any_word(MONTHS)?;
    text.run(0, 6, |byte| byte.is_ascii_lowercase())?;
    text.literal(b" ")?;
    text.number(2)?;
    text.literal(b", ")?;
    text.digits(4)?;
    text.literal(b" ")?;
    clock(text)?;
    text.literal(b"-")?;
    text.run(1, 6, |byte| byte.is_ascii_alphanumeric()).map(drop)
}

/// `57026 15-01-04 17:01:22 00 0 0 895.5 UTC(NIST) *`, behind an empty line.
fn nist(text: &mut Text<'_>) -> Step<()> {
    text.literal(b"\n")?;
    text.digits(5)?;
    text.literal(b" ")?;
    text.digits(2)?;
    text.literal(b"-")?;
    text.digits(2)?;
    text.literal(b"-")?;
    text.digits(2)?;
    text.literal(b" ")?;
    clock(text)?;
    text.literal(b" ")?;
    text.run(4, 24, |byte| is_ascii_text(byte) && byte != b'U')?;
    text.literal(b"UTC(NIST) ")?;
    text.one(|byte| matches!(byte, b'*' | b'#')).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};
    use crate::trial::Trial;

    #[test]
    fn the_forms_in_use() {
        for (line, proof) in [
            (b"Sun Jan  4 17:01:22 2015\r\n".as_slice(), Proof::Heuristic),
            (b"Sun Jan 14 17:01:22 2015\n\r", Proof::Heuristic),
            (b"04 JAN 2015 17:01:22 UTC\r\n", Proof::Heuristic),
            (b"Sunday, January 4, 2015 17:01:22-UTC\r\n", Proof::Heuristic),
            (b"\n57026 15-01-04 17:01:22 00 0 0 895.5 UTC(NIST) * \n", Proof::Banner),
        ] {
            Trial::tcp(check).server_proves(line, proof);
            Trial::udp(check).server_proves(line, proof);
            assert_eq!(Talk::udp().client(b"\n").server(line).ask(check), Match::Yes(proof));
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"Sun Jan  4 17:01:22 2015 kernel: x\r\n".as_slice(),
            b"Sun Jan  4 17:01:22 2015\r\nMon",
            b"Jan  4 17:01:22 host x\r\n",
            b"57026 15-01-04 17:01:22\n",
            b"hello\r\n",
        ] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.client(b"Sun Jan  4 17:01:22 2015\r\n"), Match::No);
        assert_eq!(tcp.both(b"x", b"Sun Jan  4 17:01:22 2015\r\n"), Match::No);
        tcp.refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
