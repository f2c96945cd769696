//! Syslog: RFC 5424 and what RFC 3164 found in use, over UDP (RFC 5426) and TCP (RFC 6587).
//!
//! Proof: `<PRI>` with a priority of 0 to 191, without leading zeros, then text: a version and time stamp, or words. Over
//! TCP a message may be preceded by its length. One side speaks, usually the client.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Syslog,
    transports: Transports::TCP_UDP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| byte == b'<')]],
    stream: &[],
    check,
};

/// How much text behind the priority is asked for.
const WORDS: usize = 16;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        return weigh(exchange, datagram, datagram);
    }
    weigh(exchange, stream, |_| Match::No)
}

fn datagram(side: &Side<'_>) -> Match {
    let first = side.first_datagram();
    match verdict(|| message(Text::new(first))) {
        // Short, and whole: that it is all text behind a priority must do.
        Match::Maybe if !side.first_is_cut() && first.last() == Some(&b'>') => Match::No,
        Match::Maybe if first.contains(&b'>') => Match::Yes(Proof::Banner),
        Match::Maybe => Match::No,
        answer => answer,
    }
}

fn stream(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        if text.peek()?.is_ascii_digit() {
            text.number(5)?;
            text.literal(b" ")?;
        }
        message(text)
    })
}

fn message(mut text: Text<'_>) -> Step<Match> {
    text.literal(b"<")?;
    let padded = text.peek()? == b'0';
    let digits = text.rest();
    let priority = text.number(3)?;
    text.literal(b">")?;
    let count = digits.len() - text.rest().len() - 1;
    if priority > 191 || (padded && count > 1) {
        return Ok(Match::No);
    }
    // A line may end early; some senders end a message with NUL.
    let words = &text.rest()[..text.rest().len().min(WORDS)];
    let end = words.iter().position(|&byte| !is_text(byte));
    match end.map(|end| (end, words[end])) {
        Some((0, _)) => Ok(Match::No),
        Some((_, b'\r' | b'\n' | 0)) => Ok(Match::Yes(Proof::Banner)),
        Some(_) => Ok(Match::No),
        None if words.len() < WORDS => Err(Match::Maybe),
        None => Ok(Match::Yes(Proof::Banner)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const NEW: &[u8] = b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - failed";
    const OLD: &[u8] = b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed";
    const CISCO: &[u8] = b"<189>29: *Feb 14 09:40:10.326: %SYS-5-CONFIG_I: Configured";

    #[test]
    fn datagrams() {
        let udp = Trial::udp(check);
        for message in [NEW, OLD, CISCO, b"<0>a\n", b"<191>short", b"<13>ends with NUL\0"] {
            assert_eq!(udp.client(message), Match::Yes(Proof::Banner), "{}", message.escape_ascii());
        }
    }

    #[test]
    fn streams() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(NEW, Proof::Banner);
        tcp.client_proves(OLD, Proof::Banner);
        tcp.client_proves(&[b"71 ".as_slice(), NEW].concat(), Proof::Banner);
        assert_eq!(tcp.both(NEW, b"ok"), Match::No);
        assert_eq!(tcp.server(NEW), Match::No);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for other in [
            b"<192>a".as_slice(),
            b"<034>a",
            b"<>a",
            b"<34>",
            b"<34",
            b"<34>\x01",
            b"<34>abc\x01",
            b"<a>b</a>",
            b"34>a",
        ] {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
        udp.refuses_noise(4000);
        Trial::tcp(check).refuses_noise(2000);
    }
}
