//! graphite: metrics for Carbon, as lines of text or pickled.
//!
//! Specifications: Graphite documentation, "Feeding In Your Data" (the plaintext and the pickle protocol); Python's pickle
//! protocols 2 to 5 (PEP 307, PEP 3154, PEP 574). Two lines of path, value and time prove it, one is plausible; so does a
//! length with a pickled list behind it, from protocol 4 on with a frame's length that agrees. The client alone speaks.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::scan::{self, Scan, Stop};
use crate::text::{Step, Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Graphite,
    transports: Transports::TCP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |side| metrics(side.bytes), |_| Match::No)
}

fn metrics(bytes: &[u8]) -> Match {
    if bytes.first() == Some(&0) {
        return match pickle(&mut Scan::new(bytes)) {
            Ok(proof) => Match::Yes(proof),
            Err(Stop::Short) => Match::Maybe,
            Err(Stop::Wrong) => Match::No,
        };
    }
    verdict(|| {
        let mut text = Text::new(bytes);
        line(&mut text)?;
        match line(&mut text) {
            Ok(()) => Ok(Match::Yes(Proof::Banner)),
            Err(Match::No) => Ok(Match::No),
            Err(_) => Ok(Match::Yes(Proof::Heuristic)),
        }
    })
}

/// Whether a metric's name is made of parts: a long run of letters and digits is something else.
pub(super) fn is_separated(name: &[u8]) -> bool {
    const LONGEST_PART: usize = 24;
    name.get(..LONGEST_PART).is_none_or(|head| {
        head.iter().any(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'/' | b'='))
    })
}

/// Path, with tags; value; seconds since 1970, or -1 for now.
fn line(text: &mut Text<'_>) -> Step<()> {
    text.clone().one(|byte| byte.is_ascii_alphanumeric())?;
    if !is_separated(text.rest()) {
        return Err(Match::No);
    }
    text.run(3, 250, |byte| byte.is_ascii_alphanumeric() || b"._-;=:/%~+@#$&()<>[]{}*!'".contains(&byte))?;
    text.literal(b" ")?;
    text.one(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))?;
    text.run(0, 32, |byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'))?;
    text.literal(b" ")?;
    if text.peek()? == b'-' {
        text.literal(b"-1")?;
    } else {
        text.digits(9)?;
        text.run(0, 1, |byte| byte.is_ascii_digit())?;
        if text.peek()? == b'.' {
            text.literal(b".")?;
            text.run(0, 9, |byte| byte.is_ascii_digit())?;
        }
    }
    text.line(|_| false).map(drop)
}

/// Length, then PROTO and what pickles of a list begin with: EMPTY_LIST, and its memo or its first MARK; or FRAME.
fn pickle(scan: &mut Scan<'_>) -> scan::Step<Proof> {
    const LARGEST: u64 = 0x10_0000;
    const PROTO: u8 = 0x80;
    const FRAME: u8 = 0x95;
    const EMPTY_LIST: u8 = b']';
    let length = scan.be(4, 16..=LARGEST)?;
    scan.expect(&[PROTO])?;
    if scan.u8_if(|version| (2..=5).contains(&version))? < 4 {
        scan.expect(&[EMPTY_LIST])?;
        scan.u8_if(|opcode| matches!(opcode, b'q' | b'('))?;
        return Ok(Proof::Banner);
    }
    scan.expect(&[FRAME])?;
    let framed = length - 2 - 9;
    scan.le(8, framed..=framed)?;
    scan.expect(&[EMPTY_LIST])?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn lines() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"local.random.diceroll 4 1700000000\n", Proof::Heuristic);
        tcp.client_proves(b"servers.a.load 0.25 1700000000\r\nservers.b.load -1.5e-3 -1\r\n", Proof::Banner);
        tcp.client_proves(
            b"disk.used;datacenter=dc1;rack=a1 42 1700000000.5\nx.y 1 1700000000\n",
            Proof::Banner,
        );
    }

    #[test]
    fn pickles() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"\0\0\0\x2c\x80\x02]q\0(X\x03\0\0\0a.bq\x01", Proof::Banner);
        tcp.client_proves(b"\0\0\0\x2c\x80\x04\x95\x21\0\0\0\0\0\0\0]\x94", Proof::Structure);
        assert_eq!(tcp.client(b"\0\0\0\x2c\x80\x04\x95\x22\0\0\0\0\0\0\0]\x94"), Match::No);
        assert_eq!(tcp.client(b"\0\0\0\x2c\x80\x01\0\x01"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"DATA 1 2 3\n".as_slice(),
            b"GET /index.html HTTP/1.1\r\n",
            b"local.random four 1700000000\n",
            b"local.random 4 17000000001\n",
            b"local.random 4 1700000000\nhello world\n",
            b"put 1024 0 60 5\r\n",
            b"set key 0 900 5\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"a.b.c 4 1700000000\n", b"ok"), Match::No);
        assert_eq!(tcp.server(b"a.b.c 4 1700000000\n"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
