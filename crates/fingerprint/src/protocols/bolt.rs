//! bolt: Neo4j's Bolt protocol.
//!
//! Specification: Neo4j, "Bolt Protocol handshake specification". The client's twenty bytes prove it: a magic number and four
//! proposed versions, each with a reserved zero byte; the server answers with one of them, or with zeros.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Bolt,
    transports: Transports::TCP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const MAGIC: [u8; 4] = [0x60, 0x60, 0xb0, 0x17];

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, client, |message| if asked { server(message) } else { Err(Stop::Wrong) })
}

fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&MAGIC)?;
    for _ in 0..4 {
        // Range, minor and major; the manifest of version 5.7 is 255.1.
        scan.expect(&[0])?;
        scan.skip(3)?;
    }
    Ok(Proof::Structure)
}

fn server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[0, 0])?;
    let _minor = scan.u8()?;
    scan.u8_if(|major| major <= 16 || major == 0xff)?;
    Err(Stop::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const OPEN: &[u8] = b"\x60\x60\xb0\x17\0\0\x01\xff\0\x08\x08\x05\0\x02\x04\x04\0\0\0\x03";

    #[test]
    fn handshakes() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(OPEN, Proof::Structure);
        tcp.client_proves(b"\x60\x60\xb0\x17\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0", Proof::Structure);
        assert_eq!(tcp.both(OPEN, b"\0\0\x04\x05"), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(OPEN, b"\0\0\0\0"), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\x60\x60\xb0\x18"), Match::No);
        assert_eq!(tcp.client(b"\x60\x60\xb0\x17\x01"), Match::No);
        assert_eq!(tcp.both(OPEN, b"HTTP"), Match::No);
        assert_eq!(tcp.server(b"\0\0\x04\x05"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
