//! ether-sio: Ether-S-I/O of Saia-Burgess, between a controller and its remote inputs and outputs. The protocol is unpublished:
//! its telegrams are as the controllers and the open analysers of it agree.
//!
//! Proven from either side by the magic with a type and a version; by structure when a telegram's transfers fill the datagram.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::EtherSio,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == MAGIC[0])]],
    stream: &[],
    check,
};

const MAGIC: &[u8] = b"ESIO";

const TRANSFER: u64 = 1;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, telegram, telegram)
}

fn telegram(message: Message<'_>) -> Step<Proof> {
    const SHORTEST: usize = 20;
    require(message.total >= SHORTEST)?;
    let mut scan = message.scan();
    scan.expect(MAGIC)?;
    // Type; version; length; transaction.
    let kind = scan.be(2, 0..=2)?;
    scan.be(2, 0..=0xff)?;
    scan.skip(2 + 2)?;
    if kind != TRANSFER {
        return Ok(Proof::Banner);
    }
    Ok(match transfers(&mut scan) {
        Err(Stop::Wrong) => Proof::Banner,
        _ => Proof::Structure,
    })
}

/// Telegram, source, how many transfers, flags; each has a number, a destination, a length and data.
fn transfers(scan: &mut Scan<'_>) -> Step<()> {
    scan.skip(4 + 4)?;
    let count = scan.u8()?;
    scan.skip(1)?;
    for _ in 0..count {
        scan.skip(4 + 4)?;
        let length = scan.u16_be()?;
        scan.skip(usize::from(length))?;
    }
    require(count > 0 && scan.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const TRANSFERRED: &[u8] =
        b"ESIO\0\x01\0\0\0\x22\0\x07\0\0\0\x01\0\0\0\x02\x01\0\0\0\0\x03\0\0\0\x04\0\x02\x55\xaa";

    #[test]
    fn transfers_and_states() {
        let udp = Trial::udp(check);
        udp.client_proves(TRANSFERRED, Proof::Structure);
        udp.server_proves(b"ESIO\0\x02\0\0\0\x18\0\x07\0\x01\0\x0c\0\0\0\x02\0\0\0\0", Proof::Banner);
        udp.client_proves(&TRANSFERRED[..33], Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, b'e'), (3, b'0'), (4, 1), (5, 3), (6, 1)] {
            let mut wrong = TRANSFERRED.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&TRANSFERRED[..19]), Match::No);
        assert_eq!(udp.both(TRANSFERRED, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
