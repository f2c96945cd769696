//! iscsi: the Internet SCSI protocol.
//!
//! Specification: RFC 7143, sections 11.2 (header), 11.12 (Login Request) and 11.13 (Login Response). The login proves it, from
//! either side: opcode, stages, version and reserved bytes, and of the request the first key of its text.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Iscsi,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const LOGIN_REQUEST: u8 = 0x03;
const LOGIN_RESPONSE: u8 = 0x23;
const IMMEDIATE: u8 = 0x40;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, response)
}

/// Flags and stages, two versions, and the lengths of additional headers and data.
fn stages(scan: &mut Scan<'_>) -> Step<u64> {
    const TRANSIT: u8 = 0x80;
    const CONTINUE: u8 = 0x40;
    const RESERVED: u8 = 0x30;
    let flags = scan.u8()?;
    // Security, operational parameters, full features.
    let (current, next) = (flags >> 2 & 3, flags & 3);
    require(flags & RESERVED == 0 && flags & (TRANSIT | CONTINUE) != (TRANSIT | CONTINUE))?;
    require(current <= 1 && next != 2)?;
    scan.expect(&[0, 0, 0])?;
    scan.be(3, 0..=0x1_0000)
}

fn request(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.u8_if(|opcode| opcode & !IMMEDIATE == LOGIN_REQUEST)?;
    let length = stages(&mut scan)?;
    // Initiator's session id and handle of the target, task tag, connection; reserved; sequence numbers; reserved.
    scan.skip(6 + 2 + 4 + 2)?;
    scan.expect(&[0; 2])?;
    scan.skip(4 + 4)?;
    scan.expect(&[0; 16])?;
    if length > 0 {
        scan.u8_if(|first| first.is_ascii_uppercase())?;
    }
    Ok(Proof::Structure)
}

fn response(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[LOGIN_RESPONSE])?;
    stages(&mut scan)?;
    // Session, task; reserved; sequence numbers; class and detail of the status; reserved.
    scan.skip(6 + 2 + 4)?;
    scan.expect(&[0; 4])?;
    scan.skip(4 + 4 + 4)?;
    scan.u8_if(|class| class <= 3)?;
    scan.u8_if(|detail| detail <= 0x0b)?;
    scan.expect(&[0; 10])?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn login(opcode: u8, flags: u8) -> Vec<u8> {
        let mut header = vec![opcode, flags, 0, 0, 0, 0, 0, 0x40, 0x40, 0, 1, 0x37, 0, 0, 0, 0, 0, 0, 0, 1];
        header.resize(48, 0);
        header
    }

    fn request_of(flags: u8) -> Vec<u8> {
        [&login(0x43, flags)[..], b"InitiatorName=iqn.1993-08.org.debian:01:7\0"].concat()
    }

    #[test]
    fn logins() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&request_of(0x87), Proof::Structure);
        tcp.client_proves(&request_of(0x81), Proof::Structure);
        tcp.server_proves(&login(0x23, 0x87), Proof::Structure);
        assert_eq!(tcp.both(&request_of(0x87), &login(0x23, 0x87)), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in
            [(0, 0x41), (1, 0xb7), (1, 0xc7), (1, 0x8f), (2, 1), (5, 2), (22, 1), (40, 1), (48, b'\0')]
        {
            let mut wrong = request_of(0x87);
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        let mut status = login(0x23, 0x87);
        status[36] = 4;
        assert_eq!(tcp.server(&status), Match::No);
        assert_eq!(tcp.both(&request_of(0x87), b"raw"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
