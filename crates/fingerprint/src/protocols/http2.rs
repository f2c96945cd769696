//! HTTP/2 with prior knowledge: RFC 9113, sections 3.3 and 3.4.
//!
//! Proof: the client's preface, or a connection that a server opens with a SETTINGS frame (section 6.5): stream 0,
//! parameters of six bytes each. An upgrade from HTTP/1.1 starts as http.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Http,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Parameters in a first SETTINGS frame, at most: six are defined, a few more are in use or sent as grease.
const PARAMETERS_MAX: u32 = 32;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, preface, |server| verdict(|| settings(Text::new(server.bytes))))
}

fn preface(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"PRI * HTTP/2.0\r\n")?;
        match text.literal(b"\r\nSM\r\n\r\n").and_then(|()| settings(text)) {
            Err(Match::No) => Ok(Match::No),
            _ => Ok(Match::Yes(Proof::Banner)),
        }
    })
}

fn settings(mut text: Text<'_>) -> Step<Match> {
    text.literal(&[0])?;
    let high = u32::from(text.one(|byte| byte == 0)?);
    let length =
        high << 8 | u32::from(text.one(|byte| byte % 6 == 0 && u32::from(byte) <= 6 * PARAMETERS_MAX)?);
    // Type SETTINGS, no flag (not an acknowledgement), stream 0.
    text.literal(&[4, 0, 0, 0, 0, 0])?;
    for _ in 0..length / 6 {
        let mut parameter = || -> Step<()> {
            let wide = text.one(|_| true)?;
            let narrow = text.one(|_| true)?;
            // RFC 9113, section 6.5.1: identifiers from 1 on; 0x?a?a are reserved to be ignored.
            if wide == 0 && narrow == 0 {
                return Err(Match::No);
            }
            (0..4).try_for_each(|_| text.one(|_| true).map(drop))
        };
        match parameter() {
            Err(Match::Maybe) => break,
            other => other?,
        }
    }
    Ok(Match::Yes(Proof::Structure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";
    const SETTINGS: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\x10\0\0";

    #[test]
    fn both_sides() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(PREFACE, Proof::Banner);
        tcp.server_proves(SETTINGS, Proof::Structure);
        tcp.server_proves(b"\0\0\0\x04\0\0\0\0\0", Proof::Structure);
        assert_eq!(tcp.both(PREFACE, SETTINGS), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"PRI * HTTP/1.1\r\n".as_slice(), b"PRI * HTTP/2.0\r\n\r\nSX", b"POST / HTTP/1.1\r\n"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.client(&[&PREFACE[..24], b"\x16\x03\x01".as_slice()].concat()), Match::No);
        for other in [
            b"\0\0\x05\x04\0\0\0\0\0".as_slice(),
            b"\0\0\x06\x04\x01\0\0\0\0",
            b"\0\0\x06\x00\0\0\0\0\0",
            b"\0\0\x06\x04\0\0\0\0\x01",
            b"\0\0\x06\x04\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(PREFACE, b"HTTP/1.1 400 Bad Request\r\n"), Match::No);
        tcp.refuses_noise(2000);
    }
}
