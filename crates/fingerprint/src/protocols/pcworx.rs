//! pcworx: Phoenix Contact's engineering protocol for its inline controllers.
//!
//! The protocol is unpublished; the first request is as several open tools send it and controllers accept it: two lengths
//! that agree, and the name of the interface that it asks for. These prove it. What the controller answers only fits.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Pcworx,
    transports: Transports::TCP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Open a session.
const OPEN: u8 = 1;
const REPLY: u8 = 0x80;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, reply)
}

fn request(message: Message<'_>) -> Step<Proof> {
    const HEADER: u64 = 14;
    const NAME: &[u8] = b"IBETH01N0_M\0";
    let total = HEADER + NAME.len() as u64;
    let mut scan = message.scan();
    scan.expect(&[1, OPEN])?;
    scan.be(2, total..=total)?;
    // Sequence, error, checksum.
    scan.skip(2)?;
    scan.expect(&[0, 0])?;
    scan.skip(2)?;
    scan.expect(&[0, 3, 0, NAME.len() as u8])?;
    scan.expect(NAME)?;
    Ok(Proof::Structure)
}

fn reply(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[1 | REPLY, OPEN])?;
    scan.be(2, 8..=0xff)?;
    Err(Stop::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const REQUEST: &[u8] = b"\x01\x01\0\x1a\0\0\0\0\x78\x80\0\x03\0\x0cIBETH01N0_M\0";
    const OPENED: &[u8] = b"\x81\x01\0\x14\0\0\0\0\x05\x43\0\0\0\x02\0\x08\0\x05\0\0";

    #[test]
    fn a_session_is_opened() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(REQUEST, Proof::Structure);
        assert_eq!(tcp.server(OPENED), Match::Maybe);
        assert_eq!(tcp.both(REQUEST, OPENED), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (offset, value) in [(0, 2), (1, 2), (3, 0x1b), (6, 1), (11, 4), (13, 11), (14, b'X'), (25, 1)] {
            let mut wrong = REQUEST.to_vec();
            wrong[offset] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.both(REQUEST, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
