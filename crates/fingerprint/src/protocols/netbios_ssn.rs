//! netbios-ssn: the NetBIOS session service, as far as its own packets go.
//!
//! Specification: RFC 1002, section 4.3; names: section 4.1 and RFC 1001, section 14.1. A session request
//! proves it: two half-ASCII names that fill its length exactly. What follows on an open session is SMB; a
//! flow whose first packet is a session *message* is therefore smb, not this.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::NetbiosSsn,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const SESSION_REQUEST: u8 = 0x81;
const POSITIVE_RESPONSE: u8 = 0x82;
const NEGATIVE_RESPONSE: u8 = 0x83;
const RETARGET_RESPONSE: u8 = 0x84;
/// A 16-byte name in half-ASCII (RFC 1001, section 14.1).
const ENCODED_NAME: usize = 32;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, session_request, session_response)
}

fn session_request(message: Message<'_>) -> Step<Proof> {
    // Two names of one label each, up to two names with a scope.
    const LENGTH: std::ops::RangeInclusive<u64> = 2 * (ENCODED_NAME as u64 + 2)..=2 * 255;
    let mut scan = message.scan();
    scan.expect(&[SESSION_REQUEST, 0])?;
    let mut room = scan.be(2, LENGTH)? as usize;
    name(&mut scan, &mut room)?;
    name(&mut scan, &mut room)?;
    require(room == 0)?;
    Ok(Proof::Structure)
}

/// One name: the encoded label, then the labels of the scope, then the root.
fn name(scan: &mut Scan<'_>, room: &mut usize) -> Step<()> {
    let mut first = true;
    loop {
        let length =
            usize::from(scan.u8_if(|length| if first { length == ENCODED_NAME as u8 } else { length < 64 })?);
        *room = room.checked_sub(1 + length).ok_or(Stop::Wrong)?;
        if length == 0 {
            return Ok(());
        }
        let label = scan.part(length)?;
        require(!first || label.rest().iter().all(|nibble| matches!(nibble, b'A'..=b'P')))?;
        if !label.is_whole() {
            return Err(Stop::Short);
        }
        first = false;
    }
}

fn session_response(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    match scan.u8()? {
        POSITIVE_RESPONSE => {
            scan.expect(&[0, 0, 0])?;
            match session_message(&mut scan) {
                Ok(()) => Ok(Proof::Structure),
                Err(Stop::Short) => Ok(Proof::Heuristic),
                Err(Stop::Wrong) => Err(Stop::Wrong),
            }
        }
        NEGATIVE_RESPONSE => {
            scan.expect(&[0, 0, 1])?;
            scan.u8_if(|error| matches!(error, 0x80..=0x83 | 0x8f))?;
            Ok(Proof::Structure)
        }
        RETARGET_RESPONSE => {
            scan.expect(&[0, 0, 6])?;
            scan.skip(6)?;
            Ok(Proof::Heuristic)
        }
        _ => Err(Stop::Wrong),
    }
}

/// What an open session carries.
fn session_message(scan: &mut Scan<'_>) -> Step<()> {
    scan.expect(&[0])?;
    scan.skip(3 + 1)?;
    scan.expect(b"SMB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn request(scope: &[u8]) -> Vec<u8> {
        let mut names = Vec::new();
        for encoded in [b"CKFDENECFDEFFCFGEFFCCACACACACACA", b"EDEMEJEFEOFECACACACACACACACACAAA"] {
            names.push(32);
            names.extend(encoded);
            names.extend(scope);
            names.push(0);
        }
        let mut packet = vec![0x81, 0];
        packet.extend((names.len() as u16).to_be_bytes());
        packet.extend(names);
        packet
    }

    #[test]
    fn session_requests() {
        Trial::tcp(check).client_proves(&request(b""), Proof::Structure);
        Trial::tcp(check).client_proves(&request(b"\x05scope\x03com"), Proof::Structure);
    }

    #[test]
    fn session_responses() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(&[0x82, 0, 0, 0], Proof::Heuristic);
        tcp.server_proves(&[0x83, 0, 0, 1, 0x82], Proof::Structure);
        tcp.server_proves(&[0x84, 0, 0, 6, 10, 0, 0, 1, 0, 139], Proof::Heuristic);
        assert_eq!(tcp.both(&request(b""), &[0x82, 0, 0, 0]), Match::Yes(Proof::Structure));
        assert_eq!(tcp.server(b"\x82\0\0\0\0\0\0\x55\xffSMBr"), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let mut wrong_length = request(b"");
        wrong_length[3] += 1;
        assert_eq!(tcp.client(&wrong_length), Match::No);
        let mut wrong_name = request(b"");
        wrong_name[9] = b'Q';
        assert_eq!(tcp.client(&wrong_name), Match::No);
        assert_eq!(tcp.server(&[0x82, 0, 0, 0, 7]), Match::No);
        assert_eq!(tcp.both(&request(b""), b"SSH-2.0-x\r\n"), Match::No);
        assert_eq!(tcp.client(b"\0\0\0\x54\xffSMB"), Match::No, "a session message is smb");
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
