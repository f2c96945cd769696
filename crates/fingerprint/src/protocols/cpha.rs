//! cpha: the Cluster Control Protocol of Check Point's ClusterXL, formerly the High Availability Protocol. Check Point's
//! "ClusterXL Administration Guide" names its port and what its messages are for; the header is as the gateways send it and
//! the open analysers of it agree.
//!
//! Proven by the magic with a version, a message, and small numbers of an interface and of machines; nothing in it is counted.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Cpha,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| byte == MAGIC[0])]],
    stream: &[],
    check,
};

const MAGIC: [u8; 2] = [0x1a, 0x90];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(message: Message<'_>) -> Step<Proof> {
    /// Of FireWall-1 4.1, without policy and filler.
    const FIRST_VERSION: u64 = 1;
    const VERSION_LAST: u64 = 0x0fff;
    /// States, probes, interfaces, distribution of load, policy, synchronization, and what came later.
    const MESSAGES: std::ops::RangeInclusive<u64> = 1..=0x1f;
    const INTERFACES: u64 = 0x03ff;
    const MACHINES: u64 = 0xff;
    const ALL_MACHINES: u16 = 0xfffe;
    let mut scan = message.scan();
    scan.expect(&MAGIC)?;
    let version = scan.be(2, FIRST_VERSION..=VERSION_LAST)?;
    // The cluster's number.
    scan.skip(2)?;
    scan.be(2, MESSAGES)?;
    scan.be(2, 0..=INTERFACES)?;
    // A random number; the machines from and to, which may be all of them; the policy, since the second version.
    scan.skip(2)?;
    scan.be(2, 0..=MACHINES)?;
    let to = scan.u16_be()?;
    require(u64::from(to) <= MACHINES || to >= ALL_MACHINES)?;
    if version > FIRST_VERSION {
        scan.skip(2 + 2)?;
    }
    Ok(Proof::Banner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const PROBED: &[u8] = b"\x1a\x90\x02\x1d\0\x09\0\x03\0\x01\x5a\xa5\0\0\xff\xfe\x12\x34\0\0\0\0\0\x01";

    #[test]
    fn messages() {
        let udp = Trial::udp(check);
        udp.client_proves(PROBED, Proof::Banner);
        udp.server_proves(PROBED, Proof::Banner);
        udp.client_proves(b"\x1a\x90\0\x01\0\x09\0\x02\0\x01\x5a\xa5\0\0\0\x01", Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in
            [(0, 0x1b), (1, 0x91), (2, 0x10), (6, 1), (7, 0), (8, 4), (12, 1), (14, 0xfe), (15, 0)]
        {
            let mut wrong = PROBED.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&PROBED[..19]), Match::No);
        assert_eq!(udp.both(PROBED, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
