//! ignite: Apache Ignite's thin client protocol, with that of its ODBC and JDBC drivers.
//!
//! Specifications: Apache Ignite documentation, "Binary Client Protocol" (handshake); of Ignite 3, IEP-76 (thin client
//! protocol). The client's handshake proves it: length, code 1, three version numbers, kind of client, and, where
//! nothing follows, a length of eight. Ignite 3 opens both sides with four letters.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ignite,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const MAGIC: &[u8] = b"IGNI";

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, client, |message| server(message, asked))
}

fn client(message: Message<'_>) -> Step<Proof> {
    const FIXED: u64 = 8;
    let mut scan = message.scan();
    // A length of 73 ("I") is possible too.
    if scan.rest().starts_with(&MAGIC[..2]) || scan.rest() == &MAGIC[..1] {
        scan.expect(MAGIC)?;
        return Ok(Proof::Banner);
    }
    scan.le(4, FIXED..=0x1000)?;
    scan.expect(&[1])?;
    scan.le(2, 1..=3)?;
    scan.le(2, 0..=32)?;
    scan.le(2, 0..=32)?;
    // ODBC, JDBC, thin client.
    scan.u8_if(|client| client <= 2)?;
    Ok(Proof::Structure)
}

/// Length, and whether the handshake succeeded: nothing without the question.
fn server(message: Message<'_>, asked: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.rest().first() == Some(&MAGIC[0])
        && (!asked || scan.rest().get(1).is_some_and(|&byte| byte == MAGIC[1]))
    {
        scan.expect(MAGIC)?;
        return Ok(Proof::Banner);
    }
    if !asked {
        return Err(Stop::Wrong);
    }
    scan.le(4, 1..=0x4000)?;
    scan.u8_if(|success| success <= 1)?;
    Err(Stop::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const HANDSHAKE: &[u8] = b"\x08\0\0\0\x01\x01\0\x02\0\0\0\x02";

    #[test]
    fn handshakes() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(HANDSHAKE, Proof::Structure);
        let with_user = b"\x49\0\0\0\x01\x02\0\x08\0\0\0\x01\x09\x06\0\0\0ignite";
        tcp.client_proves(with_user, Proof::Structure);
        tcp.client_proves(b"IGNI\0\0\0\x05\x03\0\0\x02", Proof::Banner);
        tcp.server_proves(b"IGNI\0\0\0\x05\x03\0\0\xc0", Proof::Banner);
        assert_eq!(tcp.both(HANDSHAKE, b"\x01\0\0\0\x01"), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in [(0, 7), (4, 2), (5, 9), (7, 99), (11, 3)] {
            let mut wrong = HANDSHAKE.to_vec();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.client(b"IGNORE"), Match::No);
        assert_eq!(tcp.server(b"\x01\0\0\0\x01"), Match::No);
        assert_eq!(tcp.both(HANDSHAKE, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
