//! nntp: the Network News Transfer Protocol: RFC 3977, sections 5 and 6; RFC 4643 (AUTHINFO), 4644 (streaming).
//!
//! Proof: a greeting of 200 or 201, which mail and file servers never give, whose words speak of news or posting; a
//! command that only news servers take; or a greeting without such words and a command that fits. Server first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::reply::Reply;
use crate::text::{Text, Verbs, holds, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Nntp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// The first [`OWN`] are of no other protocol.
const VERBS: &Verbs = &Verbs::new(&[
    b"CAPABILITIES",
    b"AUTHINFO",
    b"XOVER",
    b"XHDR",
    b"XZVER",
    b"XFEATURE",
    b"LISTGROUP",
    b"NEWGROUPS",
    b"NEWNEWS",
    b"MODE",
    b"IHAVE",
    b"CHECK",
    b"TAKETHIS",
    b"GROUP",
    b"LIST",
    b"ARTICLE",
    b"HEAD",
    b"BODY",
    b"STAT",
    b"OVER",
    b"HDR",
    b"DATE",
    b"HELP",
    b"POST",
    b"NEXT",
    b"LAST",
    b"QUIT",
    b"STARTTLS",
    b"SLAVE",
    b"COMPRESS",
]);
const OWN: usize = 9;

/// What no mail or file server's client says after a greeting.
const FITTING: &Verbs = &Verbs::new(&[
    b"CAPABILITIES",
    b"AUTHINFO",
    b"MODE",
    b"GROUP",
    b"LIST",
    b"ARTICLE",
    b"XOVER",
    b"OVER",
    b"DATE",
    b"POST",
    b"STARTTLS",
    b"HELP",
    b"QUIT",
]);

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client && !exchange.midstream;
    let answer = weigh(exchange, commands, |server| replies(server, asked));
    let asks = || {
        let mut text = Text::new(exchange.client.bytes);
        text.verb(FITTING).is_ok() && text.line(is_text).is_ok()
    };
    if answer == Match::Maybe && greets(exchange.server.bytes) && asks() {
        return Match::Yes(Proof::Banner);
    }
    answer
}

fn commands(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let verb = text.verb(VERBS)?;
        let arguments = text.line(is_text)?.trim_ascii();
        let first = arguments.split(|&byte| byte == b' ').next().unwrap_or_default();
        let is = |words: &[&[u8]]| words.iter().any(|word| word.eq_ignore_ascii_case(first));
        Ok(match VERBS[verb] {
            b"MODE" if is(&[b"READER", b"STREAM"]) => Match::Yes(Proof::Banner),
            b"AUTHINFO" if !is(&[b"USER", b"PASS", b"SASL", b"GENERIC", b"SIMPLE"]) => Match::No,
            b"IHAVE" | b"CHECK" | b"TAKETHIS" if first.starts_with(b"<") && first.ends_with(b">") => {
                Match::Yes(Proof::Banner)
            }
            b"MODE" | b"IHAVE" | b"CHECK" | b"TAKETHIS" => Match::No,
            b"GROUP" if first.is_empty() => Match::No,
            _ if verb < OWN => Match::Yes(Proof::Banner),
            b"DATE" | b"POST" | b"NEXT" | b"LAST" | b"QUIT" | b"STARTTLS" if !arguments.is_empty() => {
                Match::No
            }
            _ => Match::Maybe,
        })
    })
}

/// `asked`: the client spoke first, so this may be any protocol's answer to it.
fn replies(side: &Side<'_>, asked: bool) -> Match {
    const WORDS: &[&[u8]] = &[b"NNTP", b"NNRP", b"InterNetNews", b"posting", b"news server", b"newsserver"];
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.clone().any_word(&[b"200 ", b"201 ", b"400 ", b"502 "])?;
        let greeting = Reply::read(&mut text)?;
        if WORDS.iter().any(|words| holds(greeting.text, words)) {
            return Ok(Match::Yes(Proof::Banner));
        }
        if !matches!(greeting.code, 200 | 201) || asked {
            return Ok(if asked && greeting.code < 400 { Match::Maybe } else { Match::No });
        }
        // Seen without the client: capabilities, a password, a group, the mode that was asked for.
        let second = Reply::read(&mut text)?;
        Ok(match second.code {
            101 | 111 | 203 | 211 | 215 | 238 | 281 | 335 | 381 | 382 | 480 => Match::Yes(Proof::Banner),
            200 | 201 => Match::Yes(Proof::Heuristic),
            _ => Match::No,
        })
    })
}

fn greets(server: &[u8]) -> bool {
    Reply::read(&mut Text::new(server)).is_ok_and(|greeting| matches!(greeting.code, 200 | 201))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn greetings_and_commands() {
        let tcp = Trial::tcp(check);
        for greeting in [
            b"200 news.example.org InterNetNews NNRP server INN 2.6.4 ready (posting ok)\r\n".as_slice(),
            b"201 Welcome (no posting)\r\n",
            b"200 hello\r\n381 PASS required\r\n",
            b"502 NNTP service permanently unavailable\r\n",
        ] {
            tcp.server_proves(greeting, Proof::Banner);
        }
        for command in
            [b"MODE READER\r\n".as_slice(), b"CAPABILITIES\r\n", b"AUTHINFO USER a\r\n", b"IHAVE <a@b>\r\n"]
        {
            tcp.client_proves(command, Proof::Banner);
        }
        let greeted = Talk::tcp().server(b"200 Welcome\r\n");
        assert_eq!(greeted.ask(check), Match::Maybe);
        assert_eq!(greeted.clone().client(b"GROUP misc.test\r\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.client(b"EHLO a\r\n").ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in
            [b"MODE a +x\r\n".as_slice(), b"AUTHINFO\r\n", b"CHECK x\r\n", b"GROUP\r\n", b"DATE x\r\n"]
        {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [
            b"220 mx ESMTP\r\n".as_slice(),
            b"200\n",
            b"2000 x\r\n",
            b"400 Bad Request\r\n",
            b"200 ok\r\n250 ok\r\n",
        ] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
