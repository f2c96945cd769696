//! nut: Network UPS Tools.
//!
//! Specification: RFC 9271, section 4 (commands and responses). Commands and answers are lines; those that name variables
//! or lists prove it. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, Verbs, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Nut,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const VERBS: &Verbs = &Verbs::new(&[
    b"LIST",
    b"GET",
    b"LOGIN",
    b"PRIMARY",
    b"MASTER",
    b"USERNAME",
    b"PASSWORD",
    b"STARTTLS",
    b"VER",
    b"NETVER",
    b"PROTVER",
    b"HELP",
    b"LOGOUT",
]);
const LISTS: &[&[u8]] = &[b"UPS", b"VAR ", b"RW ", b"CMD ", b"ENUM ", b"RANGE ", b"CLIENT "];
const VALUES: &[&[u8]] = &[b"VAR ", b"TYPE ", b"DESC ", b"NUMLOGINS ", b"UPSDESC ", b"CMDDESC ", b"TRACKING"];
const ERRORS: &[&[u8]] = &[
    b"ACCESS-DENIED",
    b"UNKNOWN-UPS",
    b"VAR-NOT-SUPPORTED",
    b"CMD-NOT-SUPPORTED",
    b"INVALID-ARGUMENT",
    b"INSTCMD-FAILED",
    b"SET-FAILED",
    b"READONLY",
    b"TOO-LONG",
    b"FEATURE-NOT-SUPPORTED",
    b"FEATURE-NOT-CONFIGURED",
    b"ALREADY-SSL-MODE",
    b"DRIVER-NOT-CONNECTED",
    b"DATA-STALE",
    b"ALREADY-LOGGED-IN",
    b"INVALID-PASSWORD",
    b"ALREADY-SET-PASSWORD",
    b"INVALID-USERNAME",
    b"ALREADY-SET-USERNAME",
    b"USERNAME-REQUIRED",
    b"PASSWORD-REQUIRED",
    b"UNKNOWN-COMMAND",
    b"INVALID-VALUE",
];

/// Lines that prove nothing by themselves.
const LINES_MAX: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, commands, answers)
}

fn commands(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let mut named = false;
        for _ in 0..LINES_MAX {
            let verb = VERBS[text.verb(VERBS)?];
            match verb {
                b"LIST" | b"GET" => {
                    text.literal(b" ")?;
                    let words = if verb == b"LIST" { LISTS } else { VALUES };
                    let what = words[Text::new(text.rest()).any_word(words)?];
                    let line = text.line(is_text)?;
                    // A list of the devices has no argument, the rest one or more.
                    let fits =
                        if what == LISTS[0] { line.len() == what.len() } else { line.len() > what.len() };
                    return Ok(if fits { Match::Yes(Proof::Banner) } else { Match::No });
                }
                b"LOGIN" | b"PRIMARY" | b"MASTER" => {
                    text.literal(b" ")?;
                    let device = text.line(|byte| byte.is_ascii_graphic())?;
                    return Ok(if named && !device.is_empty() {
                        Match::Yes(Proof::Banner)
                    } else {
                        Match::No
                    });
                }
                b"USERNAME" | b"PASSWORD" => {
                    text.literal(b" ")?;
                    text.line(is_text)?;
                    named = true;
                }
                _ => {
                    if !text.line(is_text)?.is_empty() {
                        return Ok(Match::No);
                    }
                }
            }
        }
        Ok(Match::No)
    })
}

fn answers(side: &Side<'_>) -> Match {
    const STARTS: &[&[u8]] =
        &[b"BEGIN LIST ", b"Network UPS Tools upsd ", b"VAR ", b"UPSDESC ", b"ERR ", b"OK"];
    verdict(|| {
        let mut text = Text::new(side.bytes);
        for _ in 0..LINES_MAX {
            match text.any_word(STARTS)? {
                0 => {
                    text.any_word(LISTS)?;
                    return Ok(Match::Yes(Proof::Banner));
                }
                1 => return Ok(Match::Yes(Proof::Banner)),
                start @ (2 | 3) => {
                    // Device, variable, quoted value.
                    for _ in 0..if start == 2 { 2 } else { 1 } {
                        text.run(1, 64, |byte| byte.is_ascii_graphic() && byte != b'"')?;
                        text.literal(b" ")?;
                    }
                    text.literal(b"\"")?;
                    return Ok(Match::Yes(Proof::Banner));
                }
                4 => {
                    text.any_word(ERRORS)?;
                    return Ok(Match::Yes(Proof::Banner));
                }
                _ => {
                    if text.peek()? == b' ' {
                        text.literal(b" ")?;
                        text.any_word(&[b"STARTTLS", b"Goodbye", b"TRACKING"])?;
                    }
                    text.clone().one(|byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
                    text.line(is_text)?;
                }
            }
        }
        Ok(Match::No)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn commands_and_answers() {
        let tcp = Trial::tcp(check);
        for command in [
            b"LIST UPS\n".as_slice(),
            b"LIST VAR su700\n",
            b"GET VAR su700 ups.status\n",
            b"USERNAME upsmon\nPASSWORD x\nLOGIN su700\n",
        ] {
            tcp.client_proves(command, Proof::Banner);
        }
        for answer in [
            b"BEGIN LIST UPS\nUPS su700 \"x\"\n".as_slice(),
            b"VAR su700 ups.status \"OL\"\n",
            b"OK\nOK\nERR ACCESS-DENIED\n",
            b"Network UPS Tools upsd 2.8.0 - http://www.networkupstools.org/\n",
        ] {
            tcp.server_proves(answer, Proof::Banner);
        }
        let talk = Talk::tcp().client(b"VER\n").server(b"Network UPS Tools upsd 2.8.0\n");
        assert_eq!(talk.ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"LIST\r\n".as_slice(),
            b"LIST UPSX\n",
            b"GET / HTTP/1.1\r\n",
            b"GET VAR \n",
            b"LOGIN a\n",
            b"HELP me\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in [b"OK MPD 0.23\n".as_slice(), b"BEGIN\n", b"ERR x\n", b"VAR a\n"] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"LIST UPS\n", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
