//! Exchanges for tests: what each side said, kept and bounded as the flow table does it.

use offport_wire::Transport;

use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::is_dispatched_soundly;
use crate::probe::{Match, Sides};
use crate::protocols::PROBES;

/// What the flow table keeps of a side by default.
const BOUND: usize = 512;

/// What one side said.
#[derive(Clone, Default)]
struct Said {
    bytes: Vec<u8>,
    ends: Vec<u16>,
    first_len: u32,
    total: u64,
}

impl Said {
    fn hear(&mut self, payload: &[u8]) {
        if self.total == 0 {
            self.first_len = payload.len() as u32;
        }
        self.total += payload.len() as u64;
        let room = BOUND - self.bytes.len();
        if room > 0 {
            self.bytes.extend_from_slice(&payload[..payload.len().min(room)]);
            self.ends.push(self.bytes.len() as u16);
        }
    }

    fn side(&self) -> Side<'_> {
        Side {
            bytes: &self.bytes,
            ends: &self.ends,
            first_len: self.first_len,
            total: self.total,
            closed: self.bytes.len() == BOUND,
        }
    }
}

/// A conversation under construction.
#[derive(Clone)]
pub(crate) struct Talk {
    transport: Transport,
    client: Said,
    server: Said,
    first: Option<Speaker>,
    ports: (u16, u16),
    midstream: bool,
}

impl Talk {
    pub(crate) fn udp() -> Self {
        Self {
            transport: Transport::UDP,
            client: Said::default(),
            server: Said::default(),
            first: None,
            ports: (50000, 50001),
            midstream: false,
        }
    }

    pub(crate) fn tcp() -> Self {
        Self { transport: Transport::TCP, ..Self::udp() }
    }

    /// The client sends a datagram or segment.
    pub(crate) fn client(mut self, payload: &[u8]) -> Self {
        self.client.hear(payload);
        self.first = self.first.or(Some(Speaker::Client));
        self
    }

    /// The server sends a datagram or segment.
    pub(crate) fn server(mut self, payload: &[u8]) -> Self {
        self.server.hear(payload);
        self.first = self.first.or(Some(Speaker::Server));
        self
    }

    /// The server's port.
    pub(crate) fn port(mut self, server_port: u16) -> Self {
        self.ports.1 = server_port;
        self
    }

    /// The start of the flow was missed.
    pub(crate) fn midstream(mut self) -> Self {
        self.midstream = true;
        self
    }

    #[track_caller]
    pub(crate) fn ask(&self, check: fn(&Exchange<'_>) -> Match) -> Match {
        let exchange = self.exchange();
        let answer = check(&exchange);
        if matches!(answer, Match::Yes(_)) {
            assert!(is_said(check, &exchange), "by whom it is told is said wrongly: {exchange:02x?}");
        }
        assert!(answer == Match::No || is_dispatched_soundly(&exchange), "{exchange:02x?}");
        answer
    }

    pub(crate) fn exchange(&self) -> Exchange<'_> {
        Exchange {
            transport: self.transport,
            client: self.client.side(),
            server: self.server.side(),
            first: self.first.unwrap_or(Speaker::Client),
            client_port: self.ports.0,
            server_port: self.ports.1,
            midstream: self.midstream,
        }
    }
}

/// Every prefix of a TCP stream must keep the probe going, and the whole must settle it.
pub(crate) fn assert_every_prefix_goes_on(stream: &[u8], check: fn(&Exchange<'_>) -> Match) {
    for end in 1..=stream.len() {
        let answer = Talk::tcp().client(&stream[..end]).ask(check);
        assert_ne!(answer, Match::No, "refused after {end} bytes");
    }
    assert!(matches!(Talk::tcp().client(stream).ask(check), Match::Yes(_)));
}

/// A cheap, repeatable source of noise (xorshift64*).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }
}

/// Whether its probe says of itself that this side, or these sides, tell it.
fn is_said(check: fn(&Exchange<'_>) -> Match, exchange: &Exchange<'_>) -> bool {
    let Some(probe) = PROBES.iter().find(|probe| std::ptr::fn_addr_eq(probe.check, check)) else {
        return true;
    };
    match (exchange.client.is_empty(), exchange.server.is_empty()) {
        _ if exchange.midstream => true,
        (false, true) => matches!(probe.sides, Sides::Either | Sides::Client),
        (true, false) => matches!(probe.sides, Sides::Either | Sides::Server),
        _ => true,
    }
}

/// How often a probe says yes to `rounds` exchanges of random datagrams: one of the client, then one of each
/// side, then three of each.
pub(crate) fn random_yeses(rounds: u32, check: fn(&Exchange<'_>) -> Match) -> u32 {
    let mut noise = Noise::new(0x0ff9_0127);
    let mut yeses = 0;
    for round in 0..rounds {
        let mut talk = Talk::udp();
        let len = match round % 4 {
            0 => 1 + noise.next() as usize % 64,
            1 => 1 + noise.next() as usize % 300,
            2 => 1200 + noise.next() as usize % 200,
            _ => 48,
        };
        talk = talk.client(&noise.bytes(len));
        let mut yes = matches!(talk.ask(check), Match::Yes(_));
        talk = talk.server(&noise.bytes(len));
        yes |= matches!(talk.ask(check), Match::Yes(_));
        talk = talk.client(&noise.bytes(len)).client(&noise.bytes(len)).server(&noise.bytes(len));
        yes |= matches!(talk.ask(check), Match::Yes(_));
        yeses += u32::from(yes);
    }
    yeses
}
