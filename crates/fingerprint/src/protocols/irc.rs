//! irc: Internet Relay Chat: RFC 1459, RFC 2812; IRCv3 capability negotiation and message tags.
//!
//! Proof: a client's `CAP`, a `USER` with its four parameters, or another command with what only IRC gives it; a server's
//! prefix and numeric or command, or its `NOTICE` before there is a name.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, Verbs, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Irc,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// What registers a connection, of a client or of a server.
const OPENING: &Verbs = &Verbs::new(&[
    b"CAP",
    b"PASS",
    b"NICK",
    b"USER",
    b"WEBIRC",
    b"AUTHENTICATE",
    b"PROTOCTL",
    b"SERVER",
    b"SERVICE",
]);
const LATER: &Verbs = &Verbs::new(&[
    b"CAP",
    b"PASS",
    b"NICK",
    b"USER",
    b"WEBIRC",
    b"AUTHENTICATE",
    b"PROTOCTL",
    b"SERVER",
    b"SERVICE",
    b"JOIN",
    b"PART",
    b"PRIVMSG",
    b"NOTICE",
    b"PING",
    b"PONG",
    b"MODE",
    b"WHO",
    b"WHOIS",
    b"QUIT",
    b"ISON",
    b"USERHOST",
    b"TOPIC",
    b"AWAY",
]);
const SERVER: &Verbs = &Verbs::new(&[
    b"NOTICE",
    b"PING",
    b"PONG",
    b"CAP",
    b"MODE",
    b"JOIN",
    b"PART",
    b"PRIVMSG",
    b"NICK",
    b"QUIT",
    b"KICK",
    b"TOPIC",
    b"KILL",
    b"ERROR",
    b"AUTHENTICATE",
]);

/// Lines that are looked at.
const LINES_MAX: usize = 8;

fn check(exchange: &Exchange<'_>) -> Match {
    let opens = exchange.first == Speaker::Client && !exchange.midstream;
    weigh(exchange, |client| commands(client, opens), answers)
}

/// Text with the controls by which clients mark bold, colours and requests to clients.
const fn is_said(byte: u8) -> bool {
    is_text(byte) || matches!(byte, 0x01..=0x06 | 0x0f..=0x1f)
}

fn commands(side: &Side<'_>, opens: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        for _ in 0..LINES_MAX {
            let command =
                if opens { OPENING[text.clone().verb(OPENING)?] } else { LATER[text.clone().verb(LATER)?] };
            text.verb(LATER)?;
            let arguments = text.line(is_said)?;
            if let Some(answer) = weigh_command(command, arguments) {
                return Ok(answer);
            }
        }
        Ok(Match::No)
    })
}

/// What a command with these arguments proves; nothing, if others know it too.
fn weigh_command(command: &[u8], arguments: &[u8]) -> Option<Match> {
    const CAPABILITIES: [&[u8]; 6] = [b"LS", b"LIST", b"REQ", b"END", b"ACK", b"NAK"];
    let mut words = arguments.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let count = words.clone().count();
    let first = words.next().unwrap_or_default();
    let trailing = arguments.windows(2).any(|pair| pair == b" :");
    let is_channel = matches!(first, [b'#' | b'&' | b'+' | b'!', _, ..]);
    match command {
        b"CAP" => Some(CAPABILITIES.iter().any(|known| known.eq_ignore_ascii_case(first))),
        b"USER" => Some(count >= 4),
        b"WEBIRC" => Some(count >= 4),
        b"SERVER" | b"SERVICE" => Some(count >= 3 && trailing),
        b"JOIN" | b"PART" | b"TOPIC" | b"WHO" => Some(is_channel),
        b"PRIVMSG" | b"NOTICE" => Some(count >= 2 && trailing),
        b"MODE" => Some(count >= 1),
        b"QUIT" => Some(false).filter(|_| arguments.is_empty()),
        // Followed by what proves it.
        _ => {
            let fits = count >= 1 && (command != b"NICK" || count <= 2);
            return (!fits).then_some(Match::No);
        }
    }
    .map(|proven| if proven { Match::Yes(Proof::Banner) } else { Match::No })
}

fn answers(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        for _ in 0..LINES_MAX {
            if text.peek()? == b'@' {
                text.literal(b"@")?;
                text.one(|byte| byte.is_ascii_alphanumeric() || byte == b'+')?;
                text.run(0, 256, |byte| byte.is_ascii_graphic() && byte != b'"')?;
                text.literal(b" ")?;
            }
            if text.peek()? == b':' {
                return prefixed(&mut text);
            }
            let verb = SERVER[text.verb(SERVER)?];
            text.literal(b" ")?;
            match verb {
                b"NOTICE" => {
                    text.run(1, 64, |byte| byte.is_ascii_graphic())?;
                    text.literal(b" :")?;
                    return Ok(Match::Yes(Proof::Banner));
                }
                b"ERROR" => {
                    text.literal(b":")?;
                    return text.one(is_text).map(|_| Match::Yes(Proof::Banner));
                }
                // Before registration some servers ask for an answer.
                b"PING" => text.line(is_said).map(drop)?,
                _ => return Ok(Match::No),
            }
        }
        Ok(Match::No)
    })
}

/// `:prefix 001 name …` or `:prefix COMMAND …`.
fn prefixed(text: &mut Text<'_>) -> Step<Match> {
    const PREFIX_MAX: usize = 128;
    text.literal(b":")?;
    text.one(|byte| byte.is_ascii_alphanumeric() || b"[]\\`_^{|}-*".contains(&byte))?;
    text.run(0, PREFIX_MAX, |byte| byte.is_ascii_graphic() && byte != b'"')?;
    text.literal(b" ")?;
    if text.peek()?.is_ascii_digit() {
        text.digits(3)?;
    } else {
        text.verb(SERVER)?;
    }
    text.literal(b" ")?;
    text.one(|byte| byte.is_ascii_graphic())?;
    Ok(Match::Yes(Proof::Banner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn clients() {
        let tcp = Trial::tcp(check);
        for opening in [
            b"CAP LS 302\r\nNICK alice\r\n".as_slice(),
            b"NICK alice\r\nUSER alice 0 * :Alice A.\r\n",
            b"PASS secret\r\nNICK bot\nUSER bot bot bot :bot\n",
            b"user a b c d\r\n",
        ] {
            tcp.client_proves(opening, Proof::Banner);
        }
        assert_eq!(tcp.client(b"NICK alice\r\n"), Match::Maybe);
        assert_eq!(
            tcp.clone().midstream().client(b"PRIVMSG #x :hi \x02there\r\n"),
            Match::Yes(Proof::Banner)
        );
        assert_eq!(tcp.clone().midstream().client(b"JOIN #x\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn servers() {
        let tcp = Trial::tcp(check);
        for answer in [
            b":irc.example.org NOTICE * :*** Looking up your hostname...\r\n".as_slice(),
            b"NOTICE AUTH :*** Checking Ident\r\n",
            b":irc.example.org 001 alice :Welcome\r\n",
            b"@time=2023-01-01T00:00:00Z :a!b@c PRIVMSG #x :hi\r\n",
            b"PING :12345\r\n:irc.example.org 433 * alice :in use\r\n",
            b"ERROR :Closing Link: (Throttled)\r\n",
        ] {
            tcp.server_proves(answer, Proof::Banner);
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"USER alice\r\n".as_slice(),
            b"CAPA\r\n",
            b"CAP x\r\n",
            b"JOIN #x\r\n",
            b"NICK\r\n",
            b"PING\r\n",
            b"HELLO\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [b":1\r\n".as_slice(), b":a b\r\n", b"NOTICE\r\n", b"ERROR x\r\n", b"ERROR\n"] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"CAP LS\r\n", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
