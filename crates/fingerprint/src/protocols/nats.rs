//! nats: the NATS client protocol, and its routes and leaf nodes, which open alike.
//!
//! Specification: NATS Docs, "Client Protocol" (INFO, CONNECT, PUB, SUB, MSG, PING). The server greets with
//! INFO, the client answers with CONNECT: either, with the beginning of its JSON object, proves it. To a server that asks
//! for it the client answers with TLS in place of CONNECT. Publications and subscriptions are plausible.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, Verbs, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Nats,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const CLIENT: &Verbs = &Verbs::new(&[b"CONNECT", b"INFO", b"PING", b"PONG", b"PUB", b"SUB"]);
const SERVER: &Verbs = &Verbs::new(&[b"INFO", b"MSG"]);

/// PING and PONG that may precede what proves it.
const PINGS: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    let greeted = !exchange.midstream && exchange.first == Speaker::Server;
    weigh(exchange, |side| if greeted { tls(side).or(client(side)) } else { client(side) }, server)
}

/// A TLS handshake record: its server's greeting is the proof.
fn tls(side: &Side<'_>) -> Match {
    if [0x16, 3].iter().zip(side.bytes).all(|(wanted, seen)| wanted == seen) {
        Match::Maybe
    } else {
        Match::No
    }
}

fn client(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        for _ in 0..=PINGS {
            match text.verb(CLIENT)? {
                0 | 1 => return object(&mut text),
                2 | 3 => text.literal(b"\r\n")?,
                // Subject, reply or queue, size or id.
                _ => return operation(&mut text, 1),
            }
        }
        Ok(Match::No)
    })
}

fn server(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        // Subject, id, reply, size.
        if text.verb(SERVER)? == 0 { object(&mut text) } else { operation(&mut text, 2) }
    })
}

/// A blank, and the beginning of a JSON object.
fn object(text: &mut Text<'_>) -> Step<Match> {
    text.run(1, 4, |byte| matches!(byte, b' ' | b'\t'))?;
    text.literal(b"{")?;
    text.run(0, 4, |byte| byte.is_ascii_whitespace())?;
    text.one(|byte| matches!(byte, b'"' | b'}'))?;
    Ok(Match::Yes(Proof::Banner))
}

/// `fixed` words, perhaps another one, and a number.
fn operation(text: &mut Text<'_>, fixed: usize) -> Step<Match> {
    text.literal(b" ")?;
    for _ in 0..fixed {
        text.run(1, 128, |byte| byte.is_ascii_graphic())?;
        text.literal(b" ")?;
    }
    let last = text.run(1, 128, |byte| byte.is_ascii_graphic())?;
    if text.peek()? == b' ' {
        text.literal(b" ")?;
        text.number(8)?;
    } else if !last.iter().all(u8::is_ascii_digit) {
        return Ok(Match::No);
    }
    text.literal(b"\r\n")?;
    Ok(Match::Yes(Proof::Heuristic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const INFO: &[u8] = b"INFO {\"server_id\":\"NDI\",\"version\":\"2.10.1\",\"max_payload\":1048576} \r\n";
    const CONNECT: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n";

    #[test]
    fn greetings_and_connections() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(INFO, Proof::Banner);
        tcp.client_proves(CONNECT, Proof::Banner);
        tcp.client_proves(b"PING\r\nCONNECT {}\r\n", Proof::Banner);
        assert_eq!(tcp.both(CONNECT, INFO), Match::Yes(Proof::Banner));
        // A route.
        assert_eq!(tcp.both(INFO, INFO), Match::Yes(Proof::Banner));
        tcp.client_proves(b"SUB foo.* 1\r\n", Proof::Heuristic);
        tcp.client_proves(b"PUB foo _INBOX.1 5\r\nhello\r\n", Proof::Heuristic);
        tcp.server_proves(b"MSG foo 1 _INBOX.1 5\r\nhello\r\n", Proof::Heuristic);
    }

    #[test]
    fn a_greeted_client_may_go_on_in_tls() {
        let greeted = Talk::tcp().server(INFO).client(&[0x16, 3, 1, 0, 200]);
        assert_eq!(greeted.ask(check), Match::Yes(Proof::Banner));
        assert_eq!(Trial::tcp(check).both(&[0x16, 3, 1, 0, 200], INFO), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"INFO\r\n".as_slice(),
            b"CONNECT example.org:443 HTTP/1.1\r\n",
            b"CONNECT\naccept-version:1.2\n",
            b"PING hello\r\n",
            b"PUB foo\r\n",
            b"PUB foo bar x\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.client(b"PING\r\n"), Match::Maybe);
        assert_eq!(tcp.both(CONNECT, b"HTTP/1.1 400"), Match::No);
        tcp.refuses_noise(10_000);
    }
}
