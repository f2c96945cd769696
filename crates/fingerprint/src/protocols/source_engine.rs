//! source-engine: the server queries of Valve's Source and GoldSrc engines, and the connection of their clients.
//!
//! Specification: Valve Developer Community, "Server queries".
//! Four bytes of ones and a query or answer of the form that its letter has prove it; a split answer has its first part
//! begin with them behind its own header.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::SourceEngine,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| matches!(byte, 0xff | 0xfe))]],
    stream: &[],
    check,
};

const SINGLE: [u8; 4] = [0xff; 4];
const SPLIT: [u8; 4] = [0xfe, 0xff, 0xff, 0xff];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let bytes = message.bytes;
    let whole = bytes.len() == message.total;
    let fits = match bytes.split_first_chunk() {
        Some((&SINGLE, rest)) => is_message(rest, whole),
        // Behind an id, counts, and in Source's form a size.
        Some((&SPLIT, rest)) => [5, 8].into_iter().any(|offset| {
            rest.get(offset..)
                .and_then(<[u8]>::split_first_chunk)
                .is_some_and(|(head, rest)| *head == SINGLE && is_message(rest, false))
        }),
        _ => false,
    };
    if fits { Ok(Proof::Banner) } else { Err(Stop::Wrong) }
}

fn is_message(message: &[u8], whole: bool) -> bool {
    const INFO: &[u8] = b"Source Engine Query\0";
    let Some((&kind, rest)) = message.split_first() else { return false };
    match kind {
        b'T' => rest.strip_prefix(INFO).is_some_and(|challenge| matches!(challenge.len(), 0 | 4)),
        // Players and rules: a challenge, or a request for one; the oldest form has a query of its own.
        b'U' | b'V' | b'A' => rest.len() == 4 && whole,
        b'W' | b'i' => rest.is_empty() && whole,
        // Ping: zeros.
        b'j' => rest.starts_with(b"000") || rest == [0],
        // Protocol, then the server's name.
        b'I' => is_string(rest.get(1..).unwrap_or_default()),
        // GoldSrc: the address first.
        b'm' => is_string(rest),
        // Players: a count, an index, a name. Rules: a count, a name.
        b'D' => matches!(rest, [0]) || matches!(rest, [(1..), _, name @ ..] if name.contains(&0)),
        b'E' => matches!(rest, [_, 0..=3, name @ ..] if is_string(name)),
        b'q' => rest.starts_with(b"connect0x"),
        b'g' => rest.starts_with(b"etchallenge steam"),
        _ => false,
    }
}

/// Text up to a zero byte; what a server is called may be in any charset.
fn is_string(bytes: &[u8]) -> bool {
    let end = bytes.iter().position(|&byte| byte == 0);
    end.is_some_and(|end| {
        end > 0 && bytes[..end].iter().all(|&byte| byte >= 0x20 && byte != 0x7f || byte < 0x10 && byte != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    #[test]
    fn queries_and_answers() {
        let udp = Trial::udp(check);
        for query in [
            b"\xff\xff\xff\xffTSource Engine Query\0".as_slice(),
            b"\xff\xff\xff\xffTSource Engine Query\0\x01\x02\x03\x04",
            b"\xff\xff\xff\xffU\xff\xff\xff\xff",
            b"\xff\xff\xff\xffV\x0a\x0b\x0c\x0d",
            b"\xff\xff\xff\xffW",
            b"\xff\xff\xff\xffi",
            b"\xff\xff\xff\xffgetchallenge steam\n",
        ] {
            udp.client_proves(query, Proof::Banner);
        }
        for answer in [
            b"\xff\xff\xff\xffI\x11My server\0de_dust2\0cstrike\0Counter-Strike\0".as_slice(),
            b"\xff\xff\xff\xffA\x0a\x0b\x0c\x0d",
            b"\xff\xff\xff\xffD\x01\0alice\0\x05\0\0\0\0\0\x80\x3f",
            b"\xff\xff\xff\xffE\x02\0mp_timelimit\x0030\0",
            b"\xff\xff\xff\xffm192.0.2.1:27015\0name\0",
            b"\xfe\xff\xff\xff\x01\0\0\0\x02\0\xe0\x04\xff\xff\xff\xffE\x90\0mp_x\0",
            b"\xfe\xff\xff\xff\x01\0\0\0\x02\xff\xff\xff\xffE\x90\0mp_x\0",
        ] {
            udp.server_proves(answer, Proof::Banner);
        }
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for other in [
            b"\xff\xff\xff\xffgetstatus\n".as_slice(),
            b"\xff\xff\xff\xffinfo\n",
            b"\xff\xff\xff\xffTSource Engine Quest\0",
            b"\xff\xff\xff\xffU\xff\xff\xff",
            b"\xff\xff\xff\xffI\x11\0",
            b"\xff\xff\xff\xff",
            &[0xff; 9],
        ] {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(udp.both(b"\xff\xff\xff\xffi", b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
