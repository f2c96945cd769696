//! dict: the Dictionary Server Protocol: RFC 2229.
//!
//! The server greets with 220 as mail and file servers do, but its line ends with capabilities and an identifier in angle
//! brackets (section 3.1); a client's commands are of no other protocol. Server first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, Verbs, holds, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dict,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Section 3.
const VERBS: &Verbs =
    &Verbs::new(&[b"SHOW", b"OPTION", b"CLIENT", b"DEFINE", b"MATCH", b"AUTH", b"STATUS", b"HELP", b"QUIT"]);
const LINES_MAX: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    let answer = weigh(exchange, commands, greeting);
    let defines = || {
        let mut text = Text::new(exchange.client.bytes);
        text.verb(&const { Verbs::new(&[b"CLIENT", b"DEFINE", b"MATCH"]) }).is_ok()
            && text.line(is_text).is_ok()
    };
    if answer == Match::Maybe && !exchange.server.is_empty() && greets(exchange.server.bytes) && defines() {
        return Match::Yes(Proof::Banner);
    }
    answer
}

fn commands(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let mut introduced = false;
        for _ in 0..LINES_MAX {
            let verb = VERBS[text.verb(VERBS)?];
            let arguments = text.line(is_text)?.trim_ascii();
            let words = arguments.split(|&byte| byte == b' ').count();
            let fits = match verb {
                b"SHOW" => {
                    let shown: &[&[u8]] = &[b"DB", b"DATABASES", b"STRAT", b"STRATEGIES", b"SERVER", b"INFO"];
                    let first = arguments.split(|&byte| byte == b' ').next().unwrap_or_default();
                    return Ok(if shown.iter().any(|word| word.eq_ignore_ascii_case(first)) {
                        Match::Yes(Proof::Banner)
                    } else {
                        Match::No
                    });
                }
                b"OPTION" => {
                    return Ok(if arguments.eq_ignore_ascii_case(b"MIME") {
                        Match::Yes(Proof::Banner)
                    } else {
                        Match::No
                    });
                }
                b"DEFINE" | b"MATCH" if introduced => return Ok(Match::Yes(Proof::Banner)),
                b"CLIENT" => {
                    introduced = true;
                    !arguments.is_empty()
                }
                b"DEFINE" | b"AUTH" => words >= 2,
                b"MATCH" => words >= 3,
                _ => arguments.is_empty(),
            };
            if !fits {
                return Ok(Match::No);
            }
        }
        Ok(Match::Maybe)
    })
}

fn greeting(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        // Or a server that is shutting down, unavailable, or refuses.
        text.any_word(&[b"220 ", b"420 ", b"421 ", b"530 "])?;
        let line = text.line(is_text)?;
        if holds(line, b"SMTP") || holds(line, b"FTP") {
            return Ok(Match::No);
        }
        Ok(if greets(side.bytes) { Match::Yes(Proof::Banner) } else { Match::Maybe })
    })
}

/// `220 text <capabilities> <identifier>`: two pairs of brackets, the last with an `@`, at the line's end.
fn greets(server: &[u8]) -> bool {
    let mut text = Text::new(server);
    let line = text.literal(b"220 ").and_then(|()| text.line(is_text)).unwrap_or_default().trim_ascii_end();
    let Some(line) = line.strip_suffix(b">") else { return false };
    let Some(open) = line.iter().rposition(|&byte| byte == b'<') else { return false };
    let (before, identifier) = line.split_at(open);
    let capable = before.trim_ascii_end().ends_with(b">");
    let is_identifier = identifier.contains(&b'@') && identifier.iter().all(u8::is_ascii_graphic);
    is_identifier && (capable || holds(before, b"dictd"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const GREETING: &[u8] = b"220 dict.org dictd 1.12.1/rf on Linux <auth.mime> <12345.1.1@dict.org>\r\n";

    #[test]
    fn greetings_and_commands() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(GREETING, Proof::Banner);
        tcp.client_proves(b"CLIENT libcurl 7.88.1\r\nDEFINE ! word\r\nQUIT\r\n", Proof::Banner);
        tcp.client_proves(b"SHOW DB\r\n", Proof::Banner);
        tcp.client_proves(b"OPTION MIME\r\n", Proof::Banner);
        assert_eq!(tcp.client(b"DEFINE * word\r\n"), Match::Maybe);
        let talk = Talk::tcp().server(GREETING).client(b"DEFINE * word\r\n");
        assert_eq!(talk.ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in
            [b"DEFINE x\r\n".as_slice(), b"SHOW TABLES\r\n", b"CLIENT\r\n", b"QUIT now\r\n", b"EHLO a\r\n"]
        {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"220 mx.example.org ESMTP <a> <b@c>\r\n"), Match::No);
        assert_eq!(tcp.server(b"220 ftp.example.org FTP ready\r\n"), Match::No);
        assert_eq!(tcp.server(b"220 ready\r\n"), Match::Maybe);
        assert_eq!(tcp.both(b"SHOW DB\r\n", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
