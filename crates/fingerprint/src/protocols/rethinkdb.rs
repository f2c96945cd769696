//! rethinkdb: RethinkDB's client protocol.
//!
//! Specification: RethinkDB, "Writing RethinkDB drivers", and `ql2.proto` (Version, Protocol). The client opens with the magic
//! number of a version, which proves it; then, up to V0_4, a key and the number of a wire format, later JSON. The server
//! answers with JSON or `SUCCESS`, ended by NUL.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rethinkdb,
    transports: Transports::TCP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// V0_1 to V0_4, and V1_0, little-endian.
const MAGIC: [[u8; 4]; 5] = [
    0x3f61_ba36_u32.to_le_bytes(),
    0x7230_81e1_u32.to_le_bytes(),
    0x5f75_e83e_u32.to_le_bytes(),
    0x400c_2d20_u32.to_le_bytes(),
    0x34c2_bdc3_u32.to_le_bytes(),
];

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, client, |message| if asked { server(message) } else { Err(Stop::Wrong) })
}

fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let seen = scan.take_up_to(4);
    let version = MAGIC.iter().position(|magic| magic.starts_with(seen)).ok_or(Stop::Wrong)?;
    if seen.len() < 4 {
        return Err(Stop::Short);
    }
    match (version, scan.rest().first()) {
        (_, None) => {}
        // Requests of the first version follow at once.
        (0, _) => {}
        (4, Some(&next)) => require(next == b'{')?,
        // The length of the key.
        _ if scan.le(4, 0..=0x0800) == Err(Stop::Wrong) => return Err(Stop::Wrong),
        _ => {}
    }
    Ok(Proof::Banner)
}

fn server(message: Message<'_>) -> Step<Proof> {
    let seen = message.bytes;
    let fits = |text: &[u8]| seen.iter().zip(text).all(|(seen, wanted)| seen == wanted);
    require(fits(b"{") || fits(b"SUCCESS\0") || fits(b"ERROR: "))?;
    Err(Stop::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const OPEN: &[u8] =
        b"\xc3\xbd\xc2\x34{\"protocol_version\":0,\"authentication_method\":\"SCRAM-SHA-256\"}\0";

    #[test]
    fn openings() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(OPEN, Proof::Banner);
        tcp.client_proves(b"\x20\x2d\x0c\x40\0\0\0\0\xc7\x70\x69\x7e", Proof::Banner);
        tcp.client_proves(b"\x3e\xe8\x75\x5f\x03\0\0\0key\xc7\x70\x69\x7e", Proof::Banner);
        assert_eq!(tcp.both(OPEN, b"{\"success\":true}\0"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(b"\x20\x2d\x0c\x40\0\0\0\0", b"SUCCESS\0"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\xc3\xbd\xc2\x35"), Match::No);
        assert_eq!(tcp.client(b"\xc3\xbd\xc2\x34\x01"), Match::No);
        assert_eq!(tcp.client(b"\x20\x2d\x0c\x40\xff\xff\xff\xff"), Match::No);
        assert_eq!(tcp.both(OPEN, b"HTTP/1.1 400"), Match::No);
        assert_eq!(tcp.server(b"SUCCESS\0"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
