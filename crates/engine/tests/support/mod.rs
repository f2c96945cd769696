//! A worker, a clock, and hosts that talk.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use offport_engine::fuzz::{Owned, Sink, ip_packet};
use offport_engine::{Config, EventPhase, FlowRecord, Worker};
use offport_flow::fuzz::Build;
use offport_policy::{Policy, Verdict};
use offport_wire::{TcpFlags, TcpHeader, Timestamp, TransportHeader};

pub const SYN: u8 = TcpFlags::SYN;
pub const ACK: u8 = TcpFlags::ACK;
pub const FIN: u8 = TcpFlags::FIN;

/// A host at home, and one outside.
pub const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 217, 145, 233));
pub const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));

pub struct Bench {
    pub worker: Worker,
    pub sink: Sink,
    pub now: Timestamp,
}

pub fn config() -> Config {
    let mut config = Config::default();
    config.flow.max_flows = 4_096;
    config.flow.max_flows_v6 = 64;
    config.flow.max_undecided = 256;
    config.flow.max_flagged = 256;
    config.flow.max_extras = 64;
    config.suppress_entries = 64;
    config
}

impl Default for Bench {
    fn default() -> Self {
        Self::new(config())
    }
}

impl Bench {
    pub fn new(config: Config) -> Self {
        Self {
            worker: Worker::new(config, Arc::new(Policy::default()), 0, 3),
            sink: Sink::default(),
            now: Timestamp::from_nanos(1_700_000_000_000_000_000),
        }
    }

    pub fn wait(&mut self, seconds: f64) {
        self.now = self.now + Duration::from_secs_f64(seconds);
    }

    pub fn give(&mut self, frames: &[Owned]) {
        let frames: Vec<_> = frames.iter().map(Owned::frame).collect();
        self.worker.batch(&frames, &mut self.sink);
        assert!(self.worker.counters().is_balanced());
        assert!(self.worker.counters().events_are_balanced());
    }

    pub fn tcp(&mut self, from: (IpAddr, u16), to: (IpAddr, u16), flags: u8, seq: u32, payload: &[u8]) {
        let frame = tcp(from, to, flags, seq, payload, self.now);
        self.give(&[frame]);
    }

    /// A SYN or SYN-ACK with or without MP_JOIN.
    pub fn syn(&mut self, from: (IpAddr, u16), to: (IpAddr, u16), flags: u8, mp_join: bool) {
        let header = TcpHeader { seq: 0, ack: 0, flags: TcpFlags(SYN | flags), mp_join };
        self.give(&[frame(from, to, TransportHeader::Tcp(header), b"", self.now)]);
    }

    pub fn udp(&mut self, from: (IpAddr, u16), to: (IpAddr, u16), payload: &[u8]) {
        let frame = frame(from, to, TransportHeader::Udp, payload, self.now);
        self.give(&[frame]);
    }

    pub fn open(&mut self, client: (IpAddr, u16), server: (IpAddr, u16)) {
        self.tcp(client, server, SYN, 0, b"");
        self.tcp(server, client, SYN | ACK, 0, b"");
        self.tcp(client, server, ACK, 1, b"");
    }

    /// A connection on which the client says something first.
    pub fn say(&mut self, port: u16, server_port: u16, payload: &[u8]) {
        let (client, server) = ((HOME, port), (OUTSIDE, server_port));
        self.open(client, server);
        self.tcp(client, server, ACK, 1, payload);
    }

    pub fn finish(&mut self) -> &[FlowRecord] {
        self.worker.finish(self.now, &mut self.sink);
        assert!(self.worker.counters().is_balanced());
        assert!(self.worker.counters().events_are_balanced());
        &self.sink.records
    }

    pub fn verdict(&mut self) -> Option<Verdict> {
        let records = self.finish();
        assert_eq!(records.len(), 1);
        records[0].judgement.map(|judgement| judgement.verdict)
    }

    pub fn raised(&self, phase: EventPhase) -> usize {
        self.sink.events.iter().filter(|event| event.phase == phase).count()
    }
}

pub fn tcp(
    from: (IpAddr, u16),
    to: (IpAddr, u16),
    flags: u8,
    seq: u32,
    payload: &[u8],
    time: Timestamp,
) -> Owned {
    let header = TcpHeader { seq, ack: 0, flags: TcpFlags(flags), mp_join: false };
    frame(from, to, TransportHeader::Tcp(header), payload, time)
}

pub fn frame(
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
    transport: TransportHeader,
    payload: &[u8],
    time: Timestamp,
) -> Owned {
    let build = Build { source, destination, transport, payload, cut: 0, time };
    let (bytes, wire_len) = ip_packet(&build.packet());
    Owned { bytes, wire_len, time }
}

/// Bytes that look like nothing.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 | 0x80
    };
    (0..len).map(|_| next()).collect()
}
