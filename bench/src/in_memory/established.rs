//! Traffic of flows that are settled: data packets of both directions, flow after flow in an order of no meaning.

use std::net::Ipv4Addr;

use offport_wire::{TcpFlags, Timestamp};

use super::area::Area;
use super::packet::{End, Tcp, tcp};
use super::ring::{Ring, Stage, Traffic, shuffled};

/// A request that is answered: a flow is settled with it, and held to the rules of HTTP from then on.
pub const REQUEST: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: example.com\r\n\r\n";

/// One that is followed by any data: a flow is settled with it, and shows no more.
pub const UPLOAD: &[u8] =
    b"POST /upload HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000000000000\r\n\r\n";

/// Payload of a data packet: with its headers 60 bytes, the smallest frame (64 with the checksum).
const DATA: &[u8] = b"\x06bytes";

const CLIENT_START: u32 = 1_000;
const SERVER_START: u32 = 5_000_000;

/// Data packets of a number of flows. Round by round each flow sends one packet, in an order that is shuffled once and
/// the directions take turns; sequence numbers go on as they should.
#[derive(Debug)]
pub struct Established {
    order: Vec<u32>,
    at: usize,
    round: u32,
}

/// The two ends of a flow: 64 ports of a client, then the next; every client has a server of its own.
pub fn ends(flow: u32) -> (End, End) {
    let client = Ipv4Addr::from(0x0a00_0000 | flow >> 6);
    let server = Ipv4Addr::from(0xc612_0000 | (flow >> 6 & 0xffff));
    ((client, 32_768 + (flow & 63) as u16), (server, 80))
}

impl Established {
    /// Flows 0 to `flows`.
    pub fn new(flows: u32) -> Self {
        Self { order: shuffled(flows), at: 0, round: 0 }
    }
}

/// Hands over what opens and settles flows 0 to `flows`, in that order: SYN, SYN-ACK, ACK, request.
pub fn open<S: Stage>(ring: &mut Ring<Established, S>, flows: u32) {
    let mut filled = 0;
    for flow in 0..flows {
        for step in 0..4 {
            ring.area().write(filled, |frame| opening(frame, flow, step, 80, UPLOAD));
            filled += 1;
        }
        if filled + 4 > ring.area().frames() {
            ring.give(filled);
            filled = 0;
        }
    }
    ring.give(filled);
}

impl Traffic for Established {
    fn fill(&mut self, area: &mut Area) -> usize {
        for index in 0..area.frames() {
            let flow = self.order[self.at];
            let from_server = (self.round ^ flow) & 1 == 1;
            let before = DATA.len() as u32 * (self.round >> 1);
            let (client, server) = ends(flow);
            let client_seq = CLIENT_START.wrapping_add(1 + UPLOAD.len() as u32).wrapping_add(before);
            let server_seq = SERVER_START.wrapping_add(1).wrapping_add(before);
            let flags = TcpFlags::ACK | TcpFlags::PSH;
            let packet = if from_server {
                Tcp { from: server, to: client, flags, seq: server_seq, ack: client_seq, payload: DATA }
            } else {
                Tcp { from: client, to: server, flags, seq: client_seq, ack: server_seq, payload: DATA }
            };
            area.write(index, |frame| tcp(frame, &packet));
            self.at += 1;
            if self.at == self.order.len() {
                self.at = 0;
                self.round += 1;
            }
        }
        area.frames()
    }

    fn units(&self, packets: usize) -> u64 {
        packets as u64
    }

    fn start(&self) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000)
    }
}

/// A data packet of a client, after the request and so many others.
pub fn data(frame: &mut [u8], flow: u32, request: &[u8], before: u32) -> usize {
    let (client, server) = ends(flow);
    let seq = CLIENT_START.wrapping_add(1 + (request.len() + DATA.len() * before as usize) as u32);
    let (flags, ack) = (TcpFlags::ACK | TcpFlags::PSH, SERVER_START + 1);
    tcp(frame, &Tcp { from: client, to: server, flags, seq, ack, payload: DATA })
}

/// One step of a connection: 0 SYN, 1 SYN-ACK, 2 ACK, 3 the request, 4 the server's FIN, 5 the client's.
pub fn opening(frame: &mut [u8], flow: u32, step: u32, port: u16, request: &[u8]) -> usize {
    const NOTHING: &[u8] = &[];
    let (client, (server, _)) = ends(flow);
    let server = (server, port);
    let (syn, fin, ack) = (TcpFlags::SYN, TcpFlags::FIN, TcpFlags::ACK);
    let after = 1 + request.len() as u32;
    let (from_client, flags, client_seq, server_seq, payload) = match step {
        0 => (true, syn, 0, 0, NOTHING),
        1 => (false, syn | ack, 1, 0, NOTHING),
        2 => (true, ack, 1, 1, NOTHING),
        3 => (true, ack | TcpFlags::PSH, 1, 1, request),
        4 => (false, fin | ack, after, 1, NOTHING),
        _ => (true, fin | ack, after, 2, NOTHING),
    };
    let (client_seq, server_seq) = (CLIENT_START + client_seq, SERVER_START + server_seq);
    let packet = if from_client {
        Tcp { from: client, to: server, flags, seq: client_seq, ack: server_seq, payload }
    } else {
        Tcp { from: server, to: client, flags, seq: server_seq, ack: client_seq, payload }
    };
    tcp(frame, &packet)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use offport_engine::{Config, Event, FlowRecord, HandOver, Output, Worker};
    use offport_policy::{Policy, Verdict};
    use offport_wire::Frame;

    use super::*;
    use crate::rounds::Measured as _;

    struct Watching {
        worker: Worker,
        records: Records,
    }

    #[derive(Default)]
    struct Records(Vec<FlowRecord>);

    impl Output for Records {
        fn record(&mut self, record: &FlowRecord) {
            self.0.push(*record);
        }

        fn event(&mut self, event: &Event) {
            panic!("nothing here is to be flagged: {event:?}");
        }

        fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
            false
        }
    }

    impl Stage for Watching {
        fn batch(&mut self, frames: &[Frame<'_>]) {
            self.worker.batch(frames, &mut self.records);
        }
    }

    /// Otherwise retransmissions would be measured, or flows that nobody has settled.
    #[test]
    fn flows_are_settled_and_go_on_in_sequence() {
        const FLOWS: u32 = 300;
        let worker = Worker::new(Config::default(), Arc::new(Policy::default()), 0, 1);
        let stage = Watching { worker, records: Records::default() };
        let area = Area::new(256);
        let mut ring = Ring::new(Established::new(FLOWS), area, stage, 10, Duration::from_micros(1));
        open(&mut ring, FLOWS);
        assert_eq!(ring.round().units, 2_560);
        let Watching { worker, records } = &mut ring.stage;
        assert_eq!(worker.counters().flow.created, u64::from(FLOWS));
        worker.finish(Timestamp::from_nanos(1_700_000_001_000_000_000), records);
        assert_eq!(records.0.len(), FLOWS as usize);
        for record in &records.0 {
            let tcp = record.tcp.unwrap();
            assert_eq!((tcp.retransmitted, tcp.out_of_order, tcp.midstream), (0, 0, false), "{record:?}");
            assert_eq!(record.judgement.unwrap().verdict, Verdict::Expected);
            assert!(record.client.packets > 3 && record.server.packets > 1, "{record:?}");
        }
    }
}
