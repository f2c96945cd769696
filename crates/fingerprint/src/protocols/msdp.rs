//! msdp: the Multicast Source Discovery Protocol: RFC 3618, section 12.
//!
//! Messages are types and lengths: a Source-Active whose entries, with their zeros and multicast groups, fill its
//! length proves it from either side, and so do keep-alives in a row. One keep-alive is three bytes: weak.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Msdp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const SOURCE_ACTIVE: u8 = 1;
const KEEP_ALIVE: [u8; 3] = [4, 0, 3];
/// Keep-alives that settle it.
const ENOUGH: usize = 2;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, messages, messages)
}

fn messages(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    for count in 0..ENOUGH {
        let active = scan.rest().first() == Some(&SOURCE_ACTIVE);
        let step = if active { source_active(&mut scan) } else { scan.expect(&KEEP_ALIVE) };
        match step {
            Err(Stop::Short) if count > 0 => return Ok(Proof::Heuristic),
            Ok(()) if active => break,
            step => step?,
        }
    }
    Ok(Proof::Structure)
}

fn source_active(scan: &mut Scan<'_>) -> Step<()> {
    const ENTRY_LEN: u64 = 12;
    scan.skip(1)?;
    let length = scan.be(2, 20..=9192)?;
    let entries = u64::from(scan.u8_if(|count| count > 0)?);
    // A packet may be encapsulated behind them.
    let rest = length.checked_sub(8 + ENTRY_LEN * entries).ok_or(Stop::Wrong)?;
    require(rest == 0 || rest >= 20)?;
    scan.be(4, 1..=0xdfff_ffff)?;
    // Reserved, prefix of a host, multicast group, source.
    scan.expect(&[0, 0, 0, 32])?;
    scan.be(4, 0xe000_0000..=0xefff_ffff)?;
    scan.be(4, 1..=0xdfff_ffff).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const ACTIVE: &[u8] = b"\x01\0\x14\x01\xc0\0\x02\x01\0\0\0\x20\xe8\x01\x02\x03\xc6\x33\x64\x07";

    #[test]
    fn active_sources_and_keep_alives() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(ACTIVE, Proof::Structure);
        tcp.server_proves(&[&[4, 0, 3][..], ACTIVE].concat(), Proof::Structure);
        tcp.client_proves(&[4, 0, 3], Proof::Heuristic);
        tcp.client_proves(&[4, 0, 3, 4, 0, 3], Proof::Structure);
        // What has been said is not taken back while the next message arrives.
        tcp.client_proves(&[4, 0, 3, 1, 0], Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in [(0, 2), (2, 19), (3, 2), (8, 1), (11, 24), (12, 10), (16, 240)] {
            let mut wrong = ACTIVE.to_vec();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.client(&[4, 0, 3, 9]), Match::No);
        assert_eq!(tcp.both(ACTIVE, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
