//! stomp: the Simple Text Oriented Messaging Protocol.
//!
//! Specifications: STOMP 1.0, 1.1 and 1.2 (stomp.github.io), "STOMP Frames" and "Connecting". A frame proves it, from
//! either side: a command on a line of its own and a header that the protocol defines, or headers, an empty line and the
//! NUL that ends the frame.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, Verbs, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Stomp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const CONNECT: &Verbs = &Verbs::new(&[b"CONNECT", b"STOMP"]);
const CLIENT: &Verbs =
    &Verbs::new(&[b"CONNECT", b"STOMP", b"SEND", b"SUBSCRIBE", b"UNSUBSCRIBE", b"ACK", b"NACK"]);
const CONNECTED: &Verbs = &Verbs::new(&[b"CONNECTED", b"ERROR"]);
const SERVER: &Verbs = &Verbs::new(&[b"CONNECTED", b"ERROR", b"MESSAGE", b"RECEIPT"]);

/// Headers of the specification, and `message` and `client-id`, which brokers have in common.
const HEADERS: [&[u8]; 20] = [
    b"accept-version",
    b"host",
    b"login",
    b"passcode",
    b"heart-beat",
    b"version",
    b"session",
    b"server",
    b"message",
    b"message-id",
    b"content-type",
    b"content-length",
    b"destination",
    b"subscription",
    b"receipt",
    b"receipt-id",
    b"transaction",
    b"client-id",
    b"id",
    b"ack",
];

/// Unknown headers that are looked past.
const PATIENCE: usize = 8;

fn check(exchange: &Exchange<'_>) -> Match {
    let (client, server) = if exchange.midstream { (CLIENT, SERVER) } else { (CONNECT, CONNECTED) };
    weigh(exchange, |side| frame(side, client), |side| frame(side, server))
}

fn frame(side: &Side<'_>, commands: &Verbs) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.clone().one(|byte| byte.is_ascii_uppercase())?;
        text.verb(commands)?;
        // Nothing else on the line, but the CR that 1.2 allows.
        if !text.line(is_text)?.is_empty() {
            return Ok(Match::No);
        }
        for _ in 0..PATIENCE {
            if matches!(text.peek()?, b'\n' | b'\r') {
                text.line(is_text)?;
                text.literal(b"\0")?;
                return Ok(Match::Yes(Proof::Banner));
            }
            let name = text.run(1, 64, |byte| byte.is_ascii_graphic() && byte != b':')?;
            text.literal(b":")?;
            if HEADERS.contains(&name) {
                return Ok(Match::Yes(Proof::Banner));
            }
            text.line(is_text)?;
        }
        Ok(Match::No)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const OPEN: &[u8] = b"CONNECT\naccept-version:1.0,1.1,1.2\nhost:example.org\n\n\0";
    const OPENED: &[u8] = b"CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0";

    #[test]
    fn connections() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(OPEN, Proof::Banner);
        tcp.client_proves(b"STOMP\r\nhost:a\r\n\r\n\0", Proof::Banner);
        tcp.client_proves(b"CONNECT\nlogin: guest\npasscode:guest\n\n\0", Proof::Banner);
        tcp.client_proves(b"CONNECT\n\n\0", Proof::Banner);
        tcp.client_proves(b"CONNECT\nx-own:1\n\n\0", Proof::Banner);
        tcp.server_proves(OPENED, Proof::Banner);
        tcp.server_proves(b"ERROR\nmessage:Access refused.\n\nbody\0", Proof::Banner);
        assert_eq!(tcp.both(OPEN, OPENED), Match::Yes(Proof::Banner));
    }

    #[test]
    fn midstream_frames() {
        let tcp = Trial::tcp(check).midstream();
        tcp.client_proves(b"SEND\ndestination:/queue/a\n\nhello\0", Proof::Banner);
        tcp.server_proves(b"MESSAGE\nsubscription:0\nmessage-id:7\n\nhello\0", Proof::Banner);
        assert_eq!(Trial::tcp(check).client(b"SEND\ndestination:/queue/a\n\nhello\0"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"CONNECT example.org:443 HTTP/1.1\r\n".as_slice(),
            b"CONNECT {\"verbose\":false}\r\n",
            b"CONNECT\n\nhello",
            b"connect\nhost:a\n",
            b"STOMP\nno header\n",
            b"STOMPS\nhost:a\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"ERROR\r\n\r\nhello"), Match::No);
        assert_eq!(tcp.both(OPEN, b"HTTP/1.1 400"), Match::No);
        tcp.refuses_noise(10_000);
    }
}
