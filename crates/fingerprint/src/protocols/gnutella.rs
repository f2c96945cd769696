//! gnutella: the file sharing network.
//!
//! Specification: "The Gnutella Protocol Specification v0.4", and the handshake of 0.6 (rfc-gnutella.sourceforge.net).
//! Both sides open with the network's name.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Gnutella,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, connect, accept)
}

fn connect(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"GNUTELLA CONNECT/0.")?;
        text.digits(1)?;
        text.one(|byte| matches!(byte, b'\r' | b'\n'))?;
        Ok(Match::Yes(Proof::Banner))
    })
}

fn accept(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"GNUTELLA")?;
        if text.peek()? == b' ' {
            text.literal(b" OK\n")?;
            return Ok(Match::Yes(Proof::Banner));
        }
        text.literal(b"/0.")?;
        text.digits(1)?;
        text.literal(b" ")?;
        text.digits(3)?;
        Ok(Match::Yes(Proof::Banner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn handshakes() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"GNUTELLA CONNECT/0.6\r\nUser-Agent: x\r\n", Proof::Banner);
        tcp.client_proves(b"GNUTELLA CONNECT/0.4\n\n", Proof::Banner);
        tcp.server_proves(b"GNUTELLA/0.6 200 OK\r\n", Proof::Banner);
        tcp.server_proves(b"GNUTELLA OK\n\n", Proof::Banner);
        assert_eq!(tcp.client(b"GNUTELLA/0.6 200 OK\r\n"), Match::No);
        assert_eq!(tcp.client(b"GNUTELLA CONNECT/1.0\r\n"), Match::No);
        assert_eq!(tcp.both(b"GNUTELLA CONNECT/0.6\r\n", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
