//! cnip: tunnelling of control networks over IP: ISO/IEC 14908-4 (EIA-852), common packet header.
//!
//! Proven from either side by structure: a length, version, type and flags, packet after packet to the datagram's end.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Cnip,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    // The length of a packet that fits into a frame of Ethernet.
    datagram: &[&[
        (0, |byte| byte <= 0x05),
        (2, |version| version == 1),
        (3, is_type),
        (4, |extension| extension == 0),
    ]],
    stream: &[],
    check,
};

const HEADER_LEN: usize = 20;
const LONGEST: u64 = 0x05ff;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packets, packets)
}

fn packets(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let mut room = message.total;
    while room > 0 {
        let length = match packet(&mut scan) {
            // Beyond what is kept.
            Err(Stop::Short) if room < message.total => break,
            length => length?,
        };
        room = room.checked_sub(length).ok_or(Stop::Wrong)?;
    }
    Ok(Proof::Structure)
}

/// One packet's length.
fn packet(scan: &mut Scan<'_>) -> Step<usize> {
    const VERSION: u8 = 1;
    const SECURITY: u8 = 0x20;
    /// EIA-709.1, EIA-600.
    const PROTOCOL_LAST: u8 = 1;
    let length = scan.be(2, HEADER_LEN as u64..=LONGEST)? as usize;
    scan.expect(&[VERSION])?;
    scan.u8_if(is_type)?;
    // Words that extend the header, of which none are defined.
    scan.expect(&[0])?;
    scan.u8_if(|flags| flags & !SECURITY <= PROTOCOL_LAST)?;
    let body = length.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)?;
    // Vendor; session, sequence, time.
    scan.skip(2 + 4 + 4 + 4)?;
    require(scan.len() >= body || !scan.is_whole())?;
    scan.take_up_to(body);
    Ok(length)
}

/// Data; registration, membership, send list, acknowledgement, routing; what is asked for and answered; a segment.
const fn is_type(kind: u8) -> bool {
    matches!(
        kind,
        0x01 | 0x03 | 0x04 | 0x06 | 0x07 | 0x08 | 0x60 | 0x63 | 0x64 | 0x66 | 0x68 | 0x70 | 0x71 | 0x7f
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const DATA: &[u8] =
        b"\0\x1a\x01\x01\0\0\0\0\x12\x34\x56\x78\0\0\0\x09\0\x01\x02\x03\x01\x09\x01\x01\x02\x03";

    #[test]
    fn packets_alone_and_bunched() {
        let udp = Trial::udp(check);
        udp.client_proves(DATA, Proof::Structure);
        udp.server_proves(DATA, Proof::Structure);
        udp.client_proves(&DATA.repeat(3), Proof::Structure);
        udp.client_proves(&DATA.repeat(30), Proof::Structure);
        udp.client_proves(b"\0\x14\x01\x63\0\x20\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0", Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 6), (1, 0x19), (1, 0x1b), (1, 19), (2, 2), (3, 2), (4, 1), (5, 2), (5, 0x40)]
        {
            let mut wrong = DATA.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&[DATA, b"\0"].concat()), Match::No);
        assert_eq!(udp.both(DATA, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
