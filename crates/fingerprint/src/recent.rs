//! Which probes are worth asking, by what flows start with that were seen of late.
//!
//! A first byte leaves some twenty probes of those for TCP. But most flows start as others did: then those that do not
//! refuse these bytes need not be looked for again. Nothing else is remembered, so that the answers are the same.

use crate::answer::Answer;
use crate::dispatch::{self, Candidates, PORTS, Selection};
use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::{Stage, candidates_by, identify_by};
use crate::name::ProtocolSet;
use crate::probe::Match;
use crate::signature::Signatures;
use offport_wire::Transport;
use std::sync::Arc;

/// Bytes that are compared: a method and its blank, a record's type, version and half of its length.
const HEAD: usize = 4;

/// Beginnings that are remembered: so many places, and at each the latest two.
const PLACES: usize = 512;
const WAYS: usize = 2;

/// [`identify`](crate::identify()) for many flows, one after the other.
#[derive(Clone, Debug)]
pub struct Identifier {
    entries: Box<[[Entry; WAYS]]>,
    signatures: Arc<Signatures>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: Key,
    /// Not asked for before it is the second time: a beginning that comes once is not worth it.
    selection: Option<Selection>,
}

/// Everything that what probes say of a beginning depends on. The default is no exchange's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    /// Of the side that spoke first; midstream, where one says nothing without the other, of both that spoke.
    heads: [[u8; HEAD]; 2],
    /// Flags, and above them one more than the position in [`PORTS`].
    about: u16,
}

const SERVER_FIRST: u16 = 1;
const MIDSTREAM: u16 = 2;
/// There is a head of the client, of the server.
const OF: [u16; 2] = [4, 8];
const PORT_SHIFT: u32 = 4;

impl Default for Identifier {
    fn default() -> Self {
        // Else the first flow would wait for it.
        dispatch::prepare();
        Self { entries: vec![Default::default(); PLACES].into_boxed_slice(), signatures: Arc::default() }
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
fn select(entries: &mut [[Entry; WAYS]], exchange: &Exchange<'_>) -> Candidates {
    match Key::of(exchange) {
        Some(key) => Candidates::Probes(select_by(key, entries, exchange)),
        None => Candidates::for_exchange(exchange),
    }
}

fn select_by(key: Key, entries: &mut [[Entry; WAYS]], exchange: &Exchange<'_>) -> Selection {
    let all = || Selection::for_exchange(exchange);
    let Some([latest, before]) = entries.get_mut(key.place()) else { return all() };
    if latest.key != key {
        std::mem::swap(latest, before);
        if latest.key != key {
            *latest = Entry { key, selection: None };
            return all();
        }
    }
    *latest.selection.get_or_insert_with(|| key.narrow(all()))
}

impl Key {
    fn of(exchange: &Exchange<'_>) -> Option<Self> {
        let &Exchange { transport, client, server, first, midstream, server_port, .. } = exchange;
        if transport != Transport::TCP {
            return None;
        }
        let port = PORTS.iter().position(|&port| port == server_port).unwrap_or(PORTS.len()) + 1;
        let flags = u16::from(first == Speaker::Server) * SERVER_FIRST + u16::from(midstream) * MIDSTREAM;
        let mut key = Self { heads: Default::default(), about: flags | (port as u16) << PORT_SHIFT };
        for (which, side) in [client, server].iter().enumerate() {
            let counts = if midstream { !side.is_empty() } else { which == first as usize };
            if counts {
                key.heads[which] = *side.bytes.first_chunk()?;
                key.about |= OF[which];
            }
        }
        Some(key)
    }

    fn place(self) -> usize {
        let [client, server] = self.heads.map(|head| u64::from(u32::from_le_bytes(head)));
        let mixed = (client | server << 32) ^ u64::from(self.about) << 24;
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize % PLACES
    }

    /// The probes that do not refuse the beginning by itself. Over TCP to refuse it is to refuse all that goes on from there.
    fn narrow(self, probes: Selection) -> Selection {
        let Self { heads, about } = self;
        let server_port = PORTS.get(usize::from(about >> PORT_SHIFT) - 1).copied().unwrap_or(1);
        let ends = [HEAD as u16];
        let side = |which: usize| match about & OF[which] {
            0 => Side::default(),
            _ => Side::one(&heads[which], &ends),
        };
        let (client, server) = (side(0), side(1));
        let first = if about & SERVER_FIRST == 0 { Speaker::Client } else { Speaker::Server };
        let (transport, midstream) = (Transport::TCP, about & MIDSTREAM != 0);
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
        let key = Key::of(&request).unwrap();
        let mut asked = || select_by(key, &mut identifier.entries, &request).iter().count();
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
