//! FTP control connection: RFC 959, with RFC 2228 and 4217 (AUTH), 2389 (FEAT), 2428 (EPSV), 3659 (MLST).
//!
//! Proof: a greeting whose words name a file server, a command or reply that only FTP knows, or `USER` after a `220`.
//! A bare `220 name` could be mail: it waits for what the client says. Server first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports, weigh};
use crate::reply::{Reply, Service};
use crate::text::{Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Ftp, transports: Transports::TCP, check };

/// The first [`OWN`] commands are FTP's own; the rest is shared with POP3, SMTP or NNTP.
const VERBS: &[&[u8]] = &[
    b"SYST", b"FEAT", b"PASV", b"EPSV", b"PORT", b"EPRT", b"TYPE", b"MODE", b"STRU", b"CWD", b"XCWD",
    b"CDUP", b"PWD", b"XPWD", b"MKD", b"XMKD", b"RMD", b"XRMD", b"STOR", b"STOU", b"APPE", b"ALLO", b"REST",
    b"RNFR", b"RNTO", b"SIZE", b"MDTM", b"MLSD", b"MLST", b"NLST", b"OPTS", b"PBSZ", b"PROT", b"CCC",
    b"ADAT", b"CLNT", b"SITE", b"SMNT", b"ABOR", b"LANG", b"MFMT", b"HOST", b"USER", b"PASS", b"ACCT",
    b"REIN", b"QUIT", b"RETR", b"LIST", b"DELE", b"STAT", b"HELP", b"NOOP", b"AUTH",
];
const OWN: usize = 42;

/// What a client says before it has logged in.
const OPENING: &[&[u8]] = &[
    b"USER", b"AUTH", b"FEAT", b"HOST", b"SYST", b"OPTS", b"CLNT", b"LANG", b"STAT", b"HELP", b"NOOP",
    b"QUIT", b"REIN",
];

fn check(exchange: &Exchange<'_>) -> Match {
    let opens = exchange.first == Speaker::Client && !exchange.midstream;
    let answer =
        weigh(exchange, |client| commands(client, opens), |server| replies(server, exchange.midstream));
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
        if midstream && is_answer(greeting.code) {
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
        let second = Reply::read(&mut text)?;
        Ok(if is_answer(second.code) { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

/// Replies that mail servers never give: RFC 959, section 4.2.2, and RFC 4217.
const fn is_answer(code: u32) -> bool {
    matches!(
        code,
        125 | 150
            | 200
            | 202
            | 211
            | 213
            | 215
            | 225
            | 226
            | 227
            | 228
            | 229
            | 230
            | 232
            | 234
            | 257
            | 331
            | 332
            | 350
            | 425
            | 426
            | 530
            | 532
    )
}

fn greets(server: &Side<'_>) -> bool {
    Reply::read(&mut Text::new(server.bytes))
        .is_ok_and(|greeting| greeting.code == 220 && greeting.service().is_none())
}

fn logs_in(client: &Side<'_>) -> bool {
    let mut text = Text::new(client.bytes);
    text.verb(&[b"USER"]).is_ok() && text.line(is_text).is_ok()
}
