//! HTTP/1.x: RFC 9112, with HTTP/0.9 and what descends from it (WebDAV, RTSP-free streaming, UPnP over TCP).
//!
//! Proof: a request line that ends in `HTTP/1.x`, or a status line. A bare `GET /path` (HTTP/0.9) and a long
//! target whose end is not in sight are weaker. From either side; a flow that upgrades (WebSocket, h2c) starts as
//! http and is called so.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::start_line::{self, RequestLine, Usual, Version};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Http,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Methods whose target may look like anything: RFC 9110, RFC 5789, RFC 4918, Icecast.
const METHODS: &[&[u8]] = &[
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"CONNECT",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"PROPFIND",
    b"SOURCE",
];

/// Bytes by which a request that is none must have been answered.
const PATIENCE: usize = 64;

/// Version and line end behind a target.
const REST: usize = 10;

/// A target that is longer than this may have its end beyond what is kept.
const LONG: usize = 64;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client && !exchange.midstream;
    let usual = weigh(exchange, request, |server| match response(server) {
        // A server that could not read the request answers without a status line, as to HTTP/0.9.
        Match::No if asked && is_html(server.bytes) => Match::Maybe,
        answer => answer,
    });
    if asked || exchange.midstream {
        return usual;
    }
    // The side that was called may ask the first question: reverse HTTP, and requests in a SYN-ACK.
    let reversed = Exchange { client: exchange.server, server: exchange.client, ..*exchange };
    usual.or(weigh(&reversed, request, response))
}

fn request(side: &Side<'_>) -> Match {
    if Usual::read(side.bytes).is_some() {
        return Match::Yes(Proof::Banner);
    }
    read_request(side)
}

fn read_request(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(skip_empty_lines(side.bytes));
        let line = RequestLine::read(&mut text)?;
        let known = METHODS.iter().any(|method| method.eq_ignore_ascii_case(line.method));
        let form = Form::of(line.target);
        Ok(match line.version {
            Version::Is(name, number) => {
                // Given up on while it was open, an unusual target is not taken back once its end is in sight.
                let short = end_of(side.bytes, line.target) + REST <= PATIENCE;
                let unusual = known && (short || line.method == b"CONNECT");
                let fits = is_version(name, number)
                    && (form == Form::Usual || unusual)
                    && start_line::headers_fit(text);
                if fits { Match::Yes(Proof::Banner) } else { Match::No }
            }
            Version::Missing if line.method == b"GET" && line.target.starts_with(b"/") => {
                Match::Yes(Proof::Heuristic)
            }
            // Not HTTP, and still something that a server answers: for that it is given a few bytes.
            Version::Missing => brief(side, METHODS.contains(&line.method)),
            Version::Open => match form {
                Form::Usual if side.closed && line.target.len() > LONG => {
                    Match::Yes(if known { Proof::Banner } else { Proof::Heuristic })
                }
                Form::Usual | Form::Beginning => Match::Maybe,
                Form::Other if line.method == b"CONNECT" => Match::Maybe,
                Form::Other => brief(side, known),
            },
        })
    })
}

/// Doubt, where there is reason for it, for the first few bytes only.
const fn brief(side: &Side<'_>, reason: bool) -> Match {
    if reason && side.bytes.len() <= PATIENCE { Match::Maybe } else { Match::No }
}

fn response(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        // SHOUTcast answers "ICY 200 OK" and otherwise keeps to HTTP.
        if text.peek()? == b'I' {
            text.literal(b"ICY ")?;
            text.digits(3)?;
            return Ok(Match::Yes(Proof::Banner));
        }
        start_line::status(&mut text, b"HTTP")?;
        Ok(if start_line::headers_fit(text) { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

/// Where a part of `bytes` ends in it.
fn end_of(bytes: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(bytes.as_ptr().addr()) + part.len()
}

/// RFC 9112, section 2.2: a server ignores empty lines before the request line.
fn skip_empty_lines(bytes: &[u8]) -> &[u8] {
    let empty = bytes.iter().take(4).take_while(|&&byte| byte == b'\r' || byte == b'\n').count();
    &bytes[empty..]
}

/// `HTTP/2.0` in a request line is the preface of HTTP/2 and nothing else. Icecast sources say `ICE/1.0`.
fn is_version(name: &[u8], number: &[u8]) -> bool {
    (name.eq_ignore_ascii_case(b"HTTP") || name == b"ICE") && number != b"2.0"
}

/// What a request target looks like (RFC 9112, section 3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Origin-form, asterisk-form or absolute-form.
    Usual,
    /// Too short to say.
    Beginning,
    /// Authority-form, or none of these.
    Other,
}

impl Form {
    fn of(target: &[u8]) -> Self {
        match (target, Text::new(target).word(b"http")) {
            ([b'/' | b'*', ..], _) | (_, Ok(())) => Self::Usual,
            (_, Err(Match::Maybe)) => Self::Beginning,
            _ => Self::Other,
        }
    }
}

fn is_html(bytes: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[b"<html", b"<!doctype", b"<head", b"<?xml", b"<title", b"<h1"];
    let mut text = Text::new(bytes.trim_ascii_start());
    text.any_word(STARTS) != Err(Match::No)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const REQUEST: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n";
    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    #[test]
    fn usual_requests_come_to_the_same() {
        let usual = |bytes: &[u8]| {
            let side = Side::one(bytes, &[]);
            let is_usual = Usual::read(bytes).is_some();
            assert!(!is_usual || read_request(&side) == Match::Yes(Proof::Banner), "{bytes:02x?}");
            is_usual
        };
        assert!(
            usual(REQUEST)
                && usual(b"POST / HTTP/1.1\r\n")
                && usual(b"HEAD /a HTTP/1.0\r\nA: b")
                && usual(b"GET /?a b HTTP/1.1\r\nA: \xff\r\n\r\nbody")
        );
        // Whatever one byte is changed to.
        for at in 0..REQUEST.len() {
            for byte in 0..=255 {
                let mut changed = REQUEST.to_vec();
                changed[at] = byte;
                usual(&changed);
                usual(&changed[..=at]);
            }
        }
    }

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        for request in [
            REQUEST,
            b"POST http://example.org/a HTTP/1.0\n\n",
            b"OPTIONS * HTTP/1.1\r\n\r\n",
            b"CONNECT example.org:443 HTTP/1.1\r\n\r\n",
            b"M-SEARCH * HTTP/1.1\r\n",
            b"RPC_IN_DATA /rpc/rpcproxy.dll?a:593 HTTP/1.1\r\n",
            b"get / http/1.1\r\n",
            b"\r\n\r\nGET / HTTP/1.1\r\n",
            b"GET /a b\xc3\xa4 HTTP/1.1 \r\n",
            b"GET   / HTTP/1.1\r\n",
            b"SOURCE /live ICE/1.0\r\n",
            b"GET / HTTP/1.1\r\nX: \x1f\r\n\r\n\0\x01\x02",
        ] {
            tcp.client_proves(request, Proof::Banner);
        }
    }

    #[test]
    fn responses_also_without_their_question() {
        let tcp = Trial::tcp(check);
        for response in [RESPONSE, b"HTTP/1.0 404 Not Found\n\n", b"HTTP/1.1 204\r\n", b"ICY 200 OK\r\n"] {
            tcp.server_proves(response, Proof::Banner);
        }
        assert_eq!(tcp.both(REQUEST, RESPONSE), Match::Yes(Proof::Banner));
    }

    #[test]
    fn a_target_beyond_the_bound() {
        let long = [b"GET /".as_slice(), &[b'a'; 700]].concat();
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&long), Match::Yes(Proof::Banner));
        assert_eq!(tcp.client(&long[..400]), Match::Maybe);
    }

    #[test]
    fn http_0_9_and_its_answer() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"GET /old\r\n", Proof::Heuristic);
        assert_eq!(tcp.both(b"GET /old\r\n", b"<HTML><BODY>"), Match::Yes(Proof::Heuristic));
        assert_eq!(tcp.server(b"<html>"), Match::No);
    }

    #[test]
    fn a_bad_request_waits_for_its_answer() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"POST abcd\r\n"), Match::Maybe);
        assert_eq!(tcp.both(b"POST abcd\r\n", b"HTTP/1.1 400 Bad Request\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.client(&[b"POST abcd\r\n".as_slice(), &[b'x'; 80]].concat()), Match::No);
    }

    #[test]
    fn either_side_can_contradict() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.both(b"G", b"\x01\x02"), Match::No);
        assert_eq!(tcp.both(REQUEST, b"\x01\x02"), Match::No);
        assert_eq!(tcp.both(b"\x01", RESPONSE), Match::No);
        assert_eq!(tcp.client(b"GET / HTTP/1.1\r\n\x01\x02\x03"), Match::No);
        assert_eq!(tcp.client(b"GET / HTTP/1.1\r\nHost: \0"), Match::No);
    }

    #[test]
    fn what_only_looks_like_it() {
        let tcp = Trial::tcp(check);
        for other in [
            b"OPTIONS rtsp://a/b RTSP/1.0\r\n".as_slice(),
            b"OPTIONS sip:a@b SIP/2.0\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"HELLO world HTTP/1.1\r\n",
            b"INSERT INTO users VALUES (1);\n",
            b"GET\0/ HTTP/1.1\r\n",
            b"VERYLONGTOKENWITHOUTAMEANING / HTTP/1.1\r\n",
            b"HTTP/1.1 200 OK\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in
            [b"RTSP/1.0 200 OK\r\n".as_slice(), b"SIP/2.0 200 OK\r\n", b"HTTP/1.1 20\0", b"HTTP/1.1 2000"]
        {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(4000);
    }

    #[test]
    fn midstream_roles_may_be_swapped() {
        let midstream = Trial::tcp(check).midstream();
        assert_eq!(midstream.client(RESPONSE), Match::Yes(Proof::Banner));
        assert_eq!(midstream.both(b"\x01 in a body", RESPONSE), Match::Yes(Proof::Banner));
        assert_eq!(midstream.both(b"\x01 in a body", b"\x02"), Match::No);
    }

    #[test]
    fn the_side_that_was_called_may_ask() {
        let (asks, answers) = (b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n");
        let (asks_ends, answers_ends) = ([asks.len() as u16], [answers.len() as u16]);
        let mut exchange = Exchange {
            transport: offport_wire::Transport::TCP,
            client: Side::default(),
            server: Side::one(asks, &asks_ends),
            first: Speaker::Server,
            client_port: 40_000,
            server_port: 80,
            midstream: false,
        };
        assert_eq!(check(&exchange), Match::Yes(Proof::Banner));
        exchange.client = Side::one(answers, &answers_ends);
        assert_eq!(check(&exchange), Match::Yes(Proof::Banner));
        exchange.client = Side::one(b"\x01\x02\x03\x04", &[4]);
        assert_eq!(check(&exchange), Match::No);
    }

    #[test]
    fn an_unusual_target_is_short_or_none() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"POST Ehttp://x HTTP/1.1\r\nHost: x\r\n\r\n"), Match::Yes(Proof::Banner));
        let long = [b"POST Ehttp://".as_slice(), &[b'x'; 80], b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
        for length in 70..=long.len() {
            assert_eq!(tcp.client(&long[..length]), Match::No, "{length}");
        }
    }
}
