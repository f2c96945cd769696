//! fix: the Financial Information eXchange protocol.
//!
//! Specification: FIX Session Layer (FIX Trading Community), "Standard header". A message opens with three fields in their
//! order, from either side: version, length and type.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Fix,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, header, header)
}

fn header(side: &Side<'_>) -> Match {
    const END: &[u8] = b"\x01";
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"8=")?;
        // FIX.4.2, FIXT.1.1; houses have begin strings of their own.
        text.run(1, 8, |byte| byte.is_ascii_alphanumeric() || byte == b'.')?;
        text.literal(END)?;
        text.literal(b"9=")?;
        text.number(7)?;
        text.literal(END)?;
        text.literal(b"35=")?;
        text.run(1, 3, |byte| byte.is_ascii_alphanumeric())?;
        text.literal(END)?;
        Ok(Match::Yes(Proof::Banner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn headers() {
        let tcp = Trial::tcp(check);
        for header in [
            b"8=FIX.4.2\x019=65\x0135=A\x0149=SERVER\x01".as_slice(),
            b"8=FIXT.1.1\x019=000112\x0135=AE\x01",
            b"8=O\x019=0014\x0135=P\x01",
        ] {
            tcp.client_proves(header, Proof::Banner);
            tcp.server_proves(header, Proof::Banner);
        }
        for other in [
            b"8=FIX.4.2|9=65|35=A|".as_slice(),
            b"8=FIX.4.2\x0135=A\x01",
            b"8=FIX.4.2\x019=x\x01",
            b"9=FIX.4.2\x01",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"8=FIX.4.2\x019=65\x0135=A\x01", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
