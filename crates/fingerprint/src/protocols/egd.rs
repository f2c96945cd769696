//! egd: Ethernet Global Data of GE's controllers: GE Fanuc, "TCP/IP Ethernet Communications User's Manual" (GFK-1541), Ethernet
//! Global Data; the data production PDU as vendors of gateways document it (ProSoft, "MVI69-EGD User Manual").
//!
//! Proven by structure: type and version, a producer and an exchange, a time whose nanoseconds are some, a status, a signature
//! and zeros where they are reserved. The other PDUs, which configure exchanges, are not looked for.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Egd,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == DATA_PRODUCTION)]],
    stream: &[],
    check,
};

const DATA_PRODUCTION: u8 = 13;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, production, production)
}

fn production(message: Message<'_>) -> Step<Proof> {
    const VERSION: u8 = 1;
    const HEADER_LEN: usize = 32;
    const DATA_MAX: usize = 1400;
    const NANOSECONDS: u64 = 999_999_999;
    const STATUS_LAST: u64 = 0xff;
    let mut scan = message.scan();
    require((HEADER_LEN..=HEADER_LEN + DATA_MAX).contains(&message.total))?;
    scan.expect(&[DATA_PRODUCTION, VERSION])?;
    // Request.
    scan.skip(2)?;
    // Producer, an address most of the time; exchange.
    scan.be(4, 1..=u64::from(u32::MAX))?;
    scan.le(4, 1..=0xffff)?;
    scan.skip(4)?;
    scan.le(4, 0..=NANOSECONDS)?;
    scan.le(4, 0..=STATUS_LAST)?;
    // Signature of the configuration, minor and major; reserved.
    scan.skip(2)?;
    scan.expect(&[0; 2 + 4])?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const PRODUCED: &[u8] =
        b"\x0d\x01\x34\x12\xc0\0\x02\x01\x07\0\0\0\x5e\x0e\x8f\x48\xff\xc9\x9a\x3b\x01\0\0\0\x01\x02\0\0\0\0\0\0data";

    #[test]
    fn data_is_produced() {
        Trial::udp(check).client_proves(PRODUCED, Proof::Structure);
        Trial::udp(check).server_proves(&PRODUCED[..32], Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 12), (1, 2), (10, 1), (8, 0), (19, 0x3c), (21, 1), (26, 1), (28, 1), (31, 1)]
        {
            let mut wrong = PRODUCED.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&PRODUCED[..31]), Match::No);
        assert_eq!(udp.both(PRODUCED, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
