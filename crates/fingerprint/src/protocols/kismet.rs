//! kismet: the text protocol between Kismet's server and its clients: Kismet's own "Client/Server Protocol" (docs/DEVEL), as it
//! was until 2016: `*HEADER: data` from the server, `!number COMMAND arguments` from clients.
//!
//! Proven by the server's greeting, or by a client's numbered command.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, Verbs, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Kismet,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, client, server)
}

/// Its version, when it was started, its name between two 0x01, and more.
fn server(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"*KISMET: ")?;
        text.one(|byte| byte.is_ascii_alphanumeric())?;
        text.run(1, 200, |byte| is_text(byte) || byte == 0x01)?;
        text.one(|byte| byte == b'\n')?;
        Ok(Match::Yes(Proof::Banner))
    })
}

fn client(side: &Side<'_>) -> Match {
    const COMMANDS: &Verbs = &Verbs::new(&[
        b"ENABLE",
        b"REMOVE",
        b"CAPABILITY",
        b"PAUSE",
        b"RESUME",
        b"CHANLOCK",
        b"CHANHOP",
        b"LISTSOURCES",
        b"SHUTDOWN",
    ]);
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"!")?;
        text.run(1, 10, |byte| byte.is_ascii_digit())?;
        text.literal(b" ")?;
        text.verb(COMMANDS)?;
        text.line(is_text)?;
        Ok(Match::Yes(Proof::Banner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const GREETED: &[u8] = b"*KISMET: 2005.08.R1 1127347453 \x01Kismet\x01 20050815211952 \n";

    #[test]
    fn greetings_and_commands() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(GREETED, Proof::Banner);
        tcp.client_proves(b"!0 ENABLE NETWORK bssid,type,ssid\n", Proof::Banner);
        tcp.client_proves(b"!12 REMOVE TIME\n", Proof::Banner);
        assert_eq!(tcp.both(b"!0 ENABLE TIME *\n", GREETED), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for wrong in [&b"!ENABLE x\n"[..], b"! ENABLE", b"!1 ENABLED x\n", b"!21\r\n", b"*3\r\n$3\r\n"] {
            assert_eq!(tcp.client(wrong), Match::No, "{wrong:?}");
        }
        assert_eq!(tcp.server(b"*TIME: 1\n"), Match::No);
        assert_eq!(tcp.server(b"*KISMET: \n"), Match::No);
        assert_eq!(tcp.both(b"raw", GREETED), Match::No);
        tcp.refuses_noise(100_000);
    }
}
