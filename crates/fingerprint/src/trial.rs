//! What every protocol's tests need: exchanges from bytes, prefixes, and noise.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::probe::Match;

type Check = fn(&Exchange<'_>) -> Match;

/// Runs a probe over a flow given as the bytes of both sides.
#[derive(Clone, Copy)]
pub(crate) struct Trial {
    check: Check,
    transport: Transport,
    midstream: bool,
    closed: bool,
}

impl Trial {
    pub(crate) fn tcp(check: Check) -> Self {
        Self { check, transport: Transport::TCP, midstream: false, closed: false }
    }

    pub(crate) fn udp(check: Check) -> Self {
        Self { transport: Transport::UDP, ..Self::tcp(check) }
    }

    pub(crate) fn midstream(self) -> Self {
        Self { midstream: true, ..self }
    }

    pub(crate) fn closed(self) -> Self {
        Self { closed: true, ..self }
    }

    pub(crate) fn client(self, bytes: &[u8]) -> Match {
        self.both(bytes, &[])
    }

    pub(crate) fn server(self, bytes: &[u8]) -> Match {
        self.both(&[], bytes)
    }

    /// Both sides, each cut to the bound as the flow table does it.
    pub(crate) fn both(self, client: &[u8], server: &[u8]) -> Match {
        let ends = [client.len().min(512) as u16, server.len().min(512) as u16];
        let (client_end, server_end) = ends.split_at(1);
        (self.check)(&Exchange {
            transport: self.transport,
            client: self.side(client, client_end),
            server: self.side(server, server_end),
            first: if client.is_empty() { Speaker::Server } else { Speaker::Client },
            client_port: 40_000,
            server_port: 40_001,
            midstream: self.midstream,
        })
    }

    fn side<'a>(self, bytes: &'a [u8], end: &'a [u16]) -> Side<'a> {
        Side {
            bytes: &bytes[..bytes.len().min(512)],
            ends: if bytes.is_empty() { &[] } else { end },
            first_len: bytes.len() as u32,
            total: bytes.len() as u64,
            closed: bytes.len() >= 512 || self.closed,
        }
    }

    /// The client's message is proven as `proof`, and no prefix of it is refused.
    #[track_caller]
    pub(crate) fn client_proves(self, bytes: &[u8], proof: Proof) {
        self.proves(bytes, proof, Self::client);
    }

    /// The server's message is proven as `proof`, and no prefix of it is refused.
    #[track_caller]
    pub(crate) fn server_proves(self, bytes: &[u8], proof: Proof) {
        self.proves(bytes, proof, Self::server);
    }

    #[track_caller]
    fn proves(self, bytes: &[u8], proof: Proof, side: fn(Self, &[u8]) -> Match) {
        assert_eq!(side(self, bytes), Match::Yes(proof), "the whole: {bytes:02x?}");
        if self.transport == Transport::UDP {
            return;
        }
        let open = Self { closed: false, ..self };
        for length in 1..bytes.len() {
            assert_ne!(side(open, &bytes[..length]), Match::No, "its first {length} bytes: {:02x?}", &bytes[..length]);
        }
    }

    /// Neither side of random payloads is ever proven. `rounds` bounds the work; the seed is fixed.
    #[track_caller]
    pub(crate) fn refuses_noise(self, rounds: u32) {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut payload = [0u8; 96];
        for round in 0..rounds {
            for chunk in payload.chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                chunk.copy_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
            }
            let bytes = &payload[..1 + round as usize % payload.len()];
            for side in [Self::client, Self::server] {
                let answer = side(self, bytes);
                assert!(!matches!(answer, Match::Yes(_)), "{answer:?} for {bytes:02x?}");
            }
        }
    }
}
