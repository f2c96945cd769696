//! Made-up packets and records, each known by its number.

#![allow(dead_code, reason = "each test uses its part")]

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use offport_engine::{Action, EndReason, Endpoint, FlowRecord, Session};
use offport_evidence::flows::{FlowSettings, Names};
use offport_evidence::packets::{Keeper, PacketSettings};
use offport_wire::{Domain, FlowKey, Frame, LinkType, Timestamp, Transport};

/// 2025-11-27, 19:00 UTC, in nanoseconds.
pub const BEGIN: u64 = 1_764_270_000_000_000_000;

/// A packet store without a budget; capture files of so many bytes.
pub fn packet_settings(folder: &Path, segment: u64) -> PacketSettings {
    PacketSettings {
        folder: folder.join("packets"),
        budget: 1 << 40,
        segment,
        ring: 16 << 20,
        sync: Duration::from_millis(100),
        interfaces: vec!["tap0".to_owned()],
    }
}

/// A store of flow records without a budget; files of so many.
pub fn flow_settings(folder: &Path, file_rows: usize) -> FlowSettings {
    FlowSettings {
        folder: folder.join("flows"),
        names: Names { sensor: "tap-1".to_owned(), ..Names::default() },
        budget: u64::MAX,
        keep: Duration::ZERO,
        sync: Duration::from_millis(100),
        file_rows,
    }
}

pub fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Goes on until it holds, and fails when that takes a minute.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether the test may run as root. Skips loudly, or fails where root is promised.
pub fn root(what_for: &str) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let root = status
        .lines()
        .any(|line| line.strip_prefix("Uid:").is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0")));
    if !root {
        let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
        assert!(!promised, "OFFPORT_REQUIRE promises root");
        eprintln!("SKIPPED: needs root {what_for}");
    }
    root
}

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
