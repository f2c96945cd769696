//! Which probes are worth asking, by what flows start with that were seen of late.
//!
//! A first byte leaves some twenty probes of those for TCP. But most flows start as others did: then those that do not
//! refuse these bytes need not be looked for again. Nothing else is remembered, so that the answers are the same.

use crate::answer::Answer;
use crate::dispatch::{PORTS, Selection};
use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::{Stage, identify_by};
use crate::probe::Match;
use offport_wire::Transport;

/// Bytes that are compared.
const HEAD: usize = 8;

/// Beginnings that are remembered.
const ENTRIES: usize = 256;

/// [`identify`](crate::identify()) for many flows, one after the other.
#[derive(Clone, Debug)]
pub struct Identifier {
    entries: Box<[Entry; ENTRIES]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: Key,
    /// Not asked for before it is the second time in a row: a beginning that comes once is not worth it.
    selection: Option<Selection>,
}

/// Everything that what probes say of a beginning depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    head: u64,
    first: u8,
    /// Position in [`PORTS`].
    port: u8,
}

impl Default for Identifier {
    fn default() -> Self {
        Self { entries: Box::new([Entry::default(); ENTRIES]) }
    }
}

impl Identifier {
    /// As [`identify`](crate::identify()).
    pub fn identify(&mut self, exchange: &Exchange<'_>, stage: Stage) -> Answer {
        identify_by(exchange, stage, |exchange| self.select(exchange))
    }

    fn select(&mut self, exchange: &Exchange<'_>) -> Selection {
        let selection = Selection::for_exchange(exchange);
        let Some(key) = Key::of(exchange) else { return selection };
        let entry = &mut self.entries[key.place()];
        if entry.key != key {
            *entry = Entry { key, selection: None };
            return selection;
        }
        *entry.selection.get_or_insert_with(|| narrow(selection, exchange))
    }
}

impl Key {
    fn of(exchange: &Exchange<'_>) -> Option<Self> {
        if exchange.transport != Transport::TCP || exchange.midstream {
            return None;
        }
        let head = u64::from_le_bytes(*opening(exchange).bytes.first_chunk()?);
        let port = PORTS.iter().position(|&port| port == exchange.server_port);
        Some(Self { head, first: exchange.first as u8, port: port.unwrap_or(PORTS.len()) as u8 })
    }

    fn place(self) -> usize {
        let mixed = (self.head ^ u64::from(self.port) << 8 ^ u64::from(self.first))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 56) as usize % ENTRIES
    }
}

fn opening<'a, 'b>(exchange: &'b Exchange<'a>) -> &'b Side<'a> {
    match exchange.first {
        Speaker::Client => &exchange.client,
        Speaker::Server => &exchange.server,
    }
}

/// The probes of a selection that do not refuse the beginning by itself. Over TCP to refuse it is to refuse all that goes
/// on from there.
pub(crate) fn narrow(selection: Selection, exchange: &Exchange<'_>) -> Selection {
    if Key::of(exchange).is_none() {
        return selection;
    }
    let ends = [HEAD as u16];
    let head = Side::one(&opening(exchange).bytes[..HEAD], &ends);
    let (client, server) = match exchange.first {
        Speaker::Client => (head, Side::default()),
        Speaker::Server => (Side::default(), head),
    };
    let beginning = Exchange { client, server, client_port: 1, ..*exchange };
    selection.filter(|probe| (probe.check)(&beginning) != Match::No)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::identify;

    fn exchange<'a>(client: &'a [u8], server: &'a [u8]) -> Exchange<'a> {
        Exchange {
            transport: Transport::TCP,
            client: Side::one(client, &[]),
            server: Side::one(server, &[]),
            first: if client.is_empty() { Speaker::Server } else { Speaker::Client },
            client_port: 40_000,
            server_port: 80,
            midstream: false,
        }
    }

    #[test]
    fn few_probes_are_left_when_a_beginning_comes_again() {
        let request = exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"");
        let mut identifier = Identifier::default();
        let mut asked = || identifier.select(&request).iter().count();
        let first = asked();
        assert_eq!(asked(), asked());
        assert!(asked() * 3 < first, "{} of {first}", asked());
    }

    #[test]
    fn answers_are_the_same_whatever_came_before() {
        let starts: [&[u8]; 8] = [
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTX/1.1\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"220 host ESMTP\r\n",
            b"\xde\xad\xbe\xef\x8b\xad\xf0\x0d\xca\xfe",
            b"*1\r\n$4\r\nPING\r\n",
            b"short",
        ];
        let mut identifier = Identifier::default();
        for _ in 0..3 {
            for bytes in starts {
                for (client, server) in [(bytes, &b""[..]), (&b""[..], bytes), (bytes, bytes)] {
                    for first in [Speaker::Client, Speaker::Server] {
                        for server_port in [1, 80, 53, 6379] {
                            let exchange = Exchange { first, server_port, ..exchange(client, server) };
                            for stage in [Stage::Open, Stage::Last] {
                                let expected = identify(&exchange, stage);
                                assert_eq!(identifier.identify(&exchange, stage), expected, "{exchange:?}");
                            }
                        }
                    }
                }
            }
        }
    }
}
