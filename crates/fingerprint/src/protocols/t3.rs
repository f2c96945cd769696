//! t3: Oracle WebLogic's T3.
//!
//! T3 is unpublished; Oracle's "Developing RMI Applications for Oracle WebLogic Server" describes its use. Its bootstrap, as
//! every release since 8.1 does it, is text: the client's `t3 12.2.1` and the server's `HELO:12.2.1.4.0.false`, then lines of
//! two letters, a colon and a number, then an empty line. The first line and the next one's beginning prove it, from either
//! side.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_ascii_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::T3,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, client, |side| server(side, asked))
}

fn client(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"t3")?;
        if text.peek()? == b's' {
            text.literal(b"s")?;
        }
        text.literal(b" ")?;
        text.clone().one(|byte| byte.is_ascii_digit())?;
        text.run(1, 24, |byte| byte.is_ascii_digit() || byte == b'.')?;
        text.line(|_| false)?;
        option(&mut text)
    })
}

fn server(side: &Side<'_>, asked: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        // Asked, it may refuse to log in, or for want of room, and says why.
        if asked && text.peek()? != b'H' {
            text.any_word(&[b"LGIN:", b"RESO:", b"UNAV:"])?;
            text.line(is_ascii_text)?;
            return Ok(Match::Yes(Proof::Banner));
        }
        text.literal(b"HELO:")?;
        text.clone().one(|byte| byte.is_ascii_digit())?;
        text.run(3, 48, |byte| byte.is_ascii_alphanumeric() || byte == b'.')?;
        text.line(|_| false)?;
        option(&mut text)
    })
}

/// `AS:255`, the size of abbreviation tables; `HL:19`, that of headers; `MS:10000000`, that of messages.
fn option(text: &mut Text<'_>) -> Step<Match> {
    text.one(|byte| byte.is_ascii_uppercase())?;
    text.one(|byte| byte.is_ascii_uppercase())?;
    text.literal(b":")?;
    text.one(|byte| byte.is_ascii_alphanumeric())?;
    Ok(Match::Yes(Proof::Banner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const HELLO: &[u8] = b"t3 12.2.1\nAS:255\nHL:19\nMS:10000000\n\n";

    #[test]
    fn bootstraps() {
        let tcp = Trial::tcp(check);
        let answer = b"HELO:12.2.1.4.0.false\nAS:2048\nHL:19\n\n";
        tcp.client_proves(HELLO, Proof::Banner);
        tcp.client_proves(b"t3s 10.3.6\r\nAS:255\r\nHL:19\r\n\r\n", Proof::Banner);
        tcp.server_proves(answer, Proof::Banner);
        assert_eq!(tcp.both(HELLO, answer), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(HELLO, b"UNAV:no resources\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"t3 x\n".as_slice(), b"t3 12 apples\n", b"t4 12.2.1\nAS:255\n", b"t3 12.2.1\nhello\n"]
        {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"HELO mail.example.org\r\n"), Match::No);
        assert_eq!(tcp.server(b"UNAV:no resources\n"), Match::No);
        assert_eq!(tcp.both(HELLO, b"HTTP/1.1 400"), Match::No);
        tcp.refuses_noise(10_000);
    }
}
