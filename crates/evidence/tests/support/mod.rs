//! Made-up packets and records, each known by its number.

#![allow(dead_code, reason = "each test uses its part")]

use std::hash::{BuildHasher as _, RandomState};

use offport_engine::{Action, EndReason, Endpoint, FlowRecord, Session};
use offport_evidence::packets::Keeper;
use offport_wire::{Domain, FlowKey, Frame, LinkType, Timestamp, Transport};

/// 2025-11-27, 19:00 UTC, in nanoseconds.
pub const BEGIN: u64 = 1_764_270_000_000_000_000;

/// What a packet says of itself.
pub struct Kept {
    pub number: u32,
    pub session: Session,
}

impl Kept {
    pub fn of(bytes: &[u8]) -> Self {
        let number = u32::from_be_bytes(*bytes.first_chunk().unwrap());
        Self { number, session: session(number) }
    }
}

/// The session of a packet.
pub fn session(number: u32) -> Session {
    let port = 1_024 + (number % 37) as u16;
    let (key, _) =
        FlowKey::v4(([10, 0, 0, 1].into(), port), ([192, 0, 2, 1].into(), 80), Transport::TCP, Domain::NONE);
    Session { key, start: Timestamp::from_nanos(BEGIN), flagged: false }
}

/// The bytes of a packet: its number, and so many more as that tells.
pub fn frame_bytes(number: u32) -> Vec<u8> {
    let mut bytes = vec![number as u8; 60 + (number % 1_400) as usize];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Keeps the packet with that number, at its own nanosecond.
pub fn keep(keeper: &mut Keeper, number: u32) {
    let bytes = frame_bytes(number);
    let frame = Frame {
        bytes: &bytes,
        link: LinkType::Ethernet,
        wire_len: bytes.len() as u32,
        time: Timestamp::from_nanos(BEGIN + u64::from(number)),
        interface: 0,
    };
    keeper.keep(&frame, &session(number));
}

/// A record whose client has sent as many bytes as its number.
pub fn record(number: u32) -> FlowRecord {
    let end =
        |ip: [u8; 4], port, bytes| Endpoint { ip: ip.into(), port, mac: None, packets: 1, bytes, payload: 1 };
    let start = Timestamp::from_nanos(BEGIN + u64::from(number) * 1_000);
    FlowRecord {
        action: Action::End,
        reason: EndReason::Fin,
        start,
        end: start,
        transport: Transport::TCP,
        client: end([10, 0, (number >> 8) as u8, number as u8], 1_024, number.into()),
        server: end([192, 0, 2, 1], 80, 0),
        domain: Domain::NONE,
        vlan: None,
        inner_vlan: None,
        tunnel: None,
        protocol: None,
        breach: None,
        judgement: None,
        decided_after: 0,
        tcp: None,
        icmp_errors: 0,
        shunted_packets: 0,
        shunted_bytes: 0,
        interface: 0,
        worker: 0,
    }
}

/// Numbers that are others each time.
pub struct Random(RandomState, u64);

impl Random {
    pub fn new() -> Self {
        Self(RandomState::new(), 0)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.1 += 1;
        self.0.hash_one(self.1) % bound
    }
}
