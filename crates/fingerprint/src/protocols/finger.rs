//! finger: RFC 1288.
//!
//! A query is a line of at most a few words, which anything could say; the answer's form is left open by the RFC, and
//! proves it where it is that of the BSD and GNU servers or of routers. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, holds, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Finger,
    transports: Transports::TCP,
    sides: Sides::Both,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// User and hosts: longer ones are not asked for.
const QUERY_MAX: usize = 28;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client || exchange.midstream;
    weigh(exchange, |client| verdict(|| query(client)), |server| verdict(|| answer(server, asked)))
}

/// `{/W} {user}{@host}`, section 2.3, in one line and no more.
fn query(side: &Side<'_>) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    if text.peek()? == b'/' {
        text.word(b"/W")?;
        if text.peek()? == b' ' {
            text.literal(b" ")?;
        }
    }
    text.run(0, QUERY_MAX, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'.' | b'-' | b'_'))?;
    text.literal(b"\r\n")?;
    if text.rest().is_empty() { Err(Match::Maybe) } else { Ok(Match::No) }
}

fn answer(side: &Side<'_>, asked: bool) -> Step<Match> {
    const STARTS: &[&[u8]] =
        &[b"Login name: ", b"Login: ", b"Login ", b"No one logged on", b"finger: ", b"Line "];
    if !asked {
        return Ok(Match::No);
    }
    let mut text = Text::new(side.bytes);
    text.run(0, 8, |byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
    let start = text.any_word(STARTS)?;
    let open = text.rest();
    let line = match text.line(is_text) {
        Ok(line) => line,
        Err(Match::Maybe) => open,
        Err(ended) => return Err(ended),
    };
    let needed: &[u8] = match start {
        0 => b"In real life:",
        1 => b"Name:",
        2 => b"Name ",
        4 => b"no such user",
        5 => b"User ",
        _ => b"",
    };
    if holds(line, needed) {
        return Ok(Match::Yes(Proof::Banner));
    }
    if text.rest().len() == open.len() && !side.closed { Err(Match::Maybe) } else { Ok(Match::No) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn an_answer_proves_its_query() {
        let tcp = Trial::tcp(check);
        for answer in [
            b"Login: root           \t\t\tName: root\r\nDirectory: /root".as_slice(),
            b"Login    Name       Tty      Idle  Login Time\r\n",
            b"Login name: guest     In real life: Guest\r\n",
            b"No one logged on.\r\n",
            b"finger: x: no such user.\r\n",
            b"\r\n    Line       User       Host(s)\r\n",
        ] {
            for query in [b"root\r\n".as_slice(), b"\r\n", b"/W alice@example.org\r\n"] {
                assert_eq!(tcp.both(query, answer), Match::Yes(Proof::Banner), "{}", answer.escape_ascii());
            }
        }
        assert_eq!(tcp.client(b"root\r\n"), Match::Maybe);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"root\n".as_slice(), b"a b\r\n", b"root\r\nls\r\n", b"GET / HTTP/1.0\r\n", b"/x\r\n"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        // A prompt.
        assert_eq!(tcp.server(b"Login: "), Match::No);
        for other in [b"Login: root\r\nPassword: ".as_slice(), b"hello\r\n", b"\x01"] {
            assert_eq!(tcp.both(b"root\r\n", other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
