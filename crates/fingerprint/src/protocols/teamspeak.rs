//! teamspeak: the voice protocol of TeamSpeak 3 and later.
//!
//! Specification: unpublished; as clients and servers have it, described in "TS3 protocol paper" (ReSpeak/tsdeclarations).
//! The handshake's packets hold `TS3INIT1` in place of an authentication code, then the packet's id, 101, and the type.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Teamspeak,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| byte == MAGIC[0])]],
    stream: &[],
    check,
};

const MAGIC: &[u8; 8] = b"TS3INIT1";

fn check(exchange: &Exchange<'_>) -> Match {
    weigh_either_way(exchange, |message| packet(message, true), |message| packet(message, false))
}

fn packet(message: Message<'_>, from_client: bool) -> Step<Proof> {
    /// Init1, unencrypted.
    const TYPE: u8 = 0x88;
    let mut scan = message.scan();
    scan.expect(MAGIC)?;
    scan.expect(&[0, 101])?;
    if from_client {
        // No id yet.
        scan.expect(&[0, 0])?;
    }
    scan.expect(&[TYPE])?;
    Ok(Proof::Banner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    #[test]
    fn the_handshake() {
        let udp = Trial::udp(check);
        let hello =
            b"TS3INIT1\0\x65\0\0\x88\x06\x3b\xec\xe9\0\x5b\x97\x0c\x4c\x11\x22\x33\x44\0\0\0\0\0\0\0\0";
        let cookie = b"TS3INIT1\0\x65\x88\x01\xaa\xbb\xcc\xdd\xaa\xbb\xcc\xdd\xaa\xbb\xcc\xdd\xaa\xbb\xcc\xdd\x44\x33\x22\x11";
        udp.client_proves(hello, Proof::Banner);
        udp.server_proves(cookie, Proof::Banner);
        assert_eq!(udp.both(hello, cookie), Match::Yes(Proof::Banner));
        assert_eq!(udp.client(b"TS3INIT2\0\x65\0\0\x88"), Match::No);
        assert_eq!(udp.client(b"TS3INIT1\0\x64\0\0\x88"), Match::No);
        assert_eq!(udp.both(hello, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
