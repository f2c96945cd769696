//! chargen: the Character Generator Protocol: RFC 864.
//!
//! Proof: the pattern that the RFC recommends and servers send: lines of 72 characters, each the successor of the one
//! before in the ring of printable ones, each line one further on. What a client says is thrown away, so over TCP the
//! server must speak first.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{FROM_START, Form, LENGTH, Match, Probe, Sides, Transports};
use crate::text::{Step, Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Chargen,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        ASKS,
        &[
            (0, is_printable),
            (1, is_printable),
            (LENGTH, |length| length as usize >= LINE_LEN + b"\r\n".len()),
        ],
    ],
    stream: &[FROM_START],
    check,
};

const LINE_LEN: usize = 72;

const fn is_printable(byte: u8) -> bool {
    byte >= b' ' && byte <= b'~'
}

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        return answers(exchange, |side| match verdict(|| pattern(side.first_datagram())) {
            Match::Maybe => Match::No,
            answer => answer,
        });
    }
    if exchange.midstream || exchange.first == Speaker::Client {
        return Match::No;
    }
    verdict(|| pattern(exchange.server.bytes))
}

/// A datagram of the client's asks with nothing, or next to nothing.
pub(super) const ASKS: Form = &[(0, asks), (LENGTH, |length| length <= ASKING_LEN)];
const ASKING_LEN: u8 = 2;

const fn asks(byte: u8) -> bool {
    matches!(byte, 0 | b'\r' | b'\n')
}

pub(super) fn answers(exchange: &Exchange<'_>, answer: impl Fn(&Side<'_>) -> Match) -> Match {
    let asks = |side: &Side<'_>| {
        side.first_len <= u32::from(ASKING_LEN) && side.first_datagram().iter().all(|&byte| asks(byte))
    };
    let (client, server) = (&exchange.client, &exchange.server);
    match (asks(client), asks(server)) {
        (true, true) if client.is_empty() || server.is_empty() => Match::Maybe,
        (true, false) => answer(server),
        (false, true) if server.is_empty() || exchange.first == Speaker::Server => answer(client),
        _ => Match::No,
    }
}

fn pattern(bytes: &[u8]) -> Step<Match> {
    let mut text = Text::new(bytes);
    let first = text.one(is_printable)?;
    let mut last = first;
    for _ in 1..LINE_LEN {
        last = text.one(|byte| follows(last, byte))?;
    }
    text.literal(b"\r\n")?;
    if !text.rest().is_empty() {
        text.one(|byte| follows(first, byte))?;
    }
    Ok(Match::Yes(Proof::Structure))
}

/// Some leave the space out of the ring.
const fn follows(before: u8, byte: u8) -> bool {
    if before == b'~' { byte == b' ' || byte == b'!' } else { byte == before + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};
    use crate::trial::Trial;

    fn lines(count: u8) -> Vec<u8> {
        let line = |start: u8| (0..72u8).map(move |at| b' ' + (start + at) % 95).chain(*b"\r\n");
        (0..count).flat_map(line).collect()
    }

    #[test]
    fn the_pattern_over_both_transports() {
        Trial::tcp(check).server_proves(&lines(3), Proof::Structure);
        Trial::udp(check).server_proves(&lines(1), Proof::Structure);
        Trial::udp(check).client_proves(&lines(4), Proof::Structure);
        assert_eq!(Talk::udp().client(b"\n").ask(check), Match::Maybe);
        assert_eq!(Talk::udp().client(b"\n").server(&lines(1)).ask(check), Match::Yes(Proof::Structure));
        assert_eq!(Talk::tcp().server(&lines(1)).client(b"x").ask(check), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.server(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n"), Match::No);
        assert_eq!(tcp.client(&lines(1)), Match::No);
        assert_eq!(Talk::udp().client(b"ask").server(&lines(1)).ask(check), Match::No);
        assert_eq!(Talk::udp().client(b"\n").server(b"\n").ask(check), Match::No);
        let mut wrong = lines(2);
        wrong[74] = b' ';
        assert_eq!(tcp.server(&wrong), Match::No);
        tcp.refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
