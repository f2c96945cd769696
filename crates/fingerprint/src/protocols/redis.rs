//! Redis: the serialization protocol RESP 2 and 3.
//!
//! Proof: a command as an array of bulk strings, whose counts and lengths agree with the CR LFs, or a reply that nests
//! alike. A command typed inline needs a reply that fits, and a short reply needs its question. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports, weigh};
use crate::text::{Step, Text, is_ascii_text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Redis, transports: Transports::TCP, check };

/// Commands that people and tools type inline.
const INLINE: &[&[u8]] = &[
    b"PING",
    b"AUTH",
    b"INFO",
    b"SELECT",
    b"GET",
    b"SET",
    b"KEYS",
    b"CONFIG",
    b"FLUSHALL",
    b"FLUSHDB",
    b"ECHO",
    b"CLIENT",
    b"SLAVEOF",
    b"REPLICAOF",
    b"SYNC",
    b"PSYNC",
    b"REPLCONF",
    b"MONITOR",
    b"COMMAND",
    b"HELLO",
    b"EXISTS",
    b"DEL",
    b"INCR",
    b"SUBSCRIBE",
    b"PUBLISH",
    b"DBSIZE",
    b"SAVE",
    b"BGSAVE",
    b"MODULE",
    b"EVAL",
    b"SCAN",
    b"TYPE",
    b"TTL",
    b"LPUSH",
    b"RPUSH",
    b"SADD",
    b"HSET",
    b"HGETALL",
];

/// Redis's registered port.
const PORT: u16 = 6379;

/// The first bytes of RESP 3's types.
const KINDS: &[u8] = b"+-:$*%~>|_#,(!=";

/// Short replies in a row that are taken for proof.
const SHORT_REPLIES: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.first == Speaker::Server && !exchange.midstream && !exchange.client.is_empty() {
        return Match::No;
    }
    // Modules name commands as they like, so inline commands are any words. Only on Redis's own port are unknown ones
    // given the time to be answered; the answer decides.
    let patient = exchange.server_port == PORT;
    let answer = weigh(
        exchange,
        |client| command(client, patient),
        |server| replies(server, !exchange.client.is_empty()),
    );
    let asked = || inline(&mut Text::new(exchange.client.bytes), patient).is_ok();
    let answered = || element(&mut Text::new(exchange.server.bytes)).is_ok();
    if answer == Match::Maybe && asked() && answered() {
        return Match::Yes(Proof::Banner);
    }
    answer
}

fn command(side: &Side<'_>, patient: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        if text.peek()? != b'*' {
            inline(&mut text, patient)?;
            return Ok(if side.closed { Match::No } else { Match::Maybe });
        }
        text.literal(b"*")?;
        if text.number(7)? == 0 {
            return Ok(Match::No);
        }
        text.literal(b"\r\n$")?;
        let length = text.number(2)? as usize;
        text.literal(b"\r\n")?;
        for _ in 0..length {
            text.one(is_ascii_text)?;
        }
        text.literal(b"\r\n")?;
        Ok(if length == 0 { Match::No } else { Match::Yes(Proof::Structure) })
    })
}

fn inline(text: &mut Text<'_>, patient: bool) -> Step<()> {
    if patient {
        text.run(1, 24, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))?;
    } else {
        text.verb(INLINE)?;
    }
    text.line(is_text).map(drop)
}

/// `asked`: the client has spoken, so that one reply that fits is enough to go on.
fn replies(side: &Side<'_>, asked: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        for count in 0..SHORT_REPLIES {
            match element(&mut text) {
                Ok(true) => return Ok(Match::Yes(Proof::Structure)),
                Ok(false) => {}
                Err(Match::No) if asked && count > 0 => return Ok(Match::Maybe),
                Err(ended) => return Err(ended),
            }
        }
        Ok(Match::Yes(Proof::Heuristic))
    })
}

/// Reads one reply; whether it proves itself by nesting or by a length that its end confirms.
fn element(text: &mut Text<'_>) -> Step<bool> {
    match text.one(|byte| KINDS.contains(&byte))? {
        b'+' => {
            text.one(|byte| byte.is_ascii_alphabetic())?;
            text.run(0, 64, is_ascii_text)?;
            end(text)
        }
        b'-' => {
            text.run(2, 16, |byte| byte.is_ascii_uppercase())?;
            text.literal(b" ")?;
            text.line(is_text).map(|_| false)
        }
        b'$' | b'!' | b'=' => {
            if text.peek()? == b'-' {
                text.literal(b"-1")?;
                return end(text);
            }
            let length = text.number(9)? as usize;
            text.literal(b"\r\n")?;
            if length < text.rest().len() {
                *text = Text::new(&text.rest()[length..]);
                end(text).map(|_| true)
            } else if length > 64 && text.rest().len() >= 64 {
                // Too long for what is kept of a flow: the header and its line end must do.
                Ok(true)
            } else {
                Err(Match::Maybe)
            }
        }
        b'*' | b'%' | b'~' | b'>' | b'|' => {
            if text.peek()? == b'-' {
                text.literal(b"-1")?;
                return end(text);
            }
            let count = text.number(7)?;
            text.literal(b"\r\n")?;
            if count == 0 {
                return Ok(false);
            }
            // The first member's own header is proof enough that this is a container.
            text.one(|byte| KINDS.contains(&byte))?;
            text.line(is_ascii_text).map(|_| true)
        }
        b'_' => end(text),
        b'#' => {
            text.one(|byte| matches!(byte, b't' | b'f'))?;
            end(text)
        }
        _ => {
            text.run(1, 32, |byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.'))?;
            end(text)
        }
    }
}

fn end(text: &mut Text<'_>) -> Step<bool> {
    text.literal(b"\r\n").map(|()| false)
}
