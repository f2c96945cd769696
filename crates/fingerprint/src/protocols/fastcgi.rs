//! fastcgi: FastCGI.
//!
//! Specification: Open Market, "FastCGI Specification" 1.0, sections 3.3 (records), 4.1 (GET_VALUES), 5.1 (BEGIN_REQUEST) and 5.5
//! (END_REQUEST). The client's first record proves it: its type's length, role and reserved bytes. Of the application a
//! record with a CGI header, the end of a request, or values do.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Fastcgi,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;
const GET_VALUES: u8 = 9;
const GET_VALUES_RESULT: u8 = 10;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, response)
}

/// Version 1, type, request id, lengths of content and padding, reserved.
fn header(scan: &mut Scan<'_>, allowed: impl FnOnce(u8) -> bool) -> Step<(u8, u16, usize)> {
    scan.expect(&[1])?;
    let kind = scan.u8_if(allowed)?;
    let id = scan.u16_be()?;
    let length = scan.u16_be()?;
    scan.skip(1)?;
    scan.expect(&[0])?;
    Ok((kind, id, usize::from(length)))
}

fn request(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let (kind, id, length) = header(&mut scan, |kind| matches!(kind, BEGIN_REQUEST | GET_VALUES))?;
    if kind == GET_VALUES {
        require(id == 0)?;
        return variable(&mut scan, length);
    }
    require(id > 0 && length == 8)?;
    // Responder, authorizer, filter; whether to keep the connection.
    scan.be(2, 1..=3)?;
    scan.u8_if(|flags| flags <= 1)?;
    scan.expect(&[0; 5])?;
    Ok(Proof::Structure)
}

fn response(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let (kind, id, length) =
        header(&mut scan, |kind| matches!(kind, END_REQUEST | STDOUT | STDERR | GET_VALUES_RESULT))?;
    match kind {
        GET_VALUES_RESULT => {
            require(id == 0)?;
            variable(&mut scan, length)
        }
        END_REQUEST => {
            require(id > 0 && length == 8)?;
            scan.skip(4)?;
            scan.u8_if(|status| status <= 3)?;
            scan.expect(&[0; 3])?;
            Ok(Proof::Structure)
        }
        STDOUT => {
            require(id > 0 && length >= 4)?;
            let mut content = scan.part(length)?;
            // A header's name: a capital, then letters and hyphens up to the colon.
            const NAME_MAX: usize = 40;
            let seen = content.rest();
            let end = seen.iter().take(NAME_MAX).position(|&byte| byte == b':');
            let name = &seen[..end.unwrap_or(seen.len().min(NAME_MAX))];
            require(name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-'))?;
            require(name.first().is_none_or(u8::is_ascii_alphabetic))?;
            content.skip(end.map_or(NAME_MAX, |end| end + 1))?;
            require(end.is_some_and(|end| end >= 3))?;
            Ok(Proof::Structure)
        }
        _ => {
            // What an application complains of is text.
            require(id > 0 && length >= 4)?;
            let text = scan.part(length)?.take_up_to(32);
            require(text.iter().all(|&byte| byte >= 0x20 || matches!(byte, b'\t' | b'\r' | b'\n')))?;
            if text.len() < length.min(32) { Err(Stop::Short) } else { Ok(Proof::Heuristic) }
        }
    }
}

/// The first variable: `FCGI_MAX_CONNS` and others of that prefix.
fn variable(scan: &mut Scan<'_>, length: usize) -> Step<Proof> {
    require(length >= 2 + 5)?;
    scan.u8_if(|length| (5..=40).contains(&length))?;
    scan.u8_if(|length| length <= 20)?;
    scan.expect(b"FCGI_")?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const BEGIN: &[u8] = b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0\x01\x04\0\x01";
    const OUTPUT: &[u8] = b"\x01\x06\0\x01\0\x30\0\0Content-type: text/html\r\n\r\n";

    #[test]
    fn records() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(BEGIN, Proof::Structure);
        tcp.client_proves(b"\x01\x09\0\0\0\x11\x07\0\x0f\0FCGI_MPXS_CONNS", Proof::Structure);
        tcp.server_proves(OUTPUT, Proof::Structure);
        tcp.server_proves(b"\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0", Proof::Structure);
        tcp.server_proves(b"\x01\x07\0\x01\0\x10\0\0Primary script u", Proof::Heuristic);
        assert_eq!(tcp.both(BEGIN, OUTPUT), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, name) in
            [(0, "version"), (1, "type"), (5, "length"), (7, "reserved"), (9, "role"), (13, "reserved")]
        {
            let mut wrong = BEGIN.to_vec();
            wrong[at] ^= 4;
            assert_eq!(tcp.client(&wrong), Match::No, "{name}");
        }
        assert_eq!(tcp.server(b"\x01\x06\0\x01\0\x30\0\0Hello, world"), Match::No);
        assert_eq!(tcp.server(BEGIN), Match::No);
        assert_eq!(tcp.both(BEGIN, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
