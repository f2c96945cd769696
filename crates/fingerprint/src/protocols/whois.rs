//! whois: RFC 3912.
//!
//! A query is a line that anything could say, and the answer's form is not specified: the openings of registries and of
//! their servers (ICANN's registration data fields, RPSL of RFC 2622) prove it. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Whois,
    transports: Transports::TCP,
    sides: Sides::Server,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// A name without a dot, or a number.
const WORD_MAX: usize = 30;
const QUERY_MAX: usize = 120;

/// What names the service itself.
const SERVICES: &[&[u8]] = &[
    b"% IANA WHOIS server",
    b"% This is the ",
    b"% [whois.",
    b"#\n# ARIN WHOIS data",
    b"#\r\n# ARIN WHOIS data",
    b"Whois Server Version",
    b"[ JPRS database provides",
];

/// What answers a query.
const ANSWERS: &[&[u8]] = &[
    b"Domain Name:",
    b"Domain:",
    b"Domain ID:",
    b"No match for",
    b"No Data Found",
    b"No entries found",
    b"NOT FOUND",
    b"The queried object does not exist",
    b"This query returned",
    b"refer:",
    b"inetnum:",
    b"inet6num:",
    b"aut-num:",
    b"NetRange:",
    b"nserver:",
    b"%ERROR:",
    b"%error ",
    b"%rwhois ",
    b"% No match",
    b"%% ",
];

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client || exchange.midstream;
    weigh(exchange, |client| verdict(|| query(client)), |server| verdict(|| answer(server, asked)))
}

/// A domain, an address, a number or a handle, behind flags or a keyword; one line and no more.
fn query(side: &Side<'_>) -> Step<Match> {
    let is_query = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/ =,@*!+".contains(&byte);
    let separates = |byte: &u8| matches!(byte, b'.' | b':' | b' ');
    let head = side.bytes.get(..WORD_MAX).unwrap_or(side.bytes);
    if head.len() == WORD_MAX && !head.iter().any(separates) && !head.contains(&b'\r') {
        return Ok(Match::No);
    }
    let mut text = Text::new(side.bytes);
    text.one(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'!'))?;
    text.run(0, QUERY_MAX, is_query)?;
    text.literal(b"\r\n")?;
    if text.rest().is_empty() { Err(Match::Maybe) } else { Ok(Match::No) }
}

fn answer(side: &Side<'_>, asked: bool) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    text.run(0, 8, |byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
    let service = text.clone().any_word(SERVICES);
    let answer = if asked { text.clone().any_word(ANSWERS) } else { Err(Match::No) };
    match (service, answer) {
        (Ok(_), _) | (_, Ok(_)) => {
            text.line(is_text)?;
            Ok(Match::Yes(Proof::Banner))
        }
        (Err(Match::Maybe), _) | (_, Err(Match::Maybe)) => Err(Match::Maybe),
        _ => Ok(Match::No),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn an_answer_proves_its_query() {
        let tcp = Trial::tcp(check);
        for query in [
            b"example.org\r\n".as_slice(),
            b"-B 192.0.2.1\r\n",
            b"n + 192.0.2.0/24\r\n",
            b"AS64496\r\n",
            b"domain averyveryverylongnameindeed.example.org\r\n",
        ] {
            assert_eq!(tcp.client(query), Match::Maybe);
            for answer in [
                b"   Domain Name: EXAMPLE.ORG\r\n   Registry Domain ID: 1\r\n".as_slice(),
                b"% IANA WHOIS server\n",
                b"\n#\n# ARIN WHOIS data and services are subject to\n",
                b"No match for \"EXAMPLE.ORG\".\r\n",
            ] {
                assert_eq!(tcp.both(query, answer), Match::Yes(Proof::Banner), "{}", answer.escape_ascii());
            }
        }
        tcp.server_proves(b"% This is the RIPE Database query service.\n", Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"example.org\n".as_slice(),
            b"a(b)\r\n",
            b"example.org\r\nmore\r\n",
            b"anamethatislongerthanallthatareaskedfor",
            b"\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [b"hello\r\n".as_slice(), b"%PDF-1.7\n", b"200 ok\r\n", b"\x01"] {
            assert_eq!(tcp.both(b"example.org\r\n", other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
