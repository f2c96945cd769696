//! Which probes are worth asking, by what flows start with that were seen of late.
//!
//! A first byte leaves some twenty probes of those for TCP. But most flows start as others did: then those that do not
//! refuse these bytes need not be looked for again. Nothing else is remembered, so that the answers are the same.

use crate::answer::Answer;
use crate::dispatch::{self, PORTS, Selection};
use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::{Stage, candidates_by, identify_by};
use crate::name::ProtocolSet;
use crate::probe::Match;
use crate::signature::Signatures;
use offport_wire::Transport;
use std::sync::Arc;

/// Bytes that are compared: a method and its blank, a record's type, version and half of its length.
const HEAD: usize = 4;

/// Beginnings that are remembered.
const ENTRIES: usize = 256;

/// [`identify`](crate::identify()) for many flows, one after the other.
#[derive(Clone, Debug)]
pub struct Identifier {
    entries: Box<[Entry; ENTRIES]>,
    signatures: Arc<Signatures>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: Option<Key>,
    /// Not asked for before it is the second time in a row: a beginning that comes once is not worth it.
    selection: Option<Selection>,
}

/// Everything that what probes say of a beginning depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    /// Of the side that spoke first; midstream, where one says nothing without the other, of both that spoke.
    heads: [Option<[u8; HEAD]>; 2],
    first: Speaker,
    midstream: bool,
    /// Position in [`PORTS`].
    port: u8,
}

impl Default for Identifier {
    fn default() -> Self {
        // Else the first flow would wait for it.
        dispatch::prepare();
        Self { entries: Box::new([Entry::default(); ENTRIES]), signatures: Arc::default() }
    }
}

impl Identifier {
    /// Identifies by these signatures too.
    pub fn new(signatures: Arc<Signatures>) -> Self {
        Self { signatures, ..Self::default() }
    }

    /// Identifies by other signatures from now on.
    pub fn set_signatures(&mut self, signatures: Arc<Signatures>) {
        self.signatures = signatures;
    }

    /// As [`identify`](crate::identify()), and by the signatures.
    pub fn identify(&mut self, exchange: &Exchange<'_>, stage: Stage) -> Answer {
        let Self { entries, signatures } = self;
        identify_by(exchange, stage, signatures, |exchange| select(entries, exchange))
    }

    /// As [`candidates`](crate::candidates), and by the signatures.
    pub fn candidates(&self, exchange: &Exchange<'_>) -> ProtocolSet {
        candidates_by(exchange, &self.signatures)
    }
}

/// The probes that are worth asking.
fn select(entries: &mut [Entry; ENTRIES], exchange: &Exchange<'_>) -> Selection {
    let selection = Selection::for_exchange(exchange);
    let Some(key) = Key::of(exchange) else { return selection };
    let entry = &mut entries[key.place()];
    if entry.key != Some(key) {
        *entry = Entry { key: Some(key), selection: None };
        return selection;
    }
    *entry.selection.get_or_insert_with(|| key.narrow(selection))
}

impl Key {
    fn of(exchange: &Exchange<'_>) -> Option<Self> {
        let &Exchange { transport, client, server, first, midstream, server_port, .. } = exchange;
        if transport != Transport::TCP {
            return None;
        }
        let head = |side: Side<'_>| side.bytes.first_chunk().copied();
        let heads = match first {
            _ if midstream => {
                let heads = [head(client), head(server)];
                let is_short = |(side, head): (Side<'_>, Option<_>)| !side.is_empty() && head.is_none();
                if [client, server].into_iter().zip(heads).any(is_short) {
                    return None;
                }
                heads
            }
            Speaker::Client => [Some(head(client)?), None],
            Speaker::Server => [None, Some(head(server)?)],
        };
        let port = PORTS.iter().position(|&port| port == server_port).unwrap_or(PORTS.len());
        Some(Self { heads, first, midstream, port: port as u8 })
    }

    fn place(self) -> usize {
        let [client, server] = self.heads.map(|head| u64::from(u32::from_le_bytes(head.unwrap_or_default())));
        let about = u64::from(self.port) << 2 | (self.first as u64) << 1 | u64::from(self.midstream);
        let mixed = (client | server << 32) ^ about << 24;
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % ENTRIES
    }

    /// The probes that do not refuse the beginning by itself. Over TCP to refuse it is to refuse all that goes on from there.
    fn narrow(self, probes: Selection) -> Selection {
        let Self { heads: [client, server], first, midstream, port } = self;
        let server_port = PORTS.get(usize::from(port)).copied().unwrap_or(1);
        let ends = [HEAD as u16];
        fn side<'a>(head: &'a Option<[u8; HEAD]>, ends: &'a [u16]) -> Side<'a> {
            head.as_ref().map_or_else(Side::default, |head| Side::one(head, ends))
        }
        let (client, server) = (side(&client, &ends), side(&server, &ends));
        let transport = Transport::TCP;
        let beginning = Exchange { transport, client, server, first, client_port: 1, server_port, midstream };
        let left = probes.filter(|probe| (probe.check)(&beginning) != Match::No);
        if midstream { left.or(Selection::patient()) } else { left }
    }
}

/// The probes of a selection that do not refuse how the exchange begins.
pub(crate) fn narrow(selection: Selection, exchange: &Exchange<'_>) -> Selection {
    Key::of(exchange).map_or(selection, |key| key.narrow(selection))
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
        let mut asked = || select(&mut identifier.entries, &request).iter().count();
        let first = asked();
        assert_eq!(asked(), asked());
        assert!(asked() * 2 < first, "{} of {first}", asked());
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
