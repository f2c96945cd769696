//! pcep: the Path Computation Element Protocol: RFC 5440, sections 6.1 and 6.2, 7.2 and 7.3.
//!
//! A session opens with an Open message from either side: version, type, a length in words, and the OPEN object that
//! fills it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Pcep,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, open, open)
}

fn open(message: Message<'_>) -> Step<Proof> {
    /// Version 1 in the upper three bits, no flags; Open.
    const HEADER: [u8; 2] = [1 << 5, 1];
    const COMMON_LEN: u64 = 4;
    let mut scan = message.scan();
    scan.expect(&HEADER)?;
    let length = scan.be(2, 12..=1024)?;
    require(length % 4 == 0)?;
    // Object class and type 1; processing flags are free.
    scan.expect(&[1])?;
    scan.u8_if(|byte| byte & 0xfc == 0x10)?;
    scan.be(2, length - COMMON_LEN..=length - COMMON_LEN)?;
    scan.expect(&HEADER[..1])?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn opens_from_either_side() {
        let tcp = Trial::tcp(check);
        for open in [
            b"\x20\x01\0\x0c\x01\x10\0\x08\x20\x1e\x78\x01".as_slice(),
            b"\x20\x01\0\x14\x01\x10\0\x10\x20\x1e\x78\x01\0\x10\0\x04\0\0\0\x05",
        ] {
            tcp.client_proves(open, Proof::Structure);
            tcp.server_proves(open, Proof::Structure);
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"\x40\x01\0\x0c\x01\x10\0\x08\x20\x1e\x78\x01".as_slice(),
            b"\x20\x02\0\x0c\x01\x10\0\x08\x20\x1e\x78\x01",
            b"\x20\x01\0\x0d\x01\x10\0\x09\x20\x1e\x78\x01",
            b"\x20\x01\0\x0c\x01\x10\0\x0c\x20\x1e\x78\x01",
            b"\x20\x01\0\x0c\x01\x20\0\x08\x20\x1e\x78\x01",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(100_000);
    }
}
