//! rsync: the protocol of rsync's daemon.
//!
//! Specification: rsync, "csprotocol.txt" and clientserver.c (exchange of protocols). Both sides open with `@RSYNCD:` and
//! their version.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rsync,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, version, version)
}

fn version(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"@RSYNCD: ")?;
        text.number(3)?;
        if text.peek()? == b'.' {
            text.literal(b".")?;
            text.number(3)?;
        }
        // The names of digests may follow.
        text.clone().one(|byte| matches!(byte, b'\n' | b' ' | b'\r'))?;
        match text.line(is_text) {
            Err(Match::No) => Ok(Match::No),
            _ => Ok(Match::Yes(Proof::Banner)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn versions() {
        let tcp = Trial::tcp(check);
        for version in
            [b"@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\n".as_slice(), b"@RSYNCD: 28\n", b"@RSYNCD: 30.0\n"]
        {
            tcp.client_proves(version, Proof::Banner);
            tcp.server_proves(version, Proof::Banner);
        }
        for other in [b"@RSYNCD: x\n".as_slice(), b"@RSYNC: 31\n", b"@RSYNCD: 31,0\n"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"@RSYNCD: 31.0\n", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
