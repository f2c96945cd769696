//! raknet: the game networking engine RakNet.
//!
//! Specification: RakNet's source (facebookarchive/RakNet, `MessageIdentifiers.h` and `RakPeer.cpp`). The messages of
//! which a connection is made hold a magic of sixteen bytes where their type has it, from either side.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Raknet,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[
        &[(0, |kind| matches!(kind, 0x01 | 0x02)), (9, is_magic_0)],
        &[(0, |kind| kind == 0x1c), (17, is_magic_0)],
        &[(0, |kind| kind == 0x19), (2, is_magic_0), (3, is_magic_1)],
        &[(0, is_offline), (1, is_magic_0), (2, is_magic_1)],
    ],
    stream: &[],
    check,
};

const MAGIC: [u8; 16] =
    [0, 0xff, 0xff, 0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78];

const fn is_magic_0(byte: u8) -> bool {
    byte == MAGIC[0]
}

const fn is_magic_1(byte: u8) -> bool {
    byte == MAGIC[1]
}

/// Pings and the pong, requests and replies of a connection, refusals. Programs number their messages anew: in all but
/// the first three the magic stands behind the number.
const fn magic_offset(kind: u8) -> usize {
    match kind {
        0x01 | 0x02 => 1 + 8,
        0x1c => 1 + 8 + 8,
        // Incompatible: the server's version comes first.
        0x19 => 1 + 1,
        _ => 1,
    }
}

/// Messages outside of a connection, of all versions: those within one set the top bit.
const fn is_offline(kind: u8) -> bool {
    kind < 0x80
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let offset = magic_offset(scan.u8_if(is_offline)?);
    scan.skip(offset - 1)?;
    scan.expect(&MAGIC)?;
    Ok(Proof::Banner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    #[test]
    fn offline_messages() {
        let udp = Trial::udp(check);
        let ping = [&[1, 0, 0, 0, 0, 0, 1, 2, 3][..], &MAGIC, &[9; 8]].concat();
        let pong = [&[0x1c][..], &[0; 16], &MAGIC, b"\0\x05MCPE;"].concat();
        let open = [&[5][..], &MAGIC, &[11], &[0; 400]].concat();
        let incompatible = [&[0x19, 11][..], &MAGIC, &[9; 8]].concat();
        udp.client_proves(&ping, Proof::Banner);
        udp.server_proves(&pong, Proof::Banner);
        udp.client_proves(&open, Proof::Banner);
        udp.server_proves(&incompatible, Proof::Banner);
        udp.client_proves(&[&[0x7b][..], &MAGIC, &[5; 40]].concat(), Proof::Banner);
        assert_eq!(udp.client(&ping[..24]), Match::No);
        assert_eq!(udp.client(&pong[..24]), Match::No);
        assert_eq!(udp.both(&ping, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
