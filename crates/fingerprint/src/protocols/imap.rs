//! IMAP: RFC 9051 and RFC 3501.
//!
//! Proof: the server's greeting, `* OK`, `* PREAUTH` or `* BYE` (RFC 9051, section 7.1), or a client's tag followed by a
//! command of the not-authenticated state. Server first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports, weigh};
use crate::text::{Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Imap, transports: Transports::TCP, check };

/// Tags that clients make are short: letters and digits, a dot or dash at most.
const TAG_MAX: usize = 12;

/// RFC 9051, sections 6.1 to 6.4, and common extensions.
const COMMANDS: &[&[u8]] = &[
    b"CAPABILITY",
    b"NOOP",
    b"LOGOUT",
    b"STARTTLS",
    b"AUTHENTICATE",
    b"LOGIN",
    b"ID",
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
    b"COMPRESS",
];

/// Commands that take no arguments: a word after them is some other text.
const BARE: &[&[u8]] = &[
    b"CAPABILITY",
    b"NOOP",
    b"LOGOUT",
    b"STARTTLS",
    b"NAMESPACE",
    b"IDLE",
    b"CHECK",
    b"CLOSE",
    b"UNSELECT",
    b"EXPUNGE",
];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, command, |server| replies(server, exchange.midstream))
}

fn command(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.run(1, TAG_MAX, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))?;
        text.literal(b" ")?;
        let command = COMMANDS[text.verb(COMMANDS)?];
        let arguments = text.line(is_text)?;
        let fits = match (BARE.contains(&command), arguments) {
            (true, arguments) => arguments.trim_ascii().is_empty(),
            (false, [b' ', _, ..]) => true,
            (false, _) => false,
        };
        Ok(if fits { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

fn replies(side: &Side<'_>, midstream: bool) -> Match {
    const GREETINGS: &[&[u8]] = &[b"OK", b"PREAUTH", b"BYE"];
    const DATA: &[&[u8]] = &[b"EXISTS", b"RECENT", b"FETCH", b"EXPUNGE"];
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
        Ok(if text.line(is_text) == Err(Match::No) { Match::No } else { Match::Yes(Proof::Banner) })
    })
}
