//! managesieve: RFC 5804, sections 1.7 (capabilities) and 2 (commands).
//!
//! Proof: a server that greets with its capabilities, quoted, or a command that only this protocol has. Server first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, Verbs, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Managesieve,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Section 1.7, and RFC 5804's successors; the first is what all servers begin with.
const CAPABILITIES: &[&[u8]] = &[
    b"IMPLEMENTATION\"",
    b"SASL\"",
    b"SIEVE\"",
    b"STARTTLS\"",
    b"MAXREDIRECTS\"",
    b"NOTIFY\"",
    b"LANGUAGE\"",
    b"OWNER\"",
    b"VERSION\"",
    b"RENAME\"",
    b"NOOP\"",
    b"UNAUTHENTICATE\"",
    b"EXTLISTS\"",
];

/// The first [`OWN`] are of no other protocol.
const VERBS: &Verbs = &Verbs::new(&[
    b"HAVESPACE",
    b"PUTSCRIPT",
    b"LISTSCRIPTS",
    b"SETACTIVE",
    b"GETSCRIPT",
    b"DELETESCRIPT",
    b"RENAMESCRIPT",
    b"CHECKSCRIPT",
    b"AUTHENTICATE",
    b"CAPABILITY",
    b"STARTTLS",
    b"LOGOUT",
    b"NOOP",
]);
const OWN: usize = 8;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, commands, greeting)
}

fn commands(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let verb = text.verb(VERBS)?;
        if VERBS[verb] == b"AUTHENTICATE" {
            text.literal(b" \"")?;
            text.run(2, 24, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))?;
            text.literal(b"\"")?;
            return Ok(Match::Yes(Proof::Banner));
        }
        let arguments = text.line(is_text)?;
        if verb < OWN {
            return Ok(Match::Yes(Proof::Banner));
        }
        Ok(if arguments.trim_ascii().is_empty() { Match::Maybe } else { Match::No })
    })
}

fn greeting(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"\"")?;
        text.any_word(CAPABILITIES)?;
        if text.peek()? == b' ' {
            text.literal(b" ")?;
            text.one(|byte| matches!(byte, b'"' | b'{') || byte.is_ascii_digit())?;
        } else {
            text.literal(b"\r\n")?;
        }
        Ok(Match::Yes(Proof::Banner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn greetings_and_commands() {
        let tcp = Trial::tcp(check);
        let greeting = b"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n\"SASL\" \"PLAIN\"\r\nOK \"ready\"\r\n";
        tcp.server_proves(greeting, Proof::Banner);
        tcp.server_proves(b"\"STARTTLS\"\r\n", Proof::Banner);
        tcp.client_proves(b"AUTHENTICATE \"PLAIN\" \"AGEAYg==\"\r\n", Proof::Banner);
        tcp.client_proves(b"LISTSCRIPTS\r\n", Proof::Banner);
        let talk = Talk::tcp().server(greeting).client(b"STARTTLS\r\n");
        assert_eq!(talk.ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"STARTTLS\r\n"), Match::Maybe);
        for other in
            [b"AUTHENTICATE PLAIN\r\n".as_slice(), b"a1 AUTHENTICATE \"PLAIN\"\r\n", b"LOGOUT now\r\n"]
        {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [b"\"name\" \"value\"\r\n".as_slice(), b"\"SASL\",\"x\"\r\n", b"OK\r\n"] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
