//! VNC: the RFB protocol, RFC 6143, section 7.1.1.
//!
//! Proof: the twelve bytes `RFB xxx.yyy\n`, from either side: the server sends them first, the client answers with its own.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Vnc,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, version, version)
}

fn version(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"RFB ")?;
        text.digits(3)?;
        text.literal(b".")?;
        text.digits(3)?;
        text.literal(b"\n")?;
        Ok(Match::Yes(Proof::Banner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn versions_from_either_side() {
        let tcp = Trial::tcp(check);
        for version in [b"RFB 003.003\n", b"RFB 003.008\n", b"RFB 003.889\n", b"RFB 005.000\n"] {
            tcp.server_proves(version, Proof::Banner);
            tcp.client_proves(version, Proof::Banner);
            assert_eq!(tcp.both(version, version), Match::Yes(Proof::Banner));
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"RFB 3.8\n".as_slice(), b"RFB 003,008\n", b"RFB 003.008\r\n", b"RFC 003.008\n"] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"\x01", b"RFB 003.008\n"), Match::No);
        tcp.refuses_noise(2000);
    }
}
