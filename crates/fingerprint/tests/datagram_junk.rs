//! Data that speaks no protocol, in datagrams on the ports of those that do: never named, in either direction, and
//! hardly ever left open.

use offport_fingerprint::{Answer, Exchange, Side, Speaker, Stage, identify};
use offport_wire::Transport;

/// Ports that break ties in some probe, and the ones that are most often abused.
const PORTS: [u16; 13] = [53, 67, 69, 80, 123, 137, 161, 443, 500, 1194, 4500, 5353, 5355];

/// What the flow table keeps of a side by default.
const BOUND: usize = 512;

/// A cheap, repeatable source of noise (xorshift64*).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }
}

struct Said {
    bytes: Vec<u8>,
    ends: Vec<u16>,
    first_len: u32,
    total: u64,
}

impl Said {
    fn new(datagrams: &[Vec<u8>]) -> Self {
        let mut said = Self { bytes: vec![], ends: vec![], first_len: 0, total: 0 };
        for datagram in datagrams {
            if said.total == 0 {
                said.first_len = datagram.len() as u32;
            }
            said.total += datagram.len() as u64;
            let kept = datagram.len().min(BOUND - said.bytes.len());
            if kept > 0 {
                said.bytes.extend_from_slice(&datagram[..kept]);
                said.ends.push(said.bytes.len() as u16);
            }
        }
        said
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

/// Feeds both sides' datagrams and asks for the last word.
fn answer(client: &[Vec<u8>], server: &[Vec<u8>], server_port: u16) -> Answer {
    let (client, server) = (Said::new(client), Said::new(server));
    let exchange = Exchange {
        transport: Transport::UDP,
        client: client.side(),
        server: server.side(),
        first: if client.total > 0 { Speaker::Client } else { Speaker::Server },
        client_port: 50_000,
        server_port,
        midstream: false,
    };
    identify(&exchange, Stage::Last)
}

/// Runs `rounds` flows of one to three datagrams a side, from the client, the server or both, over the ports.
fn assert_never_named(rounds: usize, mut datagram: impl FnMut(&mut Noise) -> Vec<u8>) {
    let mut noise = Noise(0x0ff9_0127);
    let mut open = 0;
    for round in 0..rounds {
        let side = |noise: &mut Noise, datagram: &mut dyn FnMut(&mut Noise) -> Vec<u8>| {
            (0..1 + noise.below(3)).map(|_| datagram(noise)).collect::<Vec<_>>()
        };
        let (client, server) = match round % 3 {
            0 => (side(&mut noise, &mut datagram), vec![]),
            1 => (vec![], side(&mut noise, &mut datagram)),
            _ => (side(&mut noise, &mut datagram), side(&mut noise, &mut datagram)),
        };
        let port = PORTS[round % PORTS.len()];
        let answer = answer(&client, &server, port);
        let is_named = matches!(answer, Answer::Identified(..));
        assert!(!is_named, "{answer:?} on port {port}, client {client:02x?}, server {server:02x?}");
        // ESP has no mark: beside IKE, one datagram leaves it open.
        open += usize::from(answer == Answer::NeedMore && port != 4500);
    }
    assert!(open * 100 < rounds, "{open} of {rounds} left open");
}

#[test]
fn random_bytes() {
    assert_never_named(60_000, |noise| {
        let len = 1 + noise.below(1400);
        noise.bytes(len)
    });
}

#[test]
fn short_random_bytes() {
    assert_never_named(120_000, |noise| {
        let len = 1 + noise.below(64);
        noise.bytes(len)
    });
}

#[test]
fn base64() {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_never_named(30_000, |noise| {
        (0..1 + noise.below(1400)).map(|_| ALPHABET[noise.below(64)]).collect()
    });
}

#[test]
fn type_length_value() {
    // A type of one or two bytes, a big-endian length that fits, a value; a counter and an id on top of some.
    assert_never_named(60_000, |noise| {
        let len = noise.below(900);
        let value = noise.bytes(len);
        let length = (len as u16).to_be_bytes();
        let kind = noise.below(16) as u8;
        match noise.below(4) {
            0 => [&[kind][..], &length, &value].concat(),
            1 => [&[0, kind][..], &length, &value].concat(),
            2 => [&length[..], &[0, kind], &value].concat(),
            _ => [&[kind, 0][..], &length, &[0, 0, 0, noise.below(9) as u8], &value].concat(),
        }
    });
}

#[test]
fn xored_protocols() {
    // A DNS query and an NTP request under a key of one byte.
    let query =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01".to_vec();
    let time = [&[0x23][..], &[0; 47]].concat();
    assert_never_named(20_000, |noise| {
        let plain = if noise.below(2) == 0 { &query } else { &time };
        let key = 1 + noise.below(255) as u8;
        plain.iter().map(|byte| byte ^ key).collect()
    });
}

#[test]
fn constant_bytes() {
    assert_never_named(20_000, |noise| vec![noise.below(256) as u8; 1 + noise.below(1400)]);
}
