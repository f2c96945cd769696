//! babel: the Babel routing protocol: RFC 8966, section 4.2 (packets) and 4.3 (TLVs).
//!
//! Proven from either side by magic, version, a length that fits the datagram, and TLVs that fill it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Babel,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == MAGIC)]],
    stream: &[],
    check,
};

const MAGIC: u8 = 42;
const VERSION: u8 = 2;
const HEADER_LEN: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[MAGIC, VERSION])?;
    let room = message.total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)?;
    let length = scan.be(2, 2..=room as u64)? as usize;
    let mut body = scan.part(length)?;
    let described = fill(&mut body)?;
    require(described > 0)?;
    // A trailer (section 4.2) is made of TLVs too.
    if body.is_whole() {
        fill(&mut scan)?;
    }
    Ok(Proof::Structure)
}

/// How many TLVs fill a part, padding not counted; the last may be cut.
fn fill(part: &mut Scan<'_>) -> Step<u32> {
    /// IANA's registry holds fewer; what lies above is for experiments or unassigned.
    const TYPE_LAST: u8 = 31;
    let mut described = 0;
    while !part.is_empty() {
        let kind = part.u8_if(|kind| kind <= TYPE_LAST)?;
        if kind == 0 {
            continue;
        }
        match part.u8().and_then(|length| part.skip(usize::from(length))) {
            Err(Stop::Wrong) => return Err(Stop::Wrong),
            Err(Stop::Short) => return Ok(described + 1),
            Ok(()) => described += u32::from(kind > 1),
        }
    }
    Ok(described)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const HELLO: &[u8] = b"\x2a\x02\0\x12\x04\x06\0\0\x12\x34\x01\x90\x05\x08\0\x20\x00\x60\0\x0a\x01\0";

    #[test]
    fn packets_from_either_side() {
        let udp = Trial::udp(check);
        udp.client_proves(HELLO, Proof::Structure);
        udp.server_proves(HELLO, Proof::Structure);
        udp.client_proves(&[HELLO, &[11, 2, 7, 7]].concat(), Proof::Structure);
        let mut long = b"\x2a\x02\x02\x80".to_vec();
        long.extend([8, 30].iter().chain(&[0; 30]).cycle().take(640));
        udp.client_proves(&long, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 43), (1, 1), (3, 0x20), (3, 17), (4, 200), (5, 7), (13, 9)] {
            let mut wrong = HELLO.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(b"\x2a\x02\0\x04\0\0\0\0"), Match::No);
        assert_eq!(udp.both(HELLO, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
