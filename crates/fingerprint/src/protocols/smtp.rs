//! SMTP: RFC 5321, with submission (RFC 6409) and LMTP (RFC 2033).
//!
//! Proof: a greeting whose words name a mail server, a client's `EHLO` or another command that only mail knows.
//! A bare `220 name` could be FTP: it waits for what the client says. Server first; a client that does not wait for
//! the greeting is taken too.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh_greeted};
use crate::reply::{Reply, Service};
use crate::text::{Text, Verbs, holds, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Smtp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Commands that only a mail server takes: RFC 5321, 2033, 1985, 3030, Postfix XCLIENT and XFORWARD, Exchange X-EXPS.
const OWN: usize = 11;

/// What a client says before it has said its name.
const OPENING: &Verbs =
    &Verbs::new(&[b"EHLO", b"HELO", b"LHLO", b"XCLIENT", b"HELP", b"NOOP", b"RSET", b"QUIT"]);

/// The first [`OWN`] are mail's own; the rest is shared with FTP, POP3 or NNTP.
const VERBS: &Verbs = &Verbs::new(&[
    b"EHLO",
    b"HELO",
    b"LHLO",
    b"MAIL",
    b"RCPT",
    b"ETRN",
    b"BDAT",
    b"XCLIENT",
    b"XFORWARD",
    b"X-EXPS",
    b"EXPN",
    b"VRFY",
    b"DATA",
    b"RSET",
    b"NOOP",
    b"QUIT",
    b"HELP",
    b"TURN",
    b"AUTH",
    b"STARTTLS",
]);

fn check(exchange: &Exchange<'_>) -> Match {
    let opens = exchange.first == Speaker::Client && !exchange.midstream;
    weigh_greeted(exchange, |client| commands(client, opens), |server| replies(server, exchange.midstream))
}

/// `opens`: the client spoke first, so it has not said its name yet.
fn commands(side: &Side<'_>, opens: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        if opens {
            text.clone().verb(OPENING)?;
        }
        loop {
            let verb = text.verb(VERBS)?;
            match VERBS[verb] {
                b"MAIL" => text.word(b" FROM:")?,
                b"RCPT" => text.word(b" TO:")?,
                _ => {}
            }
            let line = text.line(is_text);
            if verb < OWN && line != Err(Match::No) {
                return Ok(Match::Yes(Proof::Banner));
            }
            // AUTH TLS and AUTH SSL are FTP's (RFC 4217).
            let arguments = line?;
            if VERBS[verb] == b"AUTH" && (holds(arguments, b" TLS") || holds(arguments, b" SSL")) {
                return Ok(Match::No);
            }
        }
    })
}

fn replies(side: &Side<'_>, midstream: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let greeting = Reply::read(&mut text)?;
        if midstream && is_answer(&greeting) {
            return Ok(Match::Yes(Proof::Banner));
        }
        // RFC 5321, section 4.3.2: 220, or 554 and 421 from a server that wants no mail; 521 is RFC 7504.
        if !matches!(greeting.code, 220 | 421 | 521 | 554) {
            return Ok(Match::No);
        }
        match greeting.service() {
            Some(Service::Smtp) => return Ok(Match::Yes(Proof::Banner)),
            Some(Service::Ftp) => return Ok(Match::No),
            None => {}
        }
        // Seen without the client: what follows a mail greeting answers EHLO, never USER.
        if !greeting.complete {
            return Ok(Match::Maybe);
        }
        let second = Reply::read(&mut text)?;
        Ok(if matches!(second.code, 250 | 235 | 334 | 354) { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

/// An answer that only mail servers give: an enhanced status code of its class (RFC 3463), the request for data.
fn is_answer(reply: &Reply<'_>) -> bool {
    let class = (reply.code / 100) as u8 + b'0';
    let enhanced = matches!(reply.text, [b' ' | b'-', first, b'.', subject, b'.', ..]
        if *first == class && subject.is_ascii_digit());
    enhanced || reply.code == 354 || (reply.code == 250 && holds(reply.text, b"PIPELINING"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn greetings_that_name_a_mail_server() {
        let tcp = Trial::tcp(check);
        for greeting in [
            b"220 mx.example.org ESMTP Postfix (Debian)\r\n".as_slice(),
            b"220 host Microsoft ESMTP MAIL Service ready at Mon, 24 Nov 2025\r\n",
            b"220-host ESMTP Exim 4.96\r\n220-We do not authorize\r\n220 unsolicited mail\r\n",
            b"554 mx.example.org ESMTP not accepting messages\r\n",
            b"220 host Sendmail 8.17 ready\n",
        ] {
            tcp.server_proves(greeting, Proof::Banner);
        }
        tcp.server_proves(b"220 host\r\n250-host\r\n250 SIZE\r\n", Proof::Banner);
    }

    #[test]
    fn a_bare_greeting_waits_for_the_client() {
        let greeted = Talk::tcp().server(b"220 host ready\r\n");
        assert_eq!(greeted.ask(check), Match::Maybe);
        assert_eq!(greeted.clone().client(b"EHLO a\r\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.clone().client(b"MAIL FROM:<a@b>\r\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.clone().client(b"QUIT\r\n").ask(check), Match::Maybe);
        assert_eq!(greeted.clone().client(b"USER a\r\n").ask(check), Match::No);
        assert_eq!(greeted.clone().client(b"AUTH TLS\r\n").ask(check), Match::No);
        assert_eq!(greeted.client(b"\x01\x02").ask(check), Match::No);
    }

    #[test]
    fn a_greeting_is_not_refuted_by_words() {
        let greeted = Talk::tcp().server(b"220 host ESMTP Exim 4.96\r\n");
        let said = |words: &[u8]| greeted.clone().client(words).ask(check);
        assert_eq!(said(b"noop\r\nvrfy bob\r\nNONSENSE\r\nQUIT\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(said(b"what?\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(said(b"what?\r\n\x01\x02"), Match::No);
        assert_eq!(Talk::tcp().client(b"what?\r\n").server(b"220 host ESMTP\r\n").ask(check), Match::No);
    }

    #[test]
    fn clients_that_do_not_wait() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"EHLO a.example\r\n", Proof::Banner);
        tcp.client_proves(b"helo a\r\nMAIL FROM:<>\r\n", Proof::Banner);
        tcp.client_proves(b"NOOP\r\nLHLO a\r\n", Proof::Banner);
        assert_eq!(tcp.client(b"MAIL FROM:<a@b>\r\n"), Match::No);
        assert_eq!(tcp.client(b"EHLO \x01\x02"), Match::No);
    }

    #[test]
    fn midstream() {
        let tcp = Trial::tcp(check).midstream();
        assert_eq!(tcp.client(b"RCPT TO:<a@b>\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.server(b"250 2.1.0 Ok\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.server(b"250 CWD command successful\r\n"), Match::No);
    }

    #[test]
    fn what_only_looks_like_it() {
        let tcp = Trial::tcp(check);
        for other in [
            b"220 (vsFTPd 3.0.3)\r\n".as_slice(),
            b"220 \x01",
            b"200 news\r\n",
            b"220x",
            b"220 a\r\n331 b\r\n",
            b"+OK\r\n",
        ] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.client(b"HELLO\r\n"), Match::No);
        tcp.refuses_noise(2000);
    }
}
