//! cvs: the Concurrent Versions System, by its password server.
//!
//! Specification: "The CVS Client/Server Protocol" (cvsclient), section "How to Connect to and Authenticate Oneself to the
//! CVS server". A client opens with one of three requests; the server answers `I LOVE YOU` or `I HATE YOU`, an error in
//! front of that.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Cvs,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Lines of an error in front of the refusal.
const ERRORS_MAX: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, answer)
}

fn request(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"BEGIN ")?;
        text.any_word(&[b"AUTH", b"VERIFICATION", b"GSSAPI"])?;
        text.literal(b" REQUEST\n")?;
        Ok(Match::Yes(Proof::Banner))
    })
}

fn answer(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        for _ in 0..ERRORS_MAX {
            if text.peek()? == b'I' {
                text.literal(b"I ")?;
                text.any_word(&[b"LOVE", b"HATE"])?;
                text.literal(b" YOU\n")?;
                return Ok(Match::Yes(Proof::Banner));
            }
            text.any_word(&[b"error ", b"E "])?;
            text.line(is_text)?;
        }
        Ok(Match::No)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn requests_and_answers() {
        let tcp = Trial::tcp(check);
        let request = b"BEGIN AUTH REQUEST\n/cvsroot\nanonymous\nA\nEND AUTH REQUEST\n";
        tcp.client_proves(request, Proof::Banner);
        tcp.client_proves(b"BEGIN VERIFICATION REQUEST\n", Proof::Banner);
        tcp.server_proves(b"I LOVE YOU\n", Proof::Banner);
        tcp.server_proves(b"error 0 /x: no such repository\nI HATE YOU\n", Proof::Banner);
        assert_eq!(tcp.both(request, b"error 0 no such user\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"BEGIN\n".as_slice(), b"BEGIN LIST UPS\n", b"BEGIN AUTH REQUEST\r\n"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"I LOVE IT\n"), Match::No);
        assert_eq!(tcp.both(b"BEGIN AUTH REQUEST\n", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
