//! Frames by hand, and a worker to feed them to.

use std::sync::Arc;

use offport_engine::{Config, Event, EventPhase, FlowRecord, HandOver, Output, Worker};
use offport_policy::Policy;
use offport_wire::{Frame, LinkType, Timestamp};

type End = ([u8; 4], u16);

/// What left the worker.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) flagged: u32,
    pub(crate) records: Vec<FlowRecord>,
}

impl Output for Seen {
    fn record(&mut self, record: &FlowRecord) {
        self.records.push(*record);
    }

    fn event(&mut self, event: &Event) {
        self.flagged += u32::from(event.phase == EventPhase::Flagged);
    }

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        false
    }
}

/// A worker with the default policy; frames are a millisecond apart.
pub(crate) struct Replay {
    pub(crate) worker: Worker,
    pub(crate) seen: Seen,
    time: u64,
}

impl Replay {
    pub(crate) fn new() -> Self {
        let mut config = Config::default();
        config.flow.max_flows = 1024;
        config.flow.max_flows_v6 = 1024;
        Self {
            worker: Worker::new(config, Arc::new(Policy::default()), 0, 7),
            seen: Seen::default(),
            time: 1_700_000_000_000_000_000,
        }
    }

    pub(crate) fn frame(&mut self, bytes: &[u8]) {
        self.time += 1_000_000;
        let frame = Frame {
            bytes,
            link: LinkType::Ethernet,
            wire_len: bytes.len() as u32,
            time: Timestamp::from_nanos(self.time),
            interface: 0,
        };
        self.worker.batch(&[frame], &mut self.seen);
        assert!(self.worker.counters().is_balanced());
    }

    /// Time goes by without frames.
    pub(crate) fn wait(&mut self, milliseconds: u64) {
        self.time += milliseconds * 1_000_000;
        self.worker.tick(Timestamp::from_nanos(self.time), &mut self.seen);
    }

    pub(crate) fn finish(&mut self) {
        self.worker.finish(Timestamp::from_nanos(self.time), &mut self.seen);
        assert!(self.worker.counters().is_balanced());
        assert!(self.worker.counters().events_are_balanced());
    }

    /// Ends the replay: there was one flow.
    pub(crate) fn only_record(&mut self) -> FlowRecord {
        self.finish();
        assert_eq!(self.seen.records.len(), 1);
        self.seen.records[0]
    }
}

fn ipv4(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(source);
    packet.extend(destination);
    packet.extend(payload);
    packet
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend(packet);
    frame
}

fn tcp(source: End, destination: End, (seq, acked): (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(source.1.to_be_bytes());
    segment.extend(destination.1.to_be_bytes());
    segment.extend(seq.to_be_bytes());
    segment.extend(acked.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ethernet(&ipv4(source.0, destination.0, 6, &segment))
}

pub(crate) fn syn(source: End, destination: End, seq: u32) -> Vec<u8> {
    tcp(source, destination, (seq, 0), 0x02, &[])
}

pub(crate) fn syn_ack(source: End, destination: End, seq: u32, acked: u32) -> Vec<u8> {
    tcp(source, destination, (seq, acked), 0x12, &[])
}

/// Two zeros of padding counted as payload: an MSS option makes a SYN-ACK 58 bytes long on Ethernet.
pub(crate) fn padded_syn_ack(source: End, destination: End, seq: u32, acked: u32) -> Vec<u8> {
    tcp(source, destination, (seq, acked), 0x12, &[0, 0])
}

/// A segment without PSH.
pub(crate) fn ack(source: End, destination: End, seq: u32, payload: &[u8]) -> Vec<u8> {
    tcp(source, destination, (seq, 1), 0x10, payload)
}

pub(crate) fn push(source: End, destination: End, seq: u32, payload: &[u8]) -> Vec<u8> {
    tcp(source, destination, (seq, 1), 0x18, payload)
}

pub(crate) fn udp(source: End, destination: End, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(source.1.to_be_bytes());
    datagram.extend(destination.1.to_be_bytes());
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ethernet(&ipv4(source.0, destination.0, 17, &datagram))
}

/// Port unreachable (RFC 792), quoting the IP header and 8 bytes of `packet`.
pub(crate) fn icmp_unreachable(source: [u8; 4], destination: [u8; 4], packet: &[u8]) -> Vec<u8> {
    let mut message = vec![3, 3, 0, 0, 0, 0, 0, 0];
    message.extend(&packet[..28]);
    ethernet(&ipv4(source, destination, 1, &message))
}
