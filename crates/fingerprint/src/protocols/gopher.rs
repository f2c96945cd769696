//! gopher: RFC 1436, sections 2 and 3.6.
//!
//! A selector is a line that anything could say; the directory that answers it proves it: items of a type and four fields
//! with tabs between, the last a port. A document that answers proves nothing. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Gopher,
    transports: Transports::TCP,
    sides: Sides::Both,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Longer selectors are not waited for.
const SELECTOR_MAX: usize = 30;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client || exchange.midstream;
    weigh(exchange, |client| verdict(|| selector(client)), |server| verdict(|| directory(server, asked)))
}

/// One line and no more; words to search for may be behind a tab.
fn selector(side: &Side<'_>) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    if !matches!(text.peek()?, b'\r' | b'/' | b'0'..=b'9') {
        return Ok(Match::No);
    }
    text.run(0, SELECTOR_MAX, |byte| byte.is_ascii_graphic() || byte == b'\t')?;
    text.literal(b"\r\n")?;
    if text.rest().is_empty() { Err(Match::Maybe) } else { Ok(Match::No) }
}

fn directory(side: &Side<'_>, asked: bool) -> Step<Match> {
    if !asked {
        return Ok(Match::No);
    }
    let mut text = Text::new(side.bytes);
    item(&mut text)?;
    // A second item, or the end.
    if text.rest().is_empty() || text.rest() == b"." {
        return Ok(Match::Yes(Proof::Heuristic));
    }
    if text.rest().starts_with(b".\r") {
        return Ok(Match::Yes(Proof::Banner));
    }
    match item(&mut text) {
        Err(Match::No) => Ok(Match::No),
        Ok(()) => Ok(Match::Yes(Proof::Banner)),
        Err(_) => Ok(Match::Yes(Proof::Heuristic)),
    }
}

/// Type and name, selector, host, port; servers of Gopher+ add a field.
fn item(text: &mut Text<'_>) -> Step<()> {
    const FIELD_MAX: usize = 255;
    let field = |byte: u8| is_text(byte) && byte != b'\t';
    text.one(|kind| {
        matches!(
            kind,
            b'0'..=b'9' | b'+' | b'T' | b'g' | b'I' | b'h' | b'i' | b's' | b'd' | b'M' | b'P' | b':' | b';'
        )
    })?;
    for _ in 0..2 {
        text.run(0, FIELD_MAX, field)?;
        text.literal(b"\t")?;
    }
    text.run(1, FIELD_MAX, |byte| byte.is_ascii_graphic() || byte == b' ')?;
    text.literal(b"\t")?;
    text.number(5)?;
    if text.peek()? == b'\t' {
        text.literal(b"\t")?;
        text.one(|byte| matches!(byte, b'+' | b'?'))?;
    }
    text.literal(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const MENU: &[u8] = b"iWelcome\tfake\t(NULL)\t0\r\n1Phlog\t/phlog\tgopher.example.org\t70\r\n.\r\n";

    #[test]
    fn a_directory_proves_its_selector() {
        let tcp = Trial::tcp(check);
        for selector in [b"\r\n".as_slice(), b"/\r\n", b"1/phlog\r\n", b"/search\twords\r\n"] {
            assert_eq!(tcp.both(selector, MENU), Match::Yes(Proof::Banner));
            assert_eq!(tcp.client(selector), Match::Maybe);
        }
        for length in 1..MENU.len() {
            let talk = Talk::tcp().client(b"\r\n").server(&MENU[..length]);
            assert_ne!(talk.ask(check), Match::No, "{length}");
        }
        assert_eq!(tcp.both(b"/\r\n", b"3Not found\t\terror.host\t1\r\n.\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"hello\r\n".as_slice(), b"/a\n", b"/a\r\n/b\r\n", b"\r\n\r\n"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [
            b"1,alice,x\r\n".as_slice(),
            b"1\talice\tbob\tx\r\n",
            b"iWelcome\r\n",
            b"1a\tb\tc\t70\r\nmore\r\n",
        ] {
            assert_eq!(tcp.both(b"/\r\n", other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(MENU), Match::No);
        tcp.refuses_noise(2000);
    }
}
