//! ident: the Identification Protocol: RFC 1413, sections 4 and 6.
//!
//! A query is two ports, which a line of numbers may be too; the answer repeats them, and a type and a system or an error
//! prove both. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ident,
    transports: Transports::TCP,
    sides: Sides::Server,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const BLANKS_MAX: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    let opens = exchange.first == Speaker::Client || exchange.midstream;
    weigh(exchange, |client| verdict(|| query(client, opens)), |server| verdict(|| answer(server)))
}

fn blanks(text: &mut Text<'_>) -> Step<()> {
    text.run(0, BLANKS_MAX, |byte| matches!(byte, b' ' | b'\t')).map(drop)
}

fn ports(text: &mut Text<'_>) -> Step<()> {
    blanks(text)?;
    for end in [b",".as_slice(), b""] {
        let port = text.number(5)?;
        if port == 0 || port > 65_535 {
            return Err(Match::No);
        }
        blanks(text)?;
        text.literal(end)?;
        blanks(text)?;
    }
    Ok(())
}

fn query(side: &Side<'_>, opens: bool) -> Step<Match> {
    if !opens {
        return Ok(Match::No);
    }
    let mut text = Text::new(side.bytes);
    ports(&mut text)?;
    if !text.line(is_text)?.is_empty() || !text.rest().is_empty() {
        return Ok(Match::No);
    }
    Err(Match::Maybe)
}

fn answer(side: &Side<'_>) -> Step<Match> {
    const KINDS: &[&[u8]] = &[b"USERID", b"ERROR"];
    let mut text = Text::new(side.bytes);
    ports(&mut text)?;
    text.literal(b":")?;
    blanks(&mut text)?;
    text.any_word(KINDS)?;
    blanks(&mut text)?;
    text.literal(b":")?;
    blanks(&mut text)?;
    text.one(|byte| byte.is_ascii_alphanumeric())?;
    Ok(Match::Yes(Proof::Banner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn queries_and_answers() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(b"6193, 23 : USERID : UNIX : stjohns\r\n", Proof::Banner);
        tcp.server_proves(b"6195,23:ERROR:NO-USER\r\n", Proof::Banner);
        assert_eq!(tcp.client(b"6193, 23\r\n"), Match::Maybe);
        assert_eq!(
            tcp.both(b"6193, 23\r\n", b"6193, 23 : ERROR : HIDDEN-USER\r\n"),
            Match::Yes(Proof::Banner)
        );
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in
            [b"1,alice,x\r\n".as_slice(), b"0, 23\r\n", b"70000, 2\r\n", b"1, 2, 3\r\n", b"1, 2\r\n3, 4\r\n"]
        {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [b"6193, 23 : USER : x\r\n".as_slice(), b"6193, 23\r\n", b"200 ok\r\n"] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
