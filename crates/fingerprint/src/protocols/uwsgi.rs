//! uwsgi: uWSGI's own protocol.
//!
//! Specification: uWSGI documentation, "The uwsgi (lowercase) Protocol". A request proves it: a size, and variables with the
//! names that CGI gives them, whose lengths fit. The response is that of HTTP.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Uwsgi,
    transports: Transports::TCP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, request, |message| if asked { response(message) } else { Err(Stop::Wrong) })
}

/// Modifier, size, modifier; then pairs of length and text.
fn request(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    // WSGI, and the other languages' plugins.
    scan.u8_if(|modifier| modifier <= 18)?;
    let size = scan.le(2, 16..=0xffff)?;
    scan.u8_if(|modifier| modifier <= 18)?;
    let mut left = size;
    for _ in 0..2 {
        let name = scan.le(2, 3..=64)?;
        let mut text = scan.part(name as usize)?;
        require(text.rest().iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_')))?;
        require(text.rest().first().is_none_or(u8::is_ascii_uppercase))?;
        text.skip(name as usize)?;
        let most = left.checked_sub(2 + name + 2).ok_or(Stop::Wrong)?;
        let value = scan.le(2, 0..=most)?;
        left = most - value;
        if value > 256 {
            // The rest may be beyond what is kept.
            return Ok(Proof::Structure);
        }
        let mut text = scan.part(value as usize)?;
        require(text.rest().iter().all(|&byte| byte >= 0x20 && byte != 0x7f))?;
        text.skip(value as usize)?;
    }
    Ok(Proof::Structure)
}

fn response(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"HTTP/")?;
    Err(Stop::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn request_of(variables: &[(&str, &str)]) -> Vec<u8> {
        let text = |text: &str| [&(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat();
        let body: Vec<u8> =
            variables.iter().flat_map(|(name, value)| [text(name), text(value)].concat()).collect();
        [&[0][..], &(body.len() as u16).to_le_bytes(), &[0], &body].concat()
    }

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        let request = request_of(&[("QUERY_STRING", ""), ("REQUEST_METHOD", "GET"), ("CONTENT_TYPE", "")]);
        tcp.client_proves(&request, Proof::Structure);
        assert_eq!(tcp.both(&request, b"HTTP/1.1 200 OK\r\n"), Match::Yes(Proof::Structure));
        let long = "x".repeat(600);
        tcp.client_proves(
            &request_of(&[("QUERY_STRING", &long), ("REQUEST_METHOD", "GET")]),
            Proof::Structure,
        );
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&request_of(&[("query_string", ""), ("request_method", "GET")])), Match::No);
        assert_eq!(
            tcp.client(&request_of(&[("QUERY_STRING", "\x01"), ("REQUEST_METHOD", "GET")])),
            Match::No
        );
        let mut size = request_of(&[("QUERY_STRING", ""), ("REQUEST_METHOD", "GET")]);
        size[1] = 18;
        assert_eq!(tcp.client(&size), Match::No);
        let request = request_of(&[("QUERY_STRING", ""), ("REQUEST_METHOD", "GET")]);
        assert_eq!(tcp.both(&request, b"raw"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
