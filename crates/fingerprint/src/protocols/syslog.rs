//! Syslog: RFC 5424 and what RFC 3164 found in use, over UDP (RFC 5426) and TCP (RFC 6587).
//!
//! Proof: `<PRI>` with a priority of 0 to 191, without leading zeros, then text: a version and time stamp, or words. Over
//! TCP a message may be preceded by its length. One side speaks, usually the client.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Syslog, transports: Transports::TCP_UDP, check };

/// How much text behind the priority is asked for.
const WORDS: usize = 16;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        return weigh(exchange, datagram, datagram);
    }
    weigh(exchange, stream, |_| Match::No)
}

fn datagram(side: &Side<'_>) -> Match {
    let first = side.first_datagram();
    match verdict(|| message(Text::new(first))) {
        // Short, and whole: that it is all text behind a priority must do.
        Match::Maybe if !side.first_is_cut() && first.last() == Some(&b'>') => Match::No,
        Match::Maybe if first.contains(&b'>') => Match::Yes(Proof::Banner),
        Match::Maybe => Match::No,
        answer => answer,
    }
}

fn stream(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        if text.peek()?.is_ascii_digit() {
            text.number(5)?;
            text.literal(b" ")?;
        }
        message(text)
    })
}

fn message(mut text: Text<'_>) -> Step<Match> {
    text.literal(b"<")?;
    let padded = text.peek()? == b'0';
    let digits = text.rest();
    let priority = text.number(3)?;
    text.literal(b">")?;
    let count = digits.len() - text.rest().len() - 1;
    if priority > 191 || (padded && count > 1) {
        return Ok(Match::No);
    }
    // A line may end early; some senders end a message with NUL.
    let words = &text.rest()[..text.rest().len().min(WORDS)];
    let end = words.iter().position(|&byte| !is_text(byte));
    match end.map(|end| (end, words[end])) {
        Some((0, _)) => Ok(Match::No),
        Some((_, b'\r' | b'\n' | 0)) => Ok(Match::Yes(Proof::Banner)),
        Some(_) => Ok(Match::No),
        None if words.len() < WORDS => Err(Match::Maybe),
        None => Ok(Match::Yes(Proof::Banner)),
    }
}
