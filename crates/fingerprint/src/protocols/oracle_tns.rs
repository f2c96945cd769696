//! oracle-tns: Oracle's Transparent Network Substrate.
//!
//! Specification: unpublished; packet types and the layout of CONNECT, ACCEPT, REFUSE and REDIRECT are as Oracle's
//! JDBC thin driver and its open counterparts write them ("Oracle Net Services Administrator's Guide" explains the
//! fields). The first packet of either side proves it: length, zero checksums, type, versions, and a
//! connect descriptor that lies where the packet says.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::OracleTns,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[(2, |byte| byte == 0), (3, |byte| byte == 0), (6, |byte| byte == 0), (7, |byte| byte == 0)],
    check,
};

const CONNECT: u8 = 1;
const ACCEPT: u8 = 2;
const REFUSE: u8 = 4;
const REDIRECT: u8 = 5;
const DATA: u8 = 6;
const RESEND: u8 = 11;
const MARKER: u8 = 12;
const HEADER: usize = 8;
/// 3.0 (SQL*Net 2) to beyond 3.19 (Oracle 23).
const VERSIONS: std::ops::RangeInclusive<u64> = 300..=399;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh(exchange, |message| client(message, midstream), |message| server(message, midstream))
}

/// The packet header: type, the rest of the packet, and its length.
fn packet<'a>(scan: &mut Scan<'a>, allowed: impl FnOnce(u8) -> bool) -> Step<(u8, Scan<'a>, usize)> {
    let length = scan.be(2, HEADER as u64..=0xffff)? as usize - HEADER;
    scan.expect(&[0, 0])?;
    let kind = scan.u8_if(allowed)?;
    // Flags: some of the low six are in use.
    scan.u8_if(|flags| flags & 0xc0 == 0)?;
    scan.expect(&[0, 0])?;
    Ok((kind, scan.part(length)?, length))
}

fn client(message: Message<'_>, midstream: bool) -> Step<Proof> {
    let mut scan = message.scan();
    let (kind, mut body, length) =
        packet(&mut scan, |kind| kind == CONNECT || (midstream && matches!(kind, DATA | MARKER)))?;
    if kind != CONNECT { established(kind, &mut body, length) } else { connect(&mut body, length) }
}

fn connect(body: &mut Scan<'_>, length: usize) -> Step<Proof> {
    // The fixed part up to the offset of the descriptor, counted with the header.
    const FIXED: usize = 28;
    let version = body.be(2, VERSIONS)?;
    body.be(2, 100..=version)?;
    // Options, session and transport unit, characteristics, line turnaround, byte order.
    body.skip(2 * 6)?;
    let total = (length + HEADER) as u64;
    let descriptor = body.be(2, 0..=0xffff)?;
    let offset = body.be(2, FIXED as u64..=total)?;
    // A long descriptor follows in packets of its own.
    require(offset + descriptor == total || offset == total)?;
    Ok(Proof::Structure)
}

fn server(message: Message<'_>, midstream: bool) -> Step<Proof> {
    let mut scan = message.scan();
    let (kind, mut body, length) = packet(&mut scan, |kind| {
        matches!(kind, ACCEPT | REFUSE | REDIRECT | RESEND) || (midstream && matches!(kind, DATA | MARKER))
    })?;
    match kind {
        ACCEPT => {
            body.be(2, VERSIONS)?;
            // Options, session and transport unit, byte order.
            body.skip(2 * 4)?;
            let data = body.be(2, 0..=length as u64)?;
            let offset = body.be(2, 24..=(length + HEADER) as u64)?;
            require(data == 0 || offset + data == (length + HEADER) as u64)?;
        }
        REFUSE => {
            body.skip(2)?;
            let text = body.be(2, 0..=length as u64)? as usize;
            require(text + 4 == length)?;
            body.expect(b"(")?;
        }
        REDIRECT => {
            let text = body.be(2, 0..=length as u64)? as usize;
            // The address may follow in a packet of its own.
            require(text + 2 == length || length == 2)?;
        }
        RESEND => require(length == 0)?,
        _ => return established(kind, &mut body, length),
    }
    Ok(Proof::Structure)
}

/// Packets of an established connection (midstream only).
fn established(kind: u8, body: &mut Scan<'_>, length: usize) -> Step<Proof> {
    if kind == MARKER {
        require(length == 3)?;
        body.u8_if(|kind| kind <= 1)?;
    } else {
        // Data flags: of the defined ones a session's packets carry none but the end of file.
        body.be(2, 0..=0x0040)?;
    }
    Ok(Proof::Heuristic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const DESCRIPTOR: &[u8] = b"(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=x)))";

    fn packet_of(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut packet = vec![0, (body.len() + HEADER) as u8, 0, 0, kind, 0, 0, 0];
        packet.extend(body);
        packet
    }

    fn connect_of(descriptor: &[u8]) -> Vec<u8> {
        let mut body = vec![1, 0x39, 1, 0x2c, 0, 0, 8, 0, 0x7f, 0xff, 0x4f, 0x98, 0, 0, 0, 1];
        body.extend([0, DESCRIPTOR.len() as u8, 0, 58]);
        body.resize(50, 0);
        body.extend(descriptor);
        packet_of(CONNECT, &body)
    }

    #[test]
    fn connects() {
        Trial::tcp(check).client_proves(&connect_of(DESCRIPTOR), Proof::Structure);
        Trial::tcp(check).client_proves(&connect_of(b""), Proof::Structure);
    }

    #[test]
    fn answers() {
        let tcp = Trial::tcp(check);
        let mut accept = vec![1, 0x39, 0, 0, 8, 0, 0x7f, 0xff, 1, 0, 0, 0, 0, 32];
        accept.resize(24, 0);
        tcp.server_proves(&packet_of(ACCEPT, &accept), Proof::Structure);
        let refusal = [&[0x22, 0, 0, DESCRIPTOR.len() as u8], DESCRIPTOR].concat();
        tcp.server_proves(&packet_of(REFUSE, &refusal), Proof::Structure);
        tcp.server_proves(&packet_of(RESEND, &[]), Proof::Structure);
        tcp.midstream().server_proves(&packet_of(DATA, &[0, 0, 6, 0x22]), Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let mut longer = connect_of(DESCRIPTOR);
        longer[25] += 1;
        assert_eq!(tcp.client(&longer), Match::No);
        let mut version = connect_of(DESCRIPTOR);
        version[8] = 9;
        assert_eq!(tcp.client(&version), Match::No);
        assert_eq!(tcp.client(&packet_of(DATA, &[0, 0])), Match::No);
        assert_eq!(tcp.client(&[0, 0x40, 0, 1]), Match::No);
        assert_eq!(tcp.both(&connect_of(DESCRIPTOR), b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::tcp(check).midstream().refuses_noise(100_000);
    }
}
