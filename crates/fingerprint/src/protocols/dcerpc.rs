//! dcerpc: DCE/RPC, connection-oriented (version 5, TCP) and connectionless (version 4, UDP).
//!
//! Specifications: The Open Group C706, chapter 12 (12.5 connectionless, 12.6 connection-oriented);
//! \[MS-RPCE\] section 2.2; \[MS-RPCH\] section 2.1.1.1.2 (the greeting of RPC over HTTP version 1). A PDU
//! header proves it: version, type for that side, data representation, and lengths that agree in it.

use std::ops::RangeInclusive;

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dcerpc,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 4)]],
    stream: &[],
    check,
};

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const BIND_NAK: u8 = 13;
const ALTER_CONTEXT: u8 = 14;
const ALTER_CONTEXT_RESPONSE: u8 = 15;
const AUTH3: u8 = 16;
const SHUTDOWN: u8 = 17;
const CANCEL: u8 = 18;
const ORPHANED: u8 = 19;
/// \[MS-RPCH\] section 2.2.3.
const RTS: u8 = 20;

/// The connection-oriented header up to and with the call id (C706, section 12.6.3.1).
const HEADER: usize = 16;
/// Abstract or transfer syntax: a UUID and its version.
const SYNTAX: usize = 20;
const CONNECTIONLESS_HEADER: usize = 80;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh_either_way(exchange, |message| pdu(message, false), |message| pdu(message, true))
}

fn pdu(message: Message<'_>, from_server: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if message.is_datagram() {
        return connectionless(&mut scan, message.total);
    }
    if from_server && scan.rest().first() == Some(&b'n') {
        scan.expect(b"ncacn_http/1.")?;
        return Ok(Proof::Banner);
    }
    connection_oriented(&mut scan, from_server)
}

fn connection_oriented(scan: &mut Scan<'_>, from_server: bool) -> Step<Proof> {
    scan.expect(&[5])?;
    scan.u8_if(|minor| minor <= 1)?;
    let kind = scan.u8_if(|kind| match kind {
        REQUEST | BIND | ALTER_CONTEXT | AUTH3 | CANCEL | ORPHANED => !from_server,
        RESPONSE | FAULT | BIND_ACK | BIND_NAK | ALTER_CONTEXT_RESPONSE | SHUTDOWN => from_server,
        kind => kind == RTS,
    })?;
    scan.skip(1)?;
    let number = representation(scan)?;
    scan.skip(1)?;
    let fragment = number(scan, 2, HEADER as u64..=0xffff)? as usize;
    let room = fragment - HEADER;
    let authentication = number(scan, 2, 0..=room as u64)? as usize;
    // The security trailer in front of the credentials (C706, section 13.2.6.1).
    let trailer = if authentication > 0 { 8 + authentication } else { 0 };
    let body = room.checked_sub(trailer).ok_or(Stop::Wrong)?;
    scan.skip(4)?;
    match kind {
        BIND | ALTER_CONTEXT => contexts(scan, number, body)?,
        BIND_ACK | ALTER_CONTEXT_RESPONSE => {
            require(body >= 12)?;
            scan.skip(8)?;
            // The secondary address, with its terminator.
            number(scan, 2, 0..=body as u64 - 10)?;
        }
        REQUEST => require(body >= 8)?,
        RESPONSE | FAULT => {
            require(body >= 8)?;
            // Allocation hint, context id, cancel count, reserved.
            scan.skip(4 + 2 + 1)?;
        }
        _ => {}
    }
    Ok(Proof::Structure)
}

/// The presentation contexts of a bind (C706, section 12.6.4.3): at least the first must fit.
fn contexts(scan: &mut Scan<'_>, number: Number, body: usize) -> Step<()> {
    scan.skip(2 + 2 + 4)?;
    let count = usize::from(scan.u8_if(|count| count > 0)?);
    scan.skip(3)?;
    require(12 + count * (4 + SYNTAX) <= body)?;
    number(scan, 2, 0..=0xffff)?;
    let transfer_syntaxes = usize::from(scan.u8_if(|count| count > 0)?);
    require(12 + 4 + SYNTAX + transfer_syntaxes * SYNTAX <= body)
}

/// The connectionless header (C706, section 12.5.2).
pub(super) fn connectionless(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const LAST_KIND: u8 = 10;
    // Every other bit of the second flags octet is reserved.
    const CANCEL_PENDING: u8 = 0x02;
    scan.expect(&[4])?;
    scan.u8_if(|kind| kind <= LAST_KIND)?;
    scan.skip(1)?;
    scan.u8_if(|flags| flags & !CANCEL_PENDING == 0)?;
    let number = representation(scan)?;
    // Serial number, object, interface and activity, boot time, interface version, sequence number,
    // operation, hints.
    scan.skip(1 + 3 * 16 + 3 * 4 + 3 * 2)?;
    let body = total.checked_sub(CONNECTIONLESS_HEADER).ok_or(Stop::Wrong)?;
    let length = number(scan, 2, 0..=body as u64)? as usize;
    number(scan, 2, 0..=0xffff)?;
    let authentication = scan.u8()?;
    scan.skip(1)?;
    require(length == body || authentication != 0)?;
    Ok(Proof::Structure)
}

type Number = fn(&mut Scan<'_>, usize, RangeInclusive<u64>) -> Step<u64>;

/// The first three octets of the data representation (C706, section 14.1): integers big or little endian, ASCII or
/// EBCDIC, one of four floats. The fourth is reserved, or belongs to the connectionless serial number.
fn representation(scan: &mut Scan<'_>) -> Step<Number> {
    let integers = scan.u8_if(|octet| matches!(octet, 0x00 | 0x01 | 0x10 | 0x11))?;
    scan.u8_if(|float| float <= 3)?;
    scan.expect(&[0])?;
    Ok(if integers & 0x10 != 0 {
        |scan, width, range| scan.le(width, range)
    } else {
        |scan, width, range| scan.be(width, range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn connection_pdu(kind: u8, body: &[u8], authentication: &[u8]) -> Vec<u8> {
        let trailer = if authentication.is_empty() { 0 } else { 8 };
        let mut pdu = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
        pdu.extend(((HEADER + body.len() + trailer + authentication.len()) as u16).to_le_bytes());
        pdu.extend((authentication.len() as u16).to_le_bytes());
        pdu.extend([1, 0, 0, 0]);
        pdu.extend(body);
        pdu.extend(vec![9; trailer]);
        pdu.extend(authentication);
        pdu
    }

    fn bind_body() -> Vec<u8> {
        let mut body = vec![0xb8, 0x10, 0xb8, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
        body.extend([0xe1; 2 * SYNTAX]);
        body
    }

    fn datagram(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut pdu = vec![4, kind, 0x20, 0, 0x10, 0, 0, 0];
        pdu.extend([0x6c; 48 + 12 + 6]);
        pdu.extend((body.len() as u16).to_le_bytes());
        pdu.extend([0, 0, 0, 0]);
        pdu.extend(body);
        pdu
    }

    #[test]
    fn connections() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&connection_pdu(BIND, &bind_body(), &[]), Proof::Structure);
        tcp.client_proves(&connection_pdu(BIND, &bind_body(), b"NTLMSSP\0\x01"), Proof::Structure);
        tcp.server_proves(
            &connection_pdu(
                BIND_ACK,
                &[0xb8, 0x10, 0xb8, 0x10, 1, 0, 0, 0, 4, 0, b'1', b'3', b'5', 0, 1, 0],
                &[],
            ),
            Proof::Structure,
        );
        tcp.server_proves(&connection_pdu(FAULT, &[0; 16], &[]), Proof::Structure);
        tcp.server_proves(b"ncacn_http/1.0", Proof::Banner);
    }

    #[test]
    fn big_endian_integers() {
        let mut pdu = connection_pdu(REQUEST, &[0; 8], &[]);
        pdu[4] = 0;
        pdu[8..10].reverse();
        Trial::tcp(check).client_proves(&pdu, Proof::Structure);
    }

    #[test]
    fn datagrams() {
        let udp = Trial::udp(check);
        udp.client_proves(&datagram(0, &[7; 40]), Proof::Structure);
        udp.server_proves(&datagram(2, &[]), Proof::Structure);
        let mut longer = datagram(0, &[7; 40]);
        longer.push(0);
        assert_eq!(udp.client(&longer), Match::No);
        assert_eq!(udp.client(&datagram(0, &[7; 40])[..60]), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(
            tcp.client(&connection_pdu(BIND_ACK, &[0; 16], &[])),
            Match::No,
            "a reply from the client"
        );
        let mut short = connection_pdu(BIND, &bind_body(), &[]);
        short[8] = 20;
        assert_eq!(tcp.client(&short), Match::No);
        let mut representation = connection_pdu(BIND, &bind_body(), &[]);
        representation[5] = 4;
        assert_eq!(tcp.client(&representation), Match::No);
        // SOCKS 5: one method, none; then a request.
        assert_eq!(tcp.client(&[5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 1, 0, 80]), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::udp(check).refuses_noise(100_000);
    }
}
