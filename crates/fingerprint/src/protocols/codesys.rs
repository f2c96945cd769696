//! codesys: CODESYS V3 over TCP.
//!
//! The layers are named in the CODESYS V3 manual ("Communication layers": block driver, router, channel); their formats are
//! unpublished and known from open implementations: the block driver for TCP puts a magic number and a length in front of
//! a datagram, whose own first byte is fixed. These prove it, from either side.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Codesys,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const MAGIC: [u8; 4] = [0x00, 0x01, 0x17, 0xe8];
const DATAGRAM: u8 = 0xc5;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, block, block)
}

fn block(message: Message<'_>) -> Step<Proof> {
    /// Magic and length themselves, and the smallest header of the router.
    const LEAST: u64 = 8 + 6;
    /// A block is at most 512 bytes; runtimes may be built for more.
    const MOST: u64 = 0xffff;
    let mut scan = message.scan();
    scan.expect(&MAGIC)?;
    scan.le(4, LEAST..=MOST)?;
    scan.expect(&[DATAGRAM])?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    /// A request to the name service.
    const NAME: &[u8] = &[
        0x00, 0x01, 0x17, 0xe8, 0x1c, 0, 0, 0, 0xc5, 0x6b, 0x40, 0x03, 0x00, 0x43, 0x2d, 0xdc, 0, 0, 0, 0,
        0x2d, 0xdf, 0x7f, 0x00, 0x00, 0x01, 0x83, 0x01,
    ];

    #[test]
    fn blocks_of_both_sides() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(NAME, Proof::Structure);
        tcp.server_proves(NAME, Proof::Structure);
        assert_eq!(tcp.both(NAME, NAME), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (offset, value) in [(0, 1), (3, 0xe9), (4, 8), (6, 1), (8, 0xc6)] {
            let mut wrong = NAME.to_vec();
            wrong[offset] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.both(NAME, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
