//! rsh: BSD's remote shell.
//!
//! Specification: 4.3BSD, rcmd(3) and rshd(8). The client opens with the port for errors, a privileged one or none, then
//! its user's name, the other's, and a command, each ended by a zero; the server answers with a zero, or with an error in
//! words. What rexec asks for has a password in the second name's place, and an unprivileged port.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rsh,
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
    const COMMAND_MAX: usize = 400;
    const PRIVILEGED: std::ops::RangeInclusive<u32> = 512..=1023;
    let mut text = Text::new(side.bytes);
    if text.peek()? != 0 {
        let port = text.number(4)?;
        text.clone().literal(b"\0")?;
        if port != 0 && !PRIVILEGED.contains(&port) {
            return Ok(Match::No);
        }
    }
    text.literal(b"\0")?;
    for _ in 0..2 {
        text.run(1, NAME_MAX, |byte| byte.is_ascii_graphic())?;
        text.literal(b"\0")?;
    }
    let command = text.run(1, COMMAND_MAX, |byte| is_text(byte) || byte == b'\n')?;
    text.literal(b"\0")?;
    Ok(if is_terminal(command) { Match::No } else { Match::Yes(Proof::Banner) })
}

/// Whether this is what rlogin says there: terminal and speed.
fn is_terminal(command: &[u8]) -> bool {
    let slash = command.iter().rposition(|&byte| byte == b'/');
    slash.is_some_and(|slash| {
        let (terminal, speed) = (&command[..slash], &command[slash + 1..]);
        terminal.iter().all(u8::is_ascii_graphic) && !speed.is_empty() && speed.iter().all(u8::is_ascii_digit)
    })
}

/// A zero, and whatever the command prints; or a one and words.
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
        for request in
            [b"1022\0alice\0root\0uname -a\0".as_slice(), b"0\0a\0b\0ls /tmp\0", b"\0a\0b\0rcp -t .\0"]
        {
            tcp.client_proves(request, Proof::Banner);
            assert_eq!(tcp.both(request, b"\0Linux\n"), Match::Yes(Proof::Banner));
            assert_eq!(tcp.both(request, b"\x01Permission denied.\n"), Match::Yes(Proof::Banner));
            assert_eq!(tcp.both(request, b"raw"), Match::No);
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"\0alice\0root\0xterm/38400\0".as_slice(),
            b"40000\0alice\0secret\0ls\0",
            b"80\0a\0b\0ls\0",
            b"1022\0\0root\0ls\0",
            b"1022 a\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(100_000);
    }
}
