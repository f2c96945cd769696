//! sflow: sFlow, versions 2, 4 and 5.
//!
//! Specifications: RFC 3176, section 5 (versions 2 and 4); sFlow.org, "sFlow Version 5", section 5. A datagram proves it: version and kind
//! of address in 32 bits each, the number of samples, and the first sample's type, and, in version 5, its length. One
//! side speaks.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Sflow,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, samples, samples)
}

fn samples(message: Message<'_>) -> Step<Proof> {
    const SAMPLES_MAX: u64 = 1000;
    let mut scan = message.scan();
    let version = scan.be(4, 2..=5)?;
    require(version != 3)?;
    let address = if scan.be(4, 1..=2)? == 1 { 4 } else { 16 };
    scan.skip(address)?;
    if version == 5 {
        // Sub-agent.
        scan.skip(4)?;
    }
    // Sequence number, uptime.
    scan.skip(4 + 4)?;
    if scan.be(4, 0..=SAMPLES_MAX)? == 0 {
        // To say that it lives.
        require(scan.is_whole() && scan.is_empty())?;
        return Ok(Proof::Structure);
    }
    if version < 5 {
        // A flow or counters.
        scan.be(4, 1..=2)?;
        return Ok(Proof::Structure);
    }
    // Of the standard, or of a vendor's; its length fits, and is made of words.
    let format = scan.u32_be()?;
    require(format & 0xfff != 0)?;
    let offset = 4 + 4 + address + 4 + 4 + 4 + 4 + 4 + 4;
    let left = message.total.checked_sub(offset).ok_or(Stop::Wrong)? as u64;
    let length = scan.be(4, 4..=left)?;
    require(length % 4 == 0)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn datagrams() {
        let udp = Trial::udp(check);
        let counters = words(&[5, 1, 0x0a00_0001, 0, 77, 123_456, 1, 2, 12, 9, 1, 0]);
        udp.client_proves(&counters, Proof::Structure);
        udp.client_proves(&words(&[5, 2, 0, 0, 0, 1, 0, 77, 123_456, 2, 1, 8, 9, 1]), Proof::Structure);
        udp.client_proves(&words(&[5, 1, 0x0a00_0001, 0, 77, 123_456, 0]), Proof::Structure);
        udp.client_proves(&words(&[4, 1, 0x0a00_0001, 77, 123_456, 3, 1, 9]), Proof::Structure);
        udp.client_proves(&words(&[2, 1, 0x0a00_0001, 77, 123_456, 3, 2, 9]), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let good = [5, 1, 0x0a00_0001, 0, 77, 123_456, 1, 2, 12, 9, 1, 0];
        for (word, value) in [(0, 3), (0, 6), (1, 3), (6, 100_000), (7, 0), (8, 16), (8, 11), (6, 0)] {
            let mut wrong = good;
            wrong[word] = value;
            assert_eq!(udp.client(&words(&wrong)), Match::No, "word {word}: {value}");
        }
        assert_eq!(udp.both(&words(&good), b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
