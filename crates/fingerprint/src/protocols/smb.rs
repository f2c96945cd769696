//! smb: SMB 1 (CIFS), SMB 2 and 3, over direct TCP or NetBIOS session messages.
//!
//! Specifications: \[MS-SMB2\] sections 2.1 (transport) and 2.2 (headers); \[MS-CIFS\] section 2.2.3; RFC 1002,
//! section 4.3.6. A header proves it, from either side: the length in front, the magic, the
//! fixed fields, and the bit that says who is sending. Behind the magic, what contradicts leaves it an attempt.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Smb,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const SMB1_HEADER: usize = 32;
const SMB2_HEADER: usize = 64;
const TRANSFORM_HEADER: usize = 52;
const COMPRESSION_HEADER: usize = 16;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| packet(message, false), |message| packet(message, true))
}

fn packet(message: Message<'_>, from_server: bool) -> Step<Proof> {
    let mut scan = message.scan();
    // Direct TCP: a zero and 24 bits of length. NetBIOS session message: type zero, seven zero flags and 17 bits.
    scan.expect(&[0])?;
    let length = scan.be(3, COMPRESSION_HEADER as u64..=0xff_ffff)? as usize;
    let protocol = scan.u8()?;
    scan.expect(b"SMB")?;
    let header = match protocol {
        0xff => smb1(&mut scan, length, from_server),
        0xfe => smb2(&mut scan, length, from_server),
        0xfd => encrypted(&mut scan, length),
        0xfc => compressed(&mut scan, length),
        _ => return Err(Stop::Wrong),
    };
    let least = match protocol {
        0xff => SMB1_HEADER + 1 + 2,
        0xfe => SMB2_HEADER,
        0xfd => TRANSFORM_HEADER,
        _ => COMPRESSION_HEADER,
    };
    match header {
        // A message may go on in the next one of the NetBIOS session.
        Err(Stop::Wrong) if length < least => Ok(Proof::Heuristic),
        Err(Stop::Wrong) => Ok(Proof::Attempt),
        header => header,
    }
}

/// SMB_Header, SMB_Parameters and the count of SMB_Data (\[MS-CIFS\] section 2.2.3).
fn smb1(scan: &mut Scan<'_>, length: usize, from_server: bool) -> Step<Proof> {
    const REPLY: u8 = 0x80;
    require(SMB1_HEADER + 1 + 2 <= length)?;
    scan.skip(1 + 4)?;
    scan.u8_if(|flags| (flags & REPLY != 0) == from_server)?;
    // Flags2, the high half of the process id, signature; reserved; tree, process, user and multiplex ids.
    scan.skip(2 + 2 + 8)?;
    scan.expect(&[0, 0])?;
    scan.skip(8)?;
    let words = usize::from(scan.u8()?);
    require(SMB1_HEADER + 1 + 2 * words + 2 <= length)?;
    Ok(Proof::Structure)
}

/// The SMB2 header (\[MS-SMB2\] section 2.2.1).
fn smb2(scan: &mut Scan<'_>, length: usize, from_server: bool) -> Step<Proof> {
    const LAST_COMMAND: u64 = 0x13;
    const SERVER_TO_REDIR: u32 = 1;
    // ASYNC, RELATED, SIGNED, PRIORITY, DFS and REPLAY besides.
    const FLAGS: u32 = 0x3000_007f;
    require(length >= SMB2_HEADER)?;
    scan.expect(&(SMB2_HEADER as u16).to_le_bytes())?;
    // Credit charge, then status or channel sequence.
    scan.skip(2 + 4)?;
    scan.le(2, 0..=LAST_COMMAND)?;
    scan.skip(2)?;
    let flags = scan.u32_le()?;
    require(flags & !FLAGS == 0 && (flags & SERVER_TO_REDIR != 0) == from_server)?;
    let next = scan.le(4, 0..=length as u64)?;
    require(next.is_multiple_of(8))?;
    Ok(Proof::Structure)
}

/// SMB2 TRANSFORM_HEADER (section 2.2.41).
fn encrypted(scan: &mut Scan<'_>, length: usize) -> Step<Proof> {
    let content = length.checked_sub(TRANSFORM_HEADER).ok_or(Stop::Wrong)?;
    scan.skip(16 + 16)?;
    scan.le(4, 1..=content as u64)?;
    scan.expect(&[0, 0])?;
    // Flags: encrypted; in the 3.0 dialect: algorithm AES-128-CCM. Both are 1.
    scan.expect(&[1, 0])?;
    Ok(Proof::Structure)
}

/// SMB2 COMPRESSION_TRANSFORM_HEADER (section 2.2.42).
fn compressed(scan: &mut Scan<'_>, _length: usize) -> Step<Proof> {
    scan.skip(4)?;
    // NONE to LZ4; then unchained or chained.
    scan.le(2, 0..=5)?;
    scan.le(2, 0..=1)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn framed(content: &[u8]) -> Vec<u8> {
        let mut packet = (content.len() as u32).to_be_bytes().to_vec();
        packet.extend(content);
        packet
    }

    fn smb1_negotiate(flags: u8) -> Vec<u8> {
        let mut packet = b"\xffSMB\x72\0\0\0\0".to_vec();
        packet.extend([flags, 0x53, 0xc8]);
        packet.extend([0; 12]);
        packet.extend([0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0]);
        packet.extend([0, 12, 0]);
        packet.extend(b"\x02NT LM 0.12\0");
        framed(&packet)
    }

    fn smb2_negotiate(flags: u8) -> Vec<u8> {
        let mut packet = b"\xfeSMB\x40\0\0\0\0\0\0\0\0\0\x01\0".to_vec();
        packet.extend([flags, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([0; 40]);
        packet.extend([36, 0, 1, 0, 1, 0, 0, 0]);
        packet.extend([0; 30]);
        framed(&packet)
    }

    #[test]
    fn negotiations() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&smb1_negotiate(0x18), Proof::Structure);
        tcp.server_proves(&smb1_negotiate(0x98), Proof::Structure);
        tcp.client_proves(&smb2_negotiate(0), Proof::Structure);
        tcp.server_proves(&smb2_negotiate(1), Proof::Structure);
        // A multi-protocol negotiation is answered in SMB 2.
        assert_eq!(tcp.both(&smb1_negotiate(0x18), &smb2_negotiate(1)), Match::Yes(Proof::Structure));
    }

    #[test]
    fn transforms() {
        let mut content = b"\xfdSMB".to_vec();
        content.extend([0x77; 32]);
        content.extend([64, 0, 0, 0, 0, 0, 1, 0]);
        content.extend([0x33; 8 + 64]);
        Trial::tcp(check).client_proves(&framed(&content), Proof::Structure);
        let mut content = b"\xfcSMB\0\x10\0\0\x02\0\0\0\0\0\0\0".to_vec();
        content.extend([0x33; 30]);
        Trial::tcp(check).server_proves(&framed(&content), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let mut wrong_size = smb2_negotiate(0);
        wrong_size[8] = 65;
        tcp.client_proves(&wrong_size, Proof::Attempt);
        // A reply from the client.
        tcp.client_proves(&smb2_negotiate(1), Proof::Attempt);
        tcp.client_proves(&framed(&[&b"\xffSMB"[..], &[0x41; 28]].concat()), Proof::Heuristic);
        tcp.client_proves(&framed(&[&b"\xffSMB"[..], &[0x41; 31]].concat()), Proof::Attempt);
        wrong_size[4] = 0xfb;
        assert_eq!(tcp.client(&wrong_size), Match::No);
        assert_eq!(tcp.client(b"\0\0\0\x04\xffSMB"), Match::No, "too short for a header");
        assert_eq!(tcp.client(b"\0\0\0\x40\xffSMX"), Match::No);
        assert_eq!(tcp.client(b"\x01"), Match::No);
        // The other side sends something else.
        assert_eq!(tcp.both(&smb2_negotiate(0), b"HTTP/1.1 400 Bad Request\r\n\r\n"), Match::No);
        // In midstream, roles are told by the message.
        assert_eq!(tcp.midstream().client(&smb2_negotiate(1)), Match::Yes(Proof::Structure));
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
