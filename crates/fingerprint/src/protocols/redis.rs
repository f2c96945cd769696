//! Redis: the serialization protocol RESP 2 and 3.
//!
//! Proof: a command as an array of bulk strings, whose counts and lengths agree with the CR LFs, or a reply that nests
//! alike. A command typed inline needs a reply that fits, and a short reply needs its question. Client first.

use memchr::memchr;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, Verbs, is_ascii_text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Redis,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Commands that people and tools type inline.
const INLINE: &Verbs = &Verbs::new(&[
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
    b"QUIT",
]);

/// Redis's registered port.
const PORT: u16 = 6379;

/// Bytes by which an unknown command must have been answered.
const PATIENCE: usize = 64;

/// Simple strings are short: the longest in use names a replication id (`+FULLRESYNC`).
const SIMPLE_MAX: usize = 80;

/// The first bytes of RESP 3's types.
const KINDS: &[u8] = b"+-:$*%~>|_#,(!=";

/// Short replies in a row that are taken for proof.
const SHORT_REPLIES: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    // Modules name commands as they like, so inline commands are any words. Only on Redis's own port are unknown ones
    // given the time to be answered; the answer decides.
    let asked = exchange.first == Speaker::Client;
    let patient = exchange.server_port == PORT;
    let answered = element(&mut Text::new(exchange.server.bytes), SIMPLE_MAX).is_ok();
    let answer =
        weigh(exchange, |client| command(client, patient, answered), |server| replies(server, asked));
    let questioned = || inline(&mut Text::new(exchange.client.bytes), patient).is_ok();
    if answer == Match::Maybe && answered && questioned() {
        return Match::Yes(Proof::Banner);
    }
    answer
}

/// `answered`: the server's reply fits.
fn command(side: &Side<'_>, patient: bool, answered: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let mut known = true;
        while text.peek()? != b'*' {
            known &= text.clone().verb(INLINE).is_ok();
            inline(&mut text, patient)?;
            // A script's commands may be all that it says; other words at the end of a side must have been answered.
            if side.closed && text.rest().is_empty() {
                return Ok(if known || answered { Match::Maybe } else { Match::No });
            }
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
    if patient && text.clone().verb(INLINE) == Err(Match::No) {
        if text.rest().len() > PATIENCE {
            return Err(Match::No);
        }
        text.run(2, 24, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))?;
    } else {
        text.verb(INLINE)?;
    }
    if !matches!(text.peek()?, b' ' | b'\r' | b'\n') {
        return Err(Match::No);
    }
    if is_http(text.rest()) {
        return Err(Match::No);
    }
    text.line(is_text).map(drop)
}

/// Two of its commands are methods too: no argument but a path, and a version (RFC 9112, section 3).
fn is_http(arguments: &[u8]) -> bool {
    let line = || memchr(b'\n', arguments).map(|end| &arguments[..end]);
    arguments.starts_with(b" /") && line().is_some_and(|line| line.ends_with(b" HTTP/1.1\r"))
}

/// `asked`: the client spoke first, so that one reply that fits is enough to go on.
fn replies(side: &Side<'_>, asked: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let simple = if asked { SIMPLE_MAX } else { SIMPLE_MAX / 4 };
        for count in 0..SHORT_REPLIES {
            match element(&mut text, simple) {
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
/// `simple` bounds a simple string.
fn element(text: &mut Text<'_>, simple: usize) -> Step<bool> {
    match text.one(|byte| KINDS.contains(&byte))? {
        b'+' => {
            text.one(|byte| byte.is_ascii_alphabetic())?;
            text.run(0, simple, is_ascii_text)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

    #[test]
    fn commands_as_arrays() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(PING, Proof::Structure);
        tcp.client_proves(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\0\x01\r\n", Proof::Structure);
        assert_eq!(tcp.both(PING, b"+PONG\r\n"), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(PING, b"-NOAUTH Authentication required.\r\n"), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(PING, b"\x01"), Match::No);
    }

    #[test]
    fn inline_commands_need_a_reply() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"INFO\r\n"), Match::Maybe);
        assert_eq!(tcp.both(b"INFO\r\n", b"$5\r\nredis\r\n"), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(b"PING\r\n", b"+PONG\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(b"GET a\r\n", b"VALUE a 0 1\r\n"), Match::No);
        assert_eq!(tcp.client(b"HELLO\r\nand more text\r\n"), Match::No);
        assert_eq!(tcp.client(b"MYMODULE.DO\r\n"), Match::No);
        assert_eq!(tcp.client(b"GET /key\r\n"), Match::Maybe);
        assert_eq!(tcp.client(b"GET /key HTTP/1.1\r\n"), Match::No);
        let own_port = Talk::tcp().port(PORT).client(b"MYMODULE.DO it\r\n");
        assert_eq!(own_port.ask(check), Match::Maybe);
        assert_eq!(own_port.server(b":1\r\n").ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn a_script_says_its_commands_and_closes() {
        let ask = |client: &[u8], server: &[u8]| {
            let talk = Talk::tcp().port(PORT).client(client);
            let talk = if server.is_empty() { talk } else { talk.server(server) };
            let mut exchange = talk.exchange();
            exchange.client.closed = true;
            check(&exchange)
        };
        let script = b"PING\r\nget greeting\r\nQUIT\r\n";
        assert_eq!(ask(script, b"+PONG\r\n$5\r\nhello\r\n+OK\r\n"), Match::Yes(Proof::Structure));
        assert_eq!(ask(script, b""), Match::Maybe);
        assert_eq!(ask(script, b"what?\r\n"), Match::No);
        assert_eq!(ask(b"MYMODULE.DO it\r\n", b":1\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(ask(b"MYMODULE.DO it\r\n", b""), Match::No);
    }

    #[test]
    fn replies_without_their_question() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(b"$5\r\nhello\r\n", Proof::Structure);
        tcp.server_proves(b"*2\r\n$1\r\na\r\n", Proof::Structure);
        tcp.server_proves(b"%1\r\n+a\r\n:1\r\n", Proof::Structure);
        tcp.server_proves(b"+OK\r\n:1\r\n$-1\r\n_\r\n", Proof::Heuristic);
        assert_eq!(tcp.server(b"+OK\r\n"), Match::Maybe);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"*0\r\n".as_slice(),
            b"* OK\r\n",
            b"*1\n$4\n",
            b"*1\r\n$4\r\nPINGS\r\n",
            b"*1\r\n$0\r\n\r\n",
            b"*1\r\n+PING\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [b"$5\r\nhelloworld\r\n".as_slice(), b"+\x01", b"-err\r\n", b":x\r\n", b"*2\r\nxx\r\n"] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
