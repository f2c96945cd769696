//! wccp: the Web Cache Communication Protocol: draft-wilson-wrec-wccp-v2-01, section 5; version 1: draft-forster-wrec-
//! wccp-v1-00, section 4.
//!
//! Version 2 is proven from either side by structure: a type, a version, a length that is the datagram's, and the security
//! component that comes first. Version 1 by its type and version, in words of 32 bits.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Wccp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    const HEADER_LEN: usize = 8;
    /// Here-I-Am, I-See-You, and the assignment of buckets.
    const V1: std::ops::RangeInclusive<u64> = 7..=9;
    const V1_NUMBER: [u8; 4] = [0, 0, 0, 4];
    let mut scan = message.scan();
    let kind = scan.be(4, 7..=13)?;
    if V1.contains(&kind) {
        require(message.total >= 20)?;
        scan.expect(&V1_NUMBER)?;
        return Ok(Proof::Banner);
    }
    // Version 2.0, or 2.1 for IPv6.
    scan.be(2, 0x0200..=0x0201)?;
    let length = message.total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)? as u64;
    scan.be(2, length..=length)?;
    // Security: none, or MD5 with its digest.
    scan.expect(&[0; 2])?;
    let size = scan.be(2, 4..=20)?;
    let option = scan.be(4, 0..=1)?;
    require(size == if option == 0 { 4 } else { 20 })?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const HERE_I_AM: &[u8] = b"\0\0\0\x0a\x02\0\0\x10\0\0\0\x04\0\0\0\0\0\x01\0\x04\0\0\0\0";

    #[test]
    fn both_versions() {
        let udp = Trial::udp(check);
        udp.client_proves(HERE_I_AM, Proof::Structure);
        let secured = [&b"\0\0\0\x0b\x02\0\0\x18\0\0\0\x14\0\0\0\x01"[..], &[7; 16]].concat();
        udp.server_proves(&secured, Proof::Structure);
        let first = [&b"\0\0\0\x07\0\0\0\x04\0\0\0\0"[..], &[0; 40]].concat();
        udp.client_proves(&first, Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(3, 6), (3, 14), (4, 1), (7, 0x11), (9, 1), (11, 20), (15, 2)] {
            let mut wrong = HERE_I_AM.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.both(HERE_I_AM, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
