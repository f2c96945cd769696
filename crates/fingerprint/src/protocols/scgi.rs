//! scgi: the Simple Common Gateway Interface.
//!
//! Specification: N. Schemenauer, "SCGI: A Simple Common Gateway Interface alternative" (2008). A request proves it: a
//! netstring of headers, of which the first must be CONTENT_LENGTH and its value a number. The response is that of CGI.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Scgi,
    transports: Transports::TCP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, request, |side| if asked { response(side) } else { Match::No })
}

fn request(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.clone().one(|byte| matches!(byte, b'1'..=b'9'))?;
        // The headers hold at least CONTENT_LENGTH and SCGI.
        let length = text.number(6)?;
        text.literal(b":CONTENT_LENGTH\0")?;
        text.run(1, 19, |byte| byte.is_ascii_digit())?;
        text.literal(b"\0")?;
        Ok(if length >= 24 { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

/// A header's name, or that of the status line.
fn response(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.clone().one(|byte| byte.is_ascii_alphabetic())?;
        text.run(2, 64, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b'.'))?;
        text.one(|byte| matches!(byte, b':' | b' '))?;
        Err(Match::Maybe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const REQUEST: &[u8] =
        b"70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,What";

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(REQUEST, Proof::Banner);
        assert_eq!(tcp.both(REQUEST, b"Status: 200 OK\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(REQUEST, b"HTTP/1.1 200 OK\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"70:REQUEST_METHOD\0GET\0".as_slice(),
            b"070:CONTENT_LENGTH\x000\0",
            b"70:CONTENT_LENGTH: 0",
            b"9:CONTENT_LENGTH\x000\0",
            b"12 <34>x",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(REQUEST, b"\x01\x06"), Match::No);
        assert_eq!(tcp.server(b"Status: 200 OK\r\n"), Match::No);
        tcp.refuses_noise(10_000);
    }
}
