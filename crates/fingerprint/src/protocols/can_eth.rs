//! can-eth: frames of a Controller Area Network in datagrams: proconX, "CAN over Ethernet" (canframe.pdf), version 1.
//!
//! Proven by the magic with a version and a count; by structure when the frames that are counted are what there is, and each
//! is as long and as flagged as a frame can be.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::CanEth,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == MAGIC[0])]],
    stream: &[],
    check,
};

const MAGIC: &[u8] = b"ISO11898";
const VERSION: u8 = 1;
const FRAMES_MAX: u8 = 16;
const HEADER_LEN: usize = 10;
const FRAME_LEN: usize = 15;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(MAGIC)?;
    scan.expect(&[VERSION])?;
    let count = scan.u8_if(|count| count <= FRAMES_MAX)?;
    let length = HEADER_LEN + usize::from(count) * FRAME_LEN;
    if count == 0 || message.total != length {
        return Ok(Proof::Banner);
    }
    Ok(match (0..count).try_for_each(|_| frame(&mut scan)) {
        Err(Stop::Wrong) => Proof::Banner,
        _ => Proof::Structure,
    })
}

/// Identifier, length, data; whether it is extended, and a request.
fn frame(scan: &mut Scan<'_>) -> Step<()> {
    const DATA_MAX: u8 = 8;
    scan.skip(4)?;
    scan.u8_if(|length| length <= DATA_MAX)?;
    scan.skip(usize::from(DATA_MAX))?;
    scan.u8_if(|extended| extended <= 1)?;
    let remote = scan.u8()?;
    require(remote <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const ONE: &[u8] = b"ISO11898\x01\x01\0\0\x01\x23\x02\x55\xaa\0\0\0\0\0\0\0\0";

    #[test]
    fn frames() {
        let udp = Trial::udp(check);
        udp.client_proves(ONE, Proof::Structure);
        let mut two = [ONE, &ONE[HEADER_LEN..]].concat();
        two[9] = 2;
        udp.server_proves(&two, Proof::Structure);
        for (at, value) in [(9, 0), (9, 2), (14, 9), (23, 2), (24, 2)] {
            let mut odd = ONE.to_vec();
            odd[at] = value;
            udp.client_proves(&odd, Proof::Banner);
        }
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, b'i'), (7, b'9'), (8, 2), (9, 17)] {
            let mut wrong = ONE.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(b"ISO11898"), Match::No);
        assert_eq!(udp.both(ONE, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
