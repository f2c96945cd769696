//! ceph: Ceph's messenger protocols, versions 1 and 2.
//!
//! Specifications: Ceph developer guide, "Network Protocol" (`ceph v027` and what follows it) and "msgr2 protocol" (banner). The
//! banner proves it, from either side.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ceph,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, banner, banner)
}

fn banner(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"ceph v")?;
    if scan.u8_if(|version| matches!(version, b'0' | b'2'))? == b'0' {
        scan.u8_if(|digit| digit.is_ascii_digit())?;
        scan.u8_if(|digit| digit.is_ascii_digit())?;
        return Ok(Proof::Banner);
    }
    scan.expect(b"\n")?;
    // The length of what follows: two sets of features.
    scan.le(2, 16..=0x400)?;
    Ok(Proof::Banner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const SECOND: &[u8] = b"ceph v2\n\x10\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0";

    #[test]
    fn banners() {
        let tcp = Trial::tcp(check);
        for banner in [SECOND, b"ceph v027\0\0\0\0"] {
            tcp.client_proves(banner, Proof::Banner);
            tcp.server_proves(banner, Proof::Banner);
            assert_eq!(tcp.both(banner, banner), Match::Yes(Proof::Banner));
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"ceph v3\n".as_slice(), b"ceph v2 is out", b"ceph v2\n\0\0", b"ceph v0.9"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(SECOND, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
