//! netbios-dgm: the NetBIOS datagram service: RFC 1002, section 4.4.
//!
//! Proven from either side by structure: a type, flags, a length that is the datagram's, and names in their encoding of
//! half bytes.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::NetbiosDgm,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, DIRECT_UNIQUE..=NEGATIVE_RESPONSE))]],
    stream: &[],
    check,
};

const DIRECT_UNIQUE: u8 = 0x10;
const BROADCAST: u8 = 0x12;
const ERROR: u8 = 0x13;
const NEGATIVE_RESPONSE: u8 = 0x16;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    const HEADER_LEN: usize = 14;
    const ERROR_LEN: usize = 11;
    let mut scan = message.scan();
    let kind = scan.u8_if(|kind| (DIRECT_UNIQUE..=NEGATIVE_RESPONSE).contains(&kind))?;
    // Node type, first, more fragments; the upper half is reserved.
    scan.u8_if(|flags| flags & 0xf0 == 0)?;
    // Id, address and port of the source.
    scan.skip(2 + 4 + 2)?;
    match kind {
        DIRECT_UNIQUE..=BROADCAST => {
            let length = message.total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)? as u64;
            scan.be(2, length..=length)?;
            // The offset of a fragment.
            scan.be(2, 0..=0x2000)?;
            name(&mut scan)?;
            name(&mut scan)?;
        }
        ERROR => {
            require(message.total == ERROR_LEN)?;
            scan.u8_if(|code| matches!(code, 0x82..=0x84))?;
            return Ok(Proof::Heuristic);
        }
        _ => {
            name(&mut scan)?;
            require(scan.is_empty())?;
        }
    }
    Ok(Proof::Structure)
}

/// Section 4.1 of RFC 1001: 16 bytes in 32 letters, then the labels of a scope.
fn name(scan: &mut Scan<'_>) -> Step<()> {
    const ENCODED: u8 = 32;
    const SCOPE_LABELS_MAX: usize = 8;
    scan.expect(&[ENCODED])?;
    let letters = scan.take(usize::from(ENCODED))?;
    require(letters.iter().all(|letter| (b'A'..=b'P').contains(letter)))?;
    for _ in 0..SCOPE_LABELS_MAX {
        match scan.u8_if(|length| length < 64)? {
            0 => return Ok(()),
            length => scan.skip(usize::from(length))?,
        }
    }
    Err(Stop::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn encoded(name: &[u8; 16]) -> Vec<u8> {
        let letters = name.iter().flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]);
        [32].into_iter().chain(letters).chain([0]).collect()
    }

    fn datagram_of(kind: u8, data: &[u8]) -> Vec<u8> {
        let names = [encoded(b"STATION        \0"), encoded(b"WORKGROUP      \x1d")].concat();
        let mut datagram = vec![kind, 0x02, 0x12, 0x34, 192, 0, 2, 9, 0, 138];
        datagram.extend(((names.len() + data.len()) as u16).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(names);
        datagram.extend(data);
        datagram
    }

    #[test]
    fn datagrams_queries_and_errors() {
        let udp = Trial::udp(check);
        for kind in 0x10..=0x12 {
            udp.client_proves(&datagram_of(kind, b"\xffSMB%"), Proof::Structure);
            udp.server_proves(&datagram_of(kind, b"\xffSMB%"), Proof::Structure);
        }
        let query = [&b"\x14\x02\x12\x34\xc0\0\x02\x09\0\x8a"[..], &encoded(b"STATION        \0")].concat();
        udp.client_proves(&query, Proof::Structure);
        udp.client_proves(b"\x13\x02\x12\x34\xc0\0\x02\x09\0\x8a\x82", Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 0x17), (1, 0x12), (11, 9), (14, 31), (15, b'Q'), (47, 99), (48, 31)] {
            let mut wrong = datagram_of(0x11, b"data");
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.both(&datagram_of(0x11, b""), b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
