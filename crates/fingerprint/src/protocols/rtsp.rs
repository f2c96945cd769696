//! RTSP: RFC 2326 (1.0) and RFC 7826 (2.0).
//!
//! Proof: a method and an `rtsp:` URI, or a start line with `RTSP/1.0`. Servers send requests too.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::start_line::{self, RequestLine, Version};
use crate::text::{Text, Verbs, all, is_ascii_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rtsp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// RFC 2326, section 10, and RFC 7826, section 13.
const METHODS: &Verbs = &Verbs::new(&[
    b"OPTIONS",
    b"DESCRIBE",
    b"ANNOUNCE",
    b"SETUP",
    b"PLAY",
    b"PAUSE",
    b"TEARDOWN",
    b"GET_PARAMETER",
    b"SET_PARAMETER",
    b"REDIRECT",
    b"RECORD",
    b"PLAY_NOTIFY",
]);

const SCHEMES: &[&[u8]] = &[b"rtsp:", b"rtsps:", b"rtspu:"];

/// As much of a URI tells text from raw data behind its scheme.
const URI_FAIR: usize = 24;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(side: &Side<'_>) -> Match {
    response(side).or(request(side))
}

fn response(side: &Side<'_>) -> Match {
    verdict(|| start_line::status(&mut Text::new(side.bytes), b"RTSP").map(|_| Match::Yes(Proof::Banner)))
}

fn request(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.clone().verb(METHODS)?;
        let line = RequestLine::read(&mut text)?;
        if Text::new(line.target).any_word(SCHEMES).is_ok() {
            // URIs are ASCII (RFC 3986, section 2), and some of it must be there.
            return Ok(match all(line.target, is_ascii_text) {
                false => Match::No,
                true if line.version == Version::Missing => Match::No,
                true if line.target.len() < URI_FAIR && line.version == Version::Open => Match::Maybe,
                true => Match::Yes(Proof::Banner),
            });
        }
        Ok(match line.version {
            Version::Is(name, _) if name == b"RTSP" => Match::Yes(Proof::Banner),
            Version::Open => Match::Maybe,
            _ => Match::No,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn requests_and_responses() {
        let tcp = Trial::tcp(check);
        for message in [
            b"OPTIONS rtsp://example.org/live RTSP/1.0\r\nCSeq: 1\r\n\r\n".as_slice(),
            b"OPTIONS * RTSP/1.0\r\n",
            b"DESCRIBE rtsp://example.org/ RTSP/1.0\r\n",
            b"GET_PARAMETER rtsp://a RTSP/2.0\r\n",
            b"SETUP /track1 RTSP/1.0\r\n",
        ] {
            tcp.client_proves(message, Proof::Banner);
        }
        tcp.server_proves(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n", Proof::Banner);
        assert_eq!(tcp.both(b"OPTIONS * RTSP/1.0\r\n", b"\x01"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"OPTIONS * HTTP/1.1\r\n".as_slice(),
            b"OPTIONS sip:a@b SIP/2.0\r\n",
            b"GET rtsp://a RTSP/1.0\r\n",
            b"PLAY music\r\n",
            b"HTTP/1.1 200 OK\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
