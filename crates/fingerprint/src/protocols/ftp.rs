//! FTP control connection: RFC 959, with RFC 2228 and 4217 (AUTH), 2389 (FEAT), 2428 (EPSV), 3659 (MLST).
//!
//! Proof: a greeting whose words name a file server, a command or reply that only FTP knows, or `USER` after a `220`.
//! A bare `220 name` could be mail: it waits for what the client says. Server first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh_greeted};
use crate::reply::{Reply, Service};
use crate::text::{Text, Verbs, holds, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ftp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// The first [`OWN`] commands are FTP's own; the rest is shared with POP3, SMTP or NNTP.
const VERBS: &Verbs = &Verbs::new(&[
    b"SYST", b"FEAT", b"PASV", b"EPSV", b"PORT", b"EPRT", b"TYPE", b"MODE", b"STRU", b"CWD", b"XCWD",
    b"CDUP", b"PWD", b"XPWD", b"MKD", b"XMKD", b"RMD", b"XRMD", b"STOR", b"STOU", b"APPE", b"ALLO", b"REST",
    b"RNFR", b"RNTO", b"SIZE", b"MDTM", b"MLSD", b"MLST", b"NLST", b"OPTS", b"PBSZ", b"PROT", b"CCC",
    b"ADAT", b"CLNT", b"SITE", b"SMNT", b"ABOR", b"LANG", b"MFMT", b"HOST", b"USER", b"PASS", b"ACCT",
    b"REIN", b"QUIT", b"RETR", b"LIST", b"DELE", b"STAT", b"HELP", b"NOOP", b"AUTH",
]);
const OWN: usize = 42;

/// What a client says before it has logged in.
const OPENING: &Verbs = &Verbs::new(&[
    b"USER", b"AUTH", b"FEAT", b"HOST", b"SYST", b"OPTS", b"CLNT", b"LANG", b"STAT", b"HELP", b"NOOP",
    b"QUIT", b"REIN",
]);

fn check(exchange: &Exchange<'_>) -> Match {
    let opens = exchange.first == Speaker::Client && !exchange.midstream;
    let answer = weigh_greeted(
        exchange,
        |client| commands(client, opens),
        |server| replies(server, exchange.midstream),
    );
    if answer == Match::Maybe && greets(&exchange.server) && logs_in(&exchange.client) {
        return Match::Yes(Proof::Banner);
    }
    answer
}

/// `opens`: the client spoke first, so its first command comes before any login.
fn commands(side: &Side<'_>, opens: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        if opens {
            text.clone().verb(OPENING)?;
        }
        loop {
            let verb = text.verb(VERBS)?;
            let arguments = text.line(is_text)?;
            if verb < OWN {
                return Ok(Match::Yes(Proof::Banner));
            }
            match VERBS[verb] {
                // IRC registers with "USER name mode * :real name".
                b"USER" if arguments.iter().filter(|&&byte| byte == b' ').count() > 2 => {
                    return Ok(Match::No);
                }
                b"AUTH" if is_security(arguments) => return Ok(Match::Yes(Proof::Banner)),
                b"AUTH" => return Ok(Match::No),
                _ => {}
            }
        }
    })
}

/// RFC 2228 and 4217: what AUTH may name.
fn is_security(arguments: &[u8]) -> bool {
    const MECHANISMS: &[&[u8]] =
        &[b"TLS", b"SSL", b"TLS-C", b"TLS-P", b"GSSAPI", b"KERBEROS_V4", b"KERBEROS_V5"];
    MECHANISMS.iter().any(|mechanism| mechanism.eq_ignore_ascii_case(arguments.trim_ascii()))
}

fn replies(side: &Side<'_>, midstream: bool) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let greeting = Reply::read(&mut text)?;
        if midstream
            && (is_answer(greeting.code) || (greeting.code == 200 && holds(greeting.text, b" command ")))
        {
            return Ok(Match::Yes(Proof::Banner));
        }
        // RFC 959, section 5.4: 120, 220 and 421 can greet; servers that are full or refuse a host say 530, 500, 550.
        if !matches!(greeting.code, 120 | 220 | 421 | 500 | 530 | 550) {
            return Ok(Match::No);
        }
        match greeting.service() {
            Some(Service::Ftp) => return Ok(Match::Yes(Proof::Banner)),
            Some(Service::Smtp) => return Ok(Match::No),
            None => {}
        }
        // Seen without the client: what follows a file server's greeting answers USER or AUTH, never EHLO.
        if !greeting.complete {
            return Ok(Match::Maybe);
        }
        let second = Reply::read(&mut text)?;
        Ok(if is_login(second.code) { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

/// Replies to `USER`, `AUTH`, `FEAT` and `SYST`.
const fn is_login(code: u32) -> bool {
    matches!(code, 211 | 215 | 230 | 232 | 234 | 331 | 332 | 530)
}

/// Replies that neither mail nor news servers give: RFC 959, section 4.2.2.
const fn is_answer(code: u32) -> bool {
    matches!(code, 125 | 150 | 226 | 227 | 228 | 229 | 232 | 257 | 331 | 332 | 350 | 425 | 426 | 530 | 532)
}

fn greets(server: &Side<'_>) -> bool {
    Reply::read(&mut Text::new(server.bytes))
        .is_ok_and(|greeting| greeting.code == 220 && greeting.service().is_none())
}

fn logs_in(client: &Side<'_>) -> bool {
    let mut text = Text::new(client.bytes);
    text.verb(&const { Verbs::new(&[b"USER"]) }).is_ok() && text.line(is_text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn greetings_that_name_a_file_server() {
        let tcp = Trial::tcp(check);
        for greeting in [
            b"220 (vsFTPd 3.0.5)\r\n".as_slice(),
            b"220 Microsoft FTP Service\r\n",
            b"220---------- Welcome to Pure-FTPd [privsep] ----------\r\n220-You are user 1 of 50.\r\n220 You will be\r\n",
            b"220-FileZilla Server 1.8.0\r\n220 Please visit\r\n",
            b"220 ProFTPD Server (Debian) [::ffff:10.0.0.1]\r\n",
            b"421 FTP service not available\r\n",
        ] {
            tcp.server_proves(greeting, Proof::Banner);
        }
        tcp.server_proves(b"220 Welcome\r\n331 Please specify the password.\r\n", Proof::Banner);
    }

    #[test]
    fn a_greeting_beyond_the_bound() {
        let long = [b"220-Welcome\r\n".as_slice(), &b"220-more words\r\n".repeat(40)].concat();
        let tcp = Talk::tcp().server(&long);
        assert_eq!(tcp.ask(check), Match::Maybe);
        assert_eq!(tcp.client(b"USER a\r\n").ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn a_bare_greeting_waits_for_the_client() {
        let greeted = Talk::tcp().server(b"220 Welcome\r\n");
        assert_eq!(greeted.ask(check), Match::Maybe);
        assert_eq!(greeted.clone().client(b"USER anonymous\r\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.clone().client(b"AUTH TLS\r\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.clone().client(b"FEAT\r\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.clone().client(b"USE").ask(check), Match::Maybe);
        assert_eq!(greeted.clone().client(b"QUIT\r\n").ask(check), Match::Maybe);
        assert_eq!(greeted.client(b"EHLO a\r\n").ask(check), Match::No);
    }

    #[test]
    fn clients_alone() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"USER a\r\nPASS b\r\nSYST\r\n", Proof::Banner);
        tcp.client_proves(b"auth tls\r\n", Proof::Banner);
        assert_eq!(tcp.client(b"USER a\r\n"), Match::Maybe);
        assert_eq!(tcp.client(b"USER a 0 * :a b\r\n"), Match::No);
        assert_eq!(tcp.client(b"STOR words that a data connection may start with\n"), Match::No);
        assert_eq!(tcp.midstream().client(b"STOR a.txt\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn what_only_looks_like_it() {
        let tcp = Trial::tcp(check);
        for other in
            [b"220 mx ESMTP\r\n".as_slice(), b"220 \x01", b"200 news\r\n", b"220 a\r\n250 b\r\n", b"+OK\r\n"]
        {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
