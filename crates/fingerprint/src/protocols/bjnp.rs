//! bjnp: Canon's protocol of network printers and scanners.
//!
//! The protocol is unpublished; the header is as the open drivers of printers (cups-bjnp) and scanners (SANE, sane-pixma)
//! agree: magic, device type, command, sequence, session, length. The magic and a length that is the datagram's prove it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Bjnp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, b'B' | b'M'))]],
    stream: &[],
    check,
};

const HEADER: usize = 16;
/// Set in the device type of a reply.
const REPLY: u8 = 0x80;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh_either_way(exchange, |message| datagram(message, false), |message| datagram(message, true))
}

fn datagram(message: Message<'_>, from_device: bool) -> Step<Proof> {
    let mut scan = message.scan();
    let magic = scan.take(4)?;
    require(matches!(magic, b"BJNP" | b"MFNP" | b"BJNB" | b"BNJI"))?;
    let device = scan.u8()?;
    // Printers and scanners.
    require(matches!(device & !REPLY, 1 | 2) && (device & REPLY != 0) == from_device)?;
    // Command, reserved or error, sequence, session.
    scan.skip(1 + 2 + 2 + 2)?;
    let length = scan.u32_be()? as usize;
    require(message.total.checked_sub(HEADER) == Some(length))?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const DISCOVER: &[u8] = b"BJNP\x01\x01\0\0\0\0\0\0\0\0\0\0";
    const DISCOVERED: &[u8] =
        b"BJNP\x81\x01\0\0\0\0\0\0\0\0\0\x10\0\x01\x08\0\x06\x04\0\0\x85\x01\x02\x03\xc0\0\x02\x01";

    #[test]
    fn requests_and_replies() {
        let udp = Trial::udp(check);
        udp.client_proves(DISCOVER, Proof::Structure);
        udp.server_proves(DISCOVERED, Proof::Structure);
        udp.client_proves(DISCOVERED, Proof::Structure);
        udp.client_proves(b"BJNB\x02\x01\0\0\0\0\0\0\0\0\0\0", Proof::Structure);
        udp.client_proves(b"MFNP\x02\x01\0\0\0\x01\0\0\0\0\0\0", Proof::Structure);
        assert_eq!(udp.both(DISCOVER, DISCOVERED), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (offset, value) in [(0, b'C'), (3, b'Q'), (4, 3), (15, 1), (12, 1)] {
            let mut wrong = DISCOVER.to_vec();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.client(b"BJNP"), Match::No);
        assert_eq!(udp.both(DISCOVER, DISCOVER), Match::No);
        assert_eq!(udp.both(DISCOVER, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::udp(check).refuses_noise(10_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
