//! What every binary protocol's tests ask of its probe: the whole, every prefix, noise.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::probe::Match;
use crate::talk::{Noise, Talk};

type Check = fn(&Exchange<'_>) -> Match;

/// Runs a probe over what the sides of a flow said.
#[derive(Clone)]
pub(crate) struct Trial {
    check: Check,
    talk: Talk,
    stream: bool,
}

impl Trial {
    pub(crate) fn tcp(check: Check) -> Self {
        Self { check, talk: Talk::tcp(), stream: true }
    }

    pub(crate) fn udp(check: Check) -> Self {
        Self { check, talk: Talk::udp(), stream: false }
    }

    pub(crate) fn midstream(self) -> Self {
        Self { talk: self.talk.midstream(), ..self }
    }

    pub(crate) fn port(self, server_port: u16) -> Self {
        Self { talk: self.talk.port(server_port), ..self }
    }

    pub(crate) fn client(&self, bytes: &[u8]) -> Match {
        self.talk.clone().client(bytes).ask(self.check)
    }

    pub(crate) fn server(&self, bytes: &[u8]) -> Match {
        self.talk.clone().server(bytes).ask(self.check)
    }

    pub(crate) fn both(&self, client: &[u8], server: &[u8]) -> Match {
        self.talk.clone().client(client).server(server).ask(self.check)
    }

    /// The client's message is proven as `proof`, and no prefix of it is refused.
    #[track_caller]
    pub(crate) fn client_proves(&self, bytes: &[u8], proof: Proof) {
        self.proves(bytes, proof, Self::client);
    }

    /// The server's message is proven as `proof`, and no prefix of it is refused.
    #[track_caller]
    pub(crate) fn server_proves(&self, bytes: &[u8], proof: Proof) {
        self.proves(bytes, proof, Self::server);
    }

    #[track_caller]
    fn proves(&self, bytes: &[u8], proof: Proof, side: fn(&Self, &[u8]) -> Match) {
        assert_eq!(side(self, bytes), Match::Yes(proof), "the whole: {bytes:02x?}");
        if !self.stream {
            return;
        }
        for length in 1..bytes.len() {
            assert_ne!(
                side(self, &bytes[..length]),
                Match::No,
                "its first {length} bytes: {:02x?}",
                &bytes[..length]
            );
        }
    }

    /// Neither side of random payloads is ever proven.
    #[track_caller]
    pub(crate) fn refuses_noise(&self, rounds: usize) {
        let mut noise = Noise::new(0x7e57_ed01);
        for round in 0..rounds {
            let bytes = noise.bytes(1 + round % 96);
            for side in [Self::client, Self::server] {
                let answer = side(self, &bytes);
                assert!(!matches!(answer, Match::Yes(_)), "{answer:?} for {bytes:02x?}");
            }
        }
    }
}
