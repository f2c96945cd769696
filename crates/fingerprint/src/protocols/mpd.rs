//! mpd: the Music Player Daemon.
//!
//! Specification: mpd.readthedocs.io, "Protocol". The server greets with its name and the protocol's version; commands are
//! lines of text.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Mpd,
    transports: Transports::TCP,
    sides: Sides::Server,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    // Commands are words that anything could say.
    let greeted = exchange.first == Speaker::Server;
    weigh(exchange, |client| commands(client, greeted), greeting)
}

fn greeting(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"OK MPD ")?;
        text.number(3)?;
        text.literal(b".")?;
        text.number(3)?;
        Ok(Match::Yes(Proof::Banner))
    })
}

fn commands(side: &Side<'_>, greeted: bool) -> Match {
    if !greeted {
        return Match::No;
    }
    verdict(|| Text::new(side.bytes).line(is_text).map(|_| Match::Maybe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn greetings() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(b"OK MPD 0.23.5\n", Proof::Banner);
        let greeted = Talk::tcp().server(b"OK MPD 0.23.5\n");
        assert_eq!(greeted.clone().client(b"status\n").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.client(b"\x01\x02").ask(check), Match::No);
        for other in [b"OK\n".as_slice(), b"OK MPX 0.1", b"OK MPD x"] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.client(b"status\n"), Match::No);
        tcp.refuses_noise(2000);
    }
}
