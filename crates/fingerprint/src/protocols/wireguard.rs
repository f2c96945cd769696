//! WireGuard: the whitepaper, section 5.4 (messages).
//!
//! Proven from either side by structure: a type, three zero bytes and the length of that type, and between the two
//! sides the index that answers the other's. A transport message alone is a heuristic; two with one index and
//! rising counters prove each other.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Wireguard,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, 1..=4))]],
    stream: &[],
    check,
};

const INITIATION_LEN: usize = 148;
const RESPONSE_LEN: usize = 92;
const COOKIE_REPLY_LEN: usize = 64;
/// Header, and the tag of an empty packet: a keep-alive.
const TRANSPORT_MIN: usize = 32;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, side, side).or(handshake(&exchange.client, &exchange.server))
}

/// A handshake whose messages were padded, as some services do: the response must name the initiation's sender.
fn handshake(client: &Side<'_>, server: &Side<'_>) -> Match {
    let sender = index(client, 1, 4, INITIATION_LEN).filter(|_| is_without_cookie(client, INITIATION_LEN));
    let receiver = index(server, 2, 8, RESPONSE_LEN - 1).filter(|_| is_without_cookie(server, RESPONSE_LEN));
    match (sender, receiver) {
        (Some(_), None) if server.is_empty() => Match::Maybe,
        (None, Some(_)) if client.is_empty() => Match::Maybe,
        (Some(sender), Some(receiver)) if sender == receiver => Match::Yes(Proof::Structure),
        _ => Match::No,
    }
}

/// The last field of a handshake message is zero where no cookie was asked for: mac2 of the paper's section 5.4.4. What is
/// padded stands before it or behind it.
fn is_without_cookie(side: &Side<'_>, len: usize) -> bool {
    let bytes = side.first_datagram();
    let is_zero = |end: usize| bytes.get(end - 16..end).is_some_and(|mac2| *mac2 == [0; 16]);
    is_zero(len) || is_zero(side.first_len as usize)
}

/// The index at `at` in a message of this type that is longer than `len`.
fn index<'a>(side: &Side<'a>, kind: u8, at: usize, len: usize) -> Option<&'a [u8]> {
    let datagram = side.first_datagram();
    let fits = datagram.starts_with(&[kind, 0, 0, 0]) && side.first_len as usize > len;
    datagram.get(at..at + 4).filter(|_| fits)
}

fn side(side: &Side<'_>) -> Match {
    let Some(first) = message(side.first_datagram(), side.first_len as usize) else { return Match::No };
    let Message::Transport { receiver, counter } = first else { return Match::Yes(Proof::Structure) };
    match side.datagrams().nth(1) {
        None => Match::Yes(Proof::Heuristic),
        // The bound may have cut the second one: then its length is not known.
        Some(second) => match message(second, second.len().next_multiple_of(16)) {
            Some(Message::Transport { receiver: same, counter: next })
                if same == receiver && next > counter =>
            {
                Match::Yes(Proof::Structure)
            }
            Some(_) => Match::Yes(Proof::Heuristic),
            None if second.len() < 16 => Match::Yes(Proof::Heuristic),
            None => Match::No,
        },
    }
}

enum Message {
    Handshake,
    Transport { receiver: u32, counter: u64 },
}

fn message(bytes: &[u8], len: usize) -> Option<Message> {
    let mut reader = Reader::new(bytes);
    match (reader.u32_le()?, len) {
        (1, INITIATION_LEN) | (2, RESPONSE_LEN) | (3, COOKIE_REPLY_LEN) => Some(Message::Handshake),
        (4, len) if len >= TRANSPORT_MIN && len % 16 == 0 => {
            let receiver = reader.u32_le()?;
            let counter = u64::from(reader.u32_le()?) | u64::from(reader.u32_le()?) << 32;
            // REJECT-AFTER-MESSAGES is far, but keys live 180 seconds: 2^32 packets do not fit (section 6.1).
            (counter < 1 << 32).then_some(Message::Transport { receiver, counter })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, random_yeses};

    const STRUCTURE: Match = Match::Yes(Proof::Structure);
    const HEURISTIC: Match = Match::Yes(Proof::Heuristic);

    fn of_type(kind: u8, len: usize) -> Vec<u8> {
        [&[kind, 0, 0, 0][..], &Noise::new(8).bytes(len - 4)].concat()
    }

    fn transport(counter: u64, len: usize) -> Vec<u8> {
        [&[4, 0, 0, 0, 1, 2, 3, 4][..], &counter.to_le_bytes(), &Noise::new(8).bytes(len - 16)].concat()
    }

    #[test]
    fn handshake() {
        assert_eq!(Talk::udp().client(&of_type(1, 148)).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().client(&of_type(1, 148)).server(&of_type(2, 92)).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().client(&of_type(1, 148)).server(&of_type(3, 64)).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().server(&of_type(2, 92)).ask(check), STRUCTURE);
    }

    #[test]
    fn a_padded_handshake_needs_the_answer() {
        let (mut initiation, mut response) = (of_type(1, 204), of_type(2, 100));
        assert_eq!(Talk::udp().client(&initiation).ask(check), Match::No);
        initiation[132..148].fill(0);
        response[76..92].fill(0);
        response[8..12].copy_from_slice(&initiation[4..8]);
        assert_eq!(Talk::udp().client(&initiation).ask(check), Match::Maybe);
        assert_eq!(Talk::udp().client(&initiation).server(&response).ask(check), STRUCTURE);
        response[8] ^= 1;
        assert_eq!(Talk::udp().client(&initiation).server(&response).ask(check), Match::No);
    }

    #[test]
    fn transport_messages() {
        assert_eq!(Talk::udp().client(&transport(9, 96)).ask(check), HEURISTIC);
        assert_eq!(Talk::udp().client(&transport(9, 96)).client(&transport(10, 1424)).ask(check), STRUCTURE);
        assert_eq!(
            Talk::udp().client(&transport(9, 96)).client(b"something else, longer").ask(check),
            Match::No
        );
    }

    #[test]
    fn near_misses() {
        assert_eq!(Talk::udp().client(&of_type(1, 147)).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&of_type(5, 148)).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&transport(u64::MAX, 96)).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&of_type(1, 148)).server(b"raw").ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
