//! IMAP: RFC 9051 and RFC 3501.
//!
//! Proof: the server's greeting, `* OK`, `* PREAUTH` or `* BYE` (RFC 9051, section 7.1), or a client's tag followed by a
//! command of the not-authenticated state. Server first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh_greeted};
use crate::text::{Text, Verbs, are_lines, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Imap,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const PORT: u16 = 143;

/// Tags that clients make are short: letters and digits, a dot or dash at most.
const TAG_MAX: usize = 12;

/// What a client says before it has logged in: RFC 9051, sections 6.1 and 6.2, RFC 2971 (ID).
const OPENING: &Verbs = &Verbs::new(&[
    b"CAPABILITY",
    b"NOOP",
    b"LOGOUT",
    b"STARTTLS",
    b"AUTHENTICATE",
    b"LOGIN",
    b"ID",
    b"COMPRESS",
]);

/// What follows a login.
const LATER: &Verbs = &Verbs::new(&[
    b"ENABLE",
    b"SELECT",
    b"EXAMINE",
    b"CREATE",
    b"DELETE",
    b"RENAME",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"LIST",
    b"LSUB",
    b"XLIST",
    b"NAMESPACE",
    b"STATUS",
    b"APPEND",
    b"IDLE",
    b"CHECK",
    b"CLOSE",
    b"UNSELECT",
    b"EXPUNGE",
    b"SEARCH",
    b"FETCH",
    b"STORE",
    b"COPY",
    b"MOVE",
    b"UID",
    b"SORT",
    b"GETQUOTAROOT",
]);

fn check(exchange: &Exchange<'_>) -> Match {
    // On IMAP's own port a greeting that logs in (PREAUTH) may have passed elsewhere.
    let opens = exchange.first == Speaker::Client && !exchange.midstream && exchange.server_port != PORT;
    weigh_greeted(exchange, |client| command(client, opens), |server| replies(server, exchange.midstream))
}

/// `opens`: the client spoke first, so its first command comes before any login.
fn command(side: &Side<'_>, opens: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.run(1, TAG_MAX, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))?;
        text.literal(b" ")?;
        let later = match text.clone().verb(LATER) {
            Ok(_) if opens => return Ok(Match::No),
            // Words that plain text may hold: they prove something only beside the server's.
            Ok(_) => return text.line(is_text).map(|_| Match::Maybe),
            Err(may_be) => {
                if opens {
                    Match::No
                } else {
                    may_be
                }
            }
        };
        let command = OPENING[text.verb(OPENING).map_err(|opening| opening.or(later))?];
        let arguments = text.line(is_text)?;
        let words = arguments.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).count();
        let fits = match command {
            b"LOGIN" => words >= 2 || arguments.ends_with(b"}"),
            b"AUTHENTICATE" | b"COMPRESS" => words == 1 || words == 2,
            b"ID" => arguments.starts_with(b" (") || arguments.eq_ignore_ascii_case(b" NIL"),
            _ => words == 0,
        };
        Ok(if fits { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

fn replies(side: &Side<'_>, midstream: bool) -> Match {
    const GREETINGS: &Verbs = &Verbs::new(&[b"OK", b"PREAUTH", b"BYE"]);
    const DATA: &Verbs = &Verbs::new(&[b"EXISTS", b"RECENT", b"FETCH", b"EXPUNGE"]);
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"* ")?;
        if midstream && text.peek()?.is_ascii_digit() {
            text.number(9)?;
            text.literal(b" ")?;
            text.verb(DATA)?;
        } else {
            text.verb(GREETINGS)?;
        }
        // Random bytes behind the word are text for a while: the line must end.
        text.line(is_text)?;
        Ok(if are_lines(text.rest()) { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn greetings() {
        let tcp = Trial::tcp(check);
        for greeting in [
            b"* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n".as_slice(),
            b"* PREAUTH IMAP4rev1 server logged in as Smith\r\n",
            b"* BYE Temporary problem\r\n",
            b"* ok\r\n",
        ] {
            tcp.server_proves(greeting, Proof::Banner);
        }
        for other in [
            b"* OKAY\r\n".as_slice(),
            b"* OK \x01",
            b"* OK a\n\x01",
            b"*1\r\n$4\r\n",
            b"* 3 EXISTS\r\n",
            b"* item\n",
        ] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn commands() {
        let tcp = Trial::tcp(check);
        for command in [
            b"a001 LOGIN smith pass\r\n".as_slice(),
            b"1 capability\r\n",
            b"A.1 ID (\"name\" \"x\")\r\n",
            b"C1 STARTTLS\r\n",
        ] {
            tcp.client_proves(command, Proof::Banner);
        }
        for other in [
            b"a001 LOGIN\r\n".as_slice(),
            b"please login\r\n",
            b"please list all\r\n",
            b"a noop of its own\r\n",
            b"averylongtoken1 NOOP\r\n",
            b"NICK a\r\n",
            b"a1 LOGIN \x01",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
        let selects = b"A1 SELECT INBOX\r\n";
        assert_eq!(tcp.client(selects), Match::No);
        assert_eq!(Trial::tcp(check).port(PORT).client(selects), Match::Maybe);
    }

    #[test]
    fn midstream() {
        let tcp = Trial::tcp(check).midstream();
        assert_eq!(tcp.server(b"* 23 EXISTS\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.client(b"* 2 FETCH (FLAGS (\\Seen))\r\n"), Match::Yes(Proof::Banner));
    }
}
