//! rlogin: BSD rlogin: RFC 1282.
//!
//! The client opens with a zero, then its user's name, the name to log in with, and terminal and speed, each ended by a
//! zero. The server answers with a zero, or with an error in words.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rlogin,
    transports: Transports::TCP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.first == Speaker::Server && !exchange.midstream {
        return Match::No;
    }
    weigh(exchange, |client| verdict(|| request(client)), |server| verdict(|| reply(server)))
}

fn request(side: &Side<'_>) -> Step<Match> {
    const NAME_MAX: usize = 32;
    const TERMINAL_MAX: usize = 64;
    let mut text = Text::new(side.bytes);
    text.literal(b"\0")?;
    for _ in 0..2 {
        text.run(1, NAME_MAX, |byte| byte.is_ascii_graphic())?;
        text.literal(b"\0")?;
    }
    text.run(1, TERMINAL_MAX, |byte| byte.is_ascii_graphic() && byte != b'/')?;
    text.literal(b"/")?;
    text.number(7)?;
    text.literal(b"\0")?;
    Ok(Match::Yes(Proof::Banner))
}

/// A zero, and whatever the terminal shows; or a one and words.
fn reply(side: &Side<'_>) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    if text.one(|byte| byte <= 1)? == 1 {
        text.one(is_text)?;
    }
    Err(Match::Maybe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        let request = b"\0alice\0root\0xterm/38400\0";
        tcp.client_proves(request, Proof::Banner);
        assert_eq!(tcp.both(request, b"\0\x80"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(request, b"\x01Permission denied.\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(request, b"raw"), Match::No);
        assert_eq!(tcp.server(b"\0"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"\0\0".as_slice(),
            b"\0alice\0root\0ls -l\0",
            b"\0alice\0root\0xterm/fast\0",
            b"alice\0root\0xterm/38400\0",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(100_000);
    }
}
