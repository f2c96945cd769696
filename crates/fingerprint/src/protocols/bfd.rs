//! bfd: Bidirectional Forwarding Detection, control packets: RFC 5880, section 4.1; over UDP: RFC 5881, RFC 5883.
//!
//! Proven from either side by structure: version, diagnostic, a length that is the datagram's, a discriminator, and
//! intervals that are no longer than a minute.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Bfd,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| is_version_and_diagnostic(byte))]],
    stream: &[],
    check,
};

const PLAIN_LEN: usize = 24;
/// With the longest authentication, a keyed SHA-1.
const LONGEST: usize = PLAIN_LEN + 28;

/// Version 1 in the upper three bits; no diagnostic above 9 (RFC 6428 and IANA's registry).
const fn is_version_and_diagnostic(byte: u8) -> bool {
    byte >> 5 == 1 && byte & 0x1f <= 9
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    const AUTHENTICATION: u8 = 0x04;
    const MULTIPOINT: u8 = 0x01;
    /// In microseconds.
    const MINUTE: u64 = 60_000_000;
    let mut scan = message.scan();
    require((PLAIN_LEN..=LONGEST).contains(&message.total))?;
    scan.u8_if(is_version_and_diagnostic)?;
    let flags = scan.u8_if(|flags| flags & MULTIPOINT == 0)?;
    // Detection multiplier, length.
    scan.u8_if(|multiplier| multiplier > 0)?;
    scan.u8_if(|length| usize::from(length) == message.total)?;
    scan.be(4, 1..=0xffff_ffff)?;
    // The other's discriminator is unknown only before the session is there.
    let yours = scan.u32_be()?;
    let state = flags >> 6;
    require(yours != 0 || state <= 1)?;
    scan.be(4, 1..=MINUTE)?;
    scan.be(4, 0..=MINUTE)?;
    scan.be(4, 0..=MINUTE)?;
    let authenticated = message.total > PLAIN_LEN;
    require((flags & AUTHENTICATION != 0) == authenticated)?;
    if authenticated {
        scan.u8_if(|kind| (1..=5).contains(&kind))?;
        scan.u8_if(|length| usize::from(length) == message.total - PLAIN_LEN)?;
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const DOWN: &[u8] = b"\x20\x40\x03\x18\0\0\0\x01\0\0\0\0\0\x0f\x42\x40\0\x0f\x42\x40\0\0\0\0";
    const UP: &[u8] = b"\x20\xc0\x03\x18\0\0\0\x02\0\0\0\x01\0\x04\x93\xe0\0\x04\x93\xe0\0\0\xc3\x50";

    #[test]
    fn packets_from_either_side() {
        let udp = Trial::udp(check);
        udp.client_proves(DOWN, Proof::Structure);
        udp.server_proves(UP, Proof::Structure);
        let mut authenticated = [UP, b"\x01\x09\x02secret"].concat();
        authenticated[1] |= 4;
        authenticated[3] = 33;
        udp.client_proves(&authenticated, Proof::Structure);
        authenticated[25] = 8;
        assert_eq!(udp.client(&authenticated), Match::No);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 0x40), (0, 0x2a), (1, 0xc1), (1, 0xc4), (2, 0), (3, 25), (12, 9), (20, 99)] {
            let mut wrong = UP.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        let mut unknown = UP.to_vec();
        unknown[11] = 0;
        assert_eq!(udp.client(&unknown), Match::No);
        assert_eq!(udp.both(UP, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
