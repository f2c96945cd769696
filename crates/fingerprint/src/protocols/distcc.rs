//! distcc: the distributed compiler.
//!
//! Specification: distcc, doc/protocol-1.txt to protocol-3.txt. Requests and replies are tokens of four letters with
//! eight hexadecimal digits; the first names the protocol's version, and another token follows.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Distcc,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(
        exchange,
        |client| verdict(|| tokens(client, b"DIST", &[b"ARGC", b"CDIR"])),
        |server| verdict(|| tokens(server, b"DONE", &[b"STAT"])),
    )
}

fn tokens(side: &Side<'_>, first: &[u8], second: &[&[u8]]) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    text.literal(first)?;
    text.literal(b"0000000")?;
    text.one(|version| (b'1'..=b'9').contains(&version))?;
    text.any_word(second)?;
    for _ in 0..8 {
        text.one(|byte| byte.is_ascii_hexdigit())?;
    }
    Ok(Match::Yes(Proof::Banner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn requests_and_replies() {
        let tcp = Trial::tcp(check);
        let request = b"DIST00000001ARGC00000005ARGV00000002cc";
        tcp.client_proves(request, Proof::Banner);
        tcp.client_proves(b"DIST00000003CDIR00000004/srcARGC00000005", Proof::Banner);
        tcp.server_proves(b"DONE00000001STAT00000000SERR00000000", Proof::Banner);
        assert_eq!(tcp.both(request, b"raw"), Match::No);
        for other in [b"DIST00000000ARGC".as_slice(), b"DIST00000001ARGX", b"DISTRIBUTED"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
