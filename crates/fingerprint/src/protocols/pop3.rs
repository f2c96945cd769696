//! POP3: RFC 1939, with CAPA (RFC 2449), AUTH (RFC 5034) and STLS (RFC 2595).
//!
//! Proof: a server that speaks first with `+OK`, or commands that only POP3 knows. A bare `+OK` could be a Redis
//! reply whose question was not seen: it waits for the client. Server first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh_greeted};
use crate::text::{Text, Verbs, are_lines, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Pop3,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// The first [`OWN`] commands are POP3's own; the rest is shared with FTP, SMTP or NNTP.
const VERBS: &Verbs = &Verbs::new(&[
    b"CAPA", b"APOP", b"UIDL", b"STLS", b"TOP", b"USER", b"PASS", b"STAT", b"LIST", b"RETR", b"DELE",
    b"NOOP", b"RSET", b"QUIT", b"AUTH", b"UTF8", b"LANG", b"XTND",
]);
const OWN: usize = 5;

/// What a client says before it has logged in.
const OPENING: &Verbs =
    &Verbs::new(&[b"CAPA", b"APOP", b"STLS", b"USER", b"AUTH", b"UTF8", b"LANG", b"NOOP", b"QUIT"]);

/// Of these, what no other protocol whose servers say `+OK` knows.
const LOGIN: &Verbs = &Verbs::new(&[b"CAPA", b"APOP", b"STLS", b"USER"]);

fn check(exchange: &Exchange<'_>) -> Match {
    let opens = exchange.first == Speaker::Client && !exchange.midstream;
    let answer = weigh_greeted(exchange, |client| commands(client, opens), |server| replies(server, opens));
    // Where the two sides are tapped apart, the client can be heard before the greeting that it answers.
    let asked = || Text::new(exchange.client.bytes).verb(if opens { LOGIN } else { VERBS }).is_ok();
    if answer == Match::Maybe && greets(exchange.server.bytes) && asked() {
        return Match::Yes(Proof::Banner);
    }
    answer
}

fn commands(side: &Side<'_>, opens: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        if opens {
            text.clone().verb(OPENING)?;
        }
        loop {
            let verb = text.verb(VERBS)?;
            let arguments = text.line(is_text)?;
            // IRC registers with "USER name mode * :real name".
            if VERBS[verb] == b"USER" && arguments.iter().filter(|&&byte| byte == b' ').count() > 2 {
                return Ok(Match::No);
            }
            if verb < OWN {
                return Ok(Match::Yes(Proof::Banner));
            }
        }
    })
}

/// `answers`: the client spoke first, so this may be any protocol's answer to it.
fn replies(side: &Side<'_>, answers: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let positive = text.peek()? == b'+';
        text.literal(if positive { b"+OK" } else { b"-ERR" })?;
        let line = match text.peek()? {
            b' ' | b'\t' | b'\r' | b'\n' => text.line(is_text),
            _ => return Ok(Match::No),
        };
        Ok(match line {
            Err(Match::No) => Match::No,
            Ok(_) if !are_lines(text.rest()) => Match::No,
            Ok([]) => Match::Maybe,
            Ok(_) if positive && !answers => Match::Yes(Proof::Banner),
            _ => Match::Maybe,
        })
    })
}

fn greets(server: &[u8]) -> bool {
    let mut text = Text::new(server);
    text.literal(b"+OK").and_then(|()| text.line(is_text)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn greetings() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(b"+OK Dovecot ready.\r\n", Proof::Banner);
        tcp.server_proves(b"+OK POP3 server ready <1896.697170952@example.org>\r\n", Proof::Banner);
        assert_eq!(tcp.server(b"+OK \x01"), Match::No);
        assert_eq!(tcp.server(b"+OK ready\r\n\x01"), Match::No);
        assert_eq!(tcp.server(b"+OKAY\r\n"), Match::No);
    }

    #[test]
    fn a_bare_greeting_waits_for_the_client() {
        let greeted = Talk::tcp().server(b"+OK\r\n");
        assert_eq!(greeted.ask(check), Match::Maybe);
        assert_eq!(greeted.clone().client(b"CAPA\r\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.clone().client(b"USER a\r\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.client(b"*1\r\n$4\r\nPING\r\n").ask(check), Match::No);
    }

    #[test]
    fn clients_alone() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"CAPA\r\n", Proof::Banner);
        tcp.client_proves(b"USER a\r\nPASS b\r\nUIDL\r\n", Proof::Banner);
        assert_eq!(tcp.client(b"USER a\r\n"), Match::Maybe);
        assert_eq!(tcp.client(b"USER a 0 * :a b\r\n"), Match::No);
        assert_eq!(tcp.client(b"RETR 1\r\n"), Match::No);
        assert_eq!(tcp.both(b"USER a\r\n", b"+OK ready\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(b"AUTH a\r\n", b"+OK\r\n"), Match::Maybe);
        assert_eq!(tcp.both(b"PING\r\n", b"+OK done\r\n"), Match::No);
        tcp.refuses_noise(2000);
    }
}
