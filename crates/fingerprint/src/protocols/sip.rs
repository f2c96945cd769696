//! SIP: RFC 3261, section 7.
//!
//! Proof: a method and a URI of a scheme that SIP routes by, or a start line with `SIP/2.0`. Requests and responses come
//! from both sides. Over UDP, empty lines keep bindings alive (RFC 5626, section 3.5.1) and say nothing.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{LENGTH, Match, Probe, Sides, Transports, weigh};
use crate::start_line::{self, RequestLine, Version};
use crate::text::{Text, Verbs, all, is_ascii_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Sip,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[
        // A method, or the version; keep-alives.
        &[(0, is_letter), (1, is_letter), (2, is_letter)],
        &[(0, |byte| matches!(byte, 0 | b'\r' | b'\n' | b' ')), (LENGTH, |length| length <= KEEP_ALIVE_MAX)],
    ],
    stream: &[],
    check,
};

/// Longest of empty lines that keep a binding alive.
const KEEP_ALIVE_MAX: u8 = 8;

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

/// RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903, 6086.
const METHODS: &Verbs = &Verbs::new(&[
    b"INVITE",
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"OPTIONS",
    b"REGISTER",
    b"PRACK",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"PUBLISH",
    b"INFO",
    b"REFER",
    b"MESSAGE",
    b"UPDATE",
]);

/// RFC 3261, section 19; RFC 3966 (tel).
const SCHEMES: &[&[u8]] = &[b"sip:", b"sips:", b"tel:", b"urn:"];

/// Longer than any scheme in use.
const SCHEME_MAX: usize = 16;

/// As much of a URI tells text from raw data behind its scheme.
const URI_FAIR: usize = 24;

fn check(exchange: &Exchange<'_>) -> Match {
    let udp = exchange.transport == Transport::UDP;
    let judge = |side: &Side<'_>| if udp { datagrams(side) } else { message(skip_empty_lines(side.bytes)) };
    weigh(exchange, judge, judge)
}

/// The first datagram that is no keep-alive decides; it holds its start line whole, unless the bound cut it.
fn datagrams(side: &Side<'_>) -> Match {
    let Some(first) = side.datagrams().find(|datagram| !is_keep_alive(datagram)) else { return Match::Maybe };
    // What was cut later says nothing of a datagram that is there whole.
    let cut = side.first_is_cut() && !is_keep_alive(side.first_datagram());
    match message(first) {
        Match::Maybe if cut => Match::Maybe,
        Match::Maybe => Match::No,
        answer => answer,
    }
}

fn message(bytes: &[u8]) -> Match {
    response(bytes).or(request(bytes))
}

fn response(bytes: &[u8]) -> Match {
    verdict(|| start_line::status(&mut Text::new(bytes), b"SIP").map(|_| Match::Yes(Proof::Banner)))
}

fn request(bytes: &[u8]) -> Match {
    verdict(|| {
        let mut text = Text::new(bytes);
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
        // Any other URI (RFC 3261, section 7.1) needs the version.
        let mut uri = Text::new(line.target);
        let scheme =
            uri.run(1, SCHEME_MAX, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        let uri = scheme.and_then(|_| uri.literal(b":"));
        if uri.is_err() && (uri == Err(Match::No) || line.version != Version::Open) {
            return Ok(Match::No);
        }
        Ok(match line.version {
            Version::Is(name, _) if name == b"SIP" => Match::Yes(Proof::Banner),
            Version::Open => Match::Maybe,
            _ => Match::No,
        })
    })
}

/// Empty lines (RFC 5626, section 3.5.1), and what phones send instead to hold a NAT binding open.
fn is_keep_alive(datagram: &[u8]) -> bool {
    let blank = datagram.len() <= KEEP_ALIVE_MAX.into()
        && datagram.iter().all(|&byte| matches!(byte, b'\r' | b'\n' | b' ' | 0));
    blank || matches!(datagram, b"jaK" | b"jaK\0" | b"hello")
}

fn skip_empty_lines(bytes: &[u8]) -> &[u8] {
    let empty = bytes.iter().take(8).take_while(|&&byte| byte == b'\r' || byte == b'\n').count();
    &bytes[empty..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const INVITE: &[u8] = b"INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP pc33\r\n";
    const OK: &[u8] = b"SIP/2.0 200 OK\r\n";

    #[test]
    fn requests_and_responses() {
        let tcp = Trial::tcp(check);
        for message in [
            INVITE,
            OK,
            b"REGISTER sips:example.org SIP/2.0\r\n",
            b"MESSAGE im:a@b SIP/2.0\r\n",
            b"\r\n\r\nBYE tel:+1-201-555 SIP/2.0\r\n",
        ] {
            tcp.client_proves(message, Proof::Banner);
            tcp.server_proves(message, Proof::Banner);
        }
        let udp = Trial::udp(check);
        assert_eq!(udp.client(INVITE), Match::Yes(Proof::Banner));
        assert_eq!(udp.both(INVITE, OK), Match::Yes(Proof::Banner));
        assert_eq!(udp.both(INVITE, b"\x01"), Match::No);
    }

    #[test]
    fn a_datagram_is_whole() {
        assert_eq!(Trial::udp(check).client(b"INVITE si"), Match::No);
        assert_eq!(Trial::udp(check).client(b"SIP/2.0 20"), Match::No);
    }

    #[test]
    fn keep_alives_say_nothing() {
        let alive = Talk::udp().client(b"\r\n\r\n").client(b"\0\0\0\0");
        assert_eq!(alive.ask(check), Match::Maybe);
        assert_eq!(alive.clone().client(INVITE).ask(check), Match::Yes(Proof::Banner));
        assert_eq!(alive.client(b"\x80\x01\x02").ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"OPTIONS * HTTP/1.1\r\n".as_slice(),
            b"OPTIONS rtsp://a RTSP/1.0\r\n",
            b"SIP/2.0 2000",
            b"HTTP/1.1 200 OK\r\n",
            b"HELLO sip:a@b SIP/2.0\r\n",
            b"MESSAGE in a bottle\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
        Trial::udp(check).refuses_noise(2000);
    }

    #[test]
    fn a_later_datagram_beyond_the_bound_takes_nothing_back() {
        let bytes = [b"SIP/1".as_slice(), &[0; 507]].concat();
        let exchange = |bytes, ends, total| Exchange {
            transport: Transport::UDP,
            client: Side { bytes, ends, first_len: 5, total, closed: bytes.len() == 512 },
            server: Side::default(),
            first: crate::exchange::Speaker::Client,
            client_port: 40_000,
            server_port: 5060,
            midstream: false,
        };
        assert_eq!(check(&exchange(&bytes[..5], &[5], 5)), Match::No);
        assert_eq!(check(&exchange(&bytes, &[5, 512], 552)), Match::No);
    }
}
