//! tridium-fox: Fox, the protocol of Niagara stations.
//!
//! Tridium publishes no specification; the NiagaraAX and Niagara 4 documents name the service, and its messages are text: a
//! line of "fox", kind, sequence, the number that it replies to, channel and command, then a body in braces. That line
//! proves it, from either side.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::TridiumFox,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(side: &Side<'_>) -> Match {
    const NUMBER: usize = 10;
    const NAME: usize = 32;
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"fox ")?;
        text.one(|kind| kind.is_ascii_lowercase())?;
        text.literal(b" ")?;
        text.run(1, NUMBER, |byte| byte.is_ascii_digit())?;
        text.literal(b" ")?;
        if text.peek()? == b'-' {
            text.literal(b"-")?;
        }
        text.run(1, NUMBER, |byte| byte.is_ascii_digit())?;
        text.literal(b" ")?;
        text.run(1, NAME, |byte| byte.is_ascii_alphanumeric())?;
        text.literal(b" ")?;
        text.run(1, NAME, |byte| byte.is_ascii_alphanumeric())?;
        text.one(|byte| matches!(byte, b'\r' | b'\n'))?;
        Ok(Match::Yes(Proof::Banner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const HELLO: &[u8] = b"fox a 1 -1 fox hello\n{\nfox.version=s:1.0\nid=i:1\n};;\n";
    const ANSWER: &[u8] = b"fox a 0 -1 fox hello\n{\nfox.version=s:1.0\nid=i:191\nhostName=s:station\n};;\n";

    #[test]
    fn hellos() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(HELLO, Proof::Banner);
        tcp.server_proves(ANSWER, Proof::Banner);
        tcp.client_proves(b"fox r 12 7 sys keepAlive\n{\n};;\n", Proof::Banner);
        assert_eq!(tcp.both(HELLO, ANSWER), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"fox jumps over\n".as_slice(),
            b"fox a b",
            b"fox a 1 x",
            b"fox a 1 -1 fox hello there\n",
            b"FOX a 1 -1 fox hello\n",
            b"foxes",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(HELLO, b"HTTP/1.1 400 Bad Request\r\n"), Match::No);
        tcp.refuses_noise(2000);
    }
}
