//! HTTP/1.x: RFC 9112, with HTTP/0.9 and what descends from it (WebDAV, RTSP-free streaming, UPnP over TCP).
//!
//! Proof: a request line that ends in `HTTP/1.x`, or a status line. A bare `GET /path` (HTTP/0.9) and a long
//! target whose end is not in sight are weaker. From either side; a flow that upgrades (WebSocket, h2c) starts as
//! http and is called so.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports, weigh};
use crate::start_line::{self, RequestLine, Version};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Http, transports: Transports::TCP, check };

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

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, |server| match response(server) {
        // A server that could not read the request answers without a status line, as to HTTP/0.9.
        Match::No if !exchange.client.is_empty() && is_html(server.bytes) => Match::Maybe,
        answer => answer,
    })
}

fn request(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(skip_empty_lines(side.bytes));
        let line = RequestLine::read(&mut text)?;
        let known = METHODS.iter().any(|method| method.eq_ignore_ascii_case(line.method));
        let path = is_target(line.target);
        Ok(match line.version {
            Version::Is(name, number) if is_version(name, number) && (known || path) => {
                if start_line::headers_fit(text) {
                    Match::Yes(Proof::Banner)
                } else {
                    Match::No
                }
            }
            Version::Is(..) => Match::No,
            Version::Missing if line.method == b"GET" && line.target.starts_with(b"/") => {
                Match::Yes(Proof::Heuristic)
            }
            // Not HTTP, and still what an HTTP server answers: it waits for the answer.
            Version::Missing
                if !side.closed && METHODS.contains(&line.method) && start_line::headers_fit(text) =>
            {
                Match::Maybe
            }
            Version::Missing => Match::No,
            Version::Open if !known && !path && !could_be_target(line.target) => Match::No,
            Version::Open if side.closed && known && path && line.target.len() > 64 => {
                Match::Yes(Proof::Heuristic)
            }
            Version::Open => Match::Maybe,
        })
    })
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

/// RFC 9112, section 2.2: a server ignores empty lines before the request line.
fn skip_empty_lines(bytes: &[u8]) -> &[u8] {
    let empty = bytes.iter().take(4).take_while(|&&byte| byte == b'\r' || byte == b'\n').count();
    &bytes[empty..]
}

/// `HTTP/2.0` in a request line is the preface of HTTP/2 and nothing else. Icecast sources say `ICE/1.0`.
fn is_version(name: &[u8], number: &[u8]) -> bool {
    (name.eq_ignore_ascii_case(b"HTTP") || name == b"ICE") && number != b"2.0"
}

/// RFC 9112, section 3.2: origin-form, asterisk-form, absolute-form.
fn is_target(target: &[u8]) -> bool {
    match target {
        [b'/' | b'*', ..] => true,
        _ => target.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"http")),
    }
}

fn could_be_target(target: &[u8]) -> bool {
    target.len() < 4 && b"http"[..target.len()].eq_ignore_ascii_case(target)
}

fn is_html(bytes: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[b"<html", b"<!doctype", b"<head", b"<?xml", b"<title", b"<h1"];
    let mut text = Text::new(bytes.trim_ascii_start());
    text.any_word(STARTS) != Err(Match::No)
}
