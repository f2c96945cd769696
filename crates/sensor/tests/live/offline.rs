//! The same engine on a capture file, and captures for replay.

use std::path::Path;
use std::sync::Arc;

use offport_capture::file::{Batch, CaptureFile};
use offport_engine::{Config, Event, FlowRecord, HandOver, Opening, Output, Worker};
use offport_fingerprint::Description;
use offport_flow::Flow;
use offport_policy::{Facts, Judgement, Policy};
use offport_telemetry::Descriptions;
use offport_telemetry::ecs::Formatter;
use offport_wire::Timestamp;
use serde_json::Value;

struct Records {
    described: Vec<(FlowRecord, Description)>,
    open: Descriptions,
}

impl Output for Records {
    fn record(&mut self, record: &FlowRecord) {
        self.described.push((*record, self.open.of(record).clone()));
        self.open.written(record);
    }

    fn settled(&mut self, flow: &Flow<'_>, facts: &Facts, _: &Judgement) {
        if let Some(opening) = Opening::of(flow, facts.seen) {
            self.open.insert(opening.flow, opening.describe());
        }
    }

    fn event(&mut self, _: &Event) {}

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        unreachable!("there is one worker")
    }
}

/// The flow records of a capture.
pub(crate) fn flows(path: &Path) -> Vec<Value> {
    let mut file = CaptureFile::open(path).unwrap();
    let mut worker = Worker::new(Config::default(), Arc::new(Policy::default()), 0, 1);
    let mut records = Records { described: Vec::new(), open: Descriptions::new(usize::MAX) };
    let mut batch = Batch::new(64);
    let mut last = Timestamp::ZERO;
    while file.next_batch(&mut batch).unwrap() > 0 {
        let frames = batch.frames();
        last = frames.last().map_or(last, |frame| frame.time);
        worker.batch(&frames, &mut records);
    }
    worker.finish(last, &mut records);
    assert!(worker.counters().is_balanced());
    let formatter = Formatter::default();
    records
        .described
        .iter()
        .map(|(record, description)| {
            let mut line = Vec::new();
            formatter.record(record, description, &mut line);
            serde_json::from_slice(&line).unwrap()
        })
        .collect()
}

/// A record without what must differ between live and offline: times, worker, observer, and the id made of them; and
/// without what the side says that is not asked first, for live it may come on another queue, and be read before.
pub(crate) fn without_time_and_place(record: &Value) -> Value {
    let mut record = record.clone();
    let object = record.as_object_mut().unwrap();
    for key in ["@timestamp", "observer", "log"] {
        object.remove(key);
    }
    let event = object["event"].as_object_mut().unwrap();
    for key in ["start", "end", "duration"] {
        event.remove(key);
    }
    let offport = object["offport"].as_object_mut().unwrap();
    for key in ["worker", "flow_id", "http", "ssh"] {
        offport.remove(key);
    }
    if let Some(http) = object.get_mut("http").and_then(Value::as_object_mut) {
        http.remove("response");
    }
    record
}

/// A capture of `count` small UDP packets of as many flows, for replay. Of a hundred, one is malformed and one is no IP.
pub(crate) fn flood(count: u32) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut bytes = pcap_header();
    for number in 0..count {
        let mut frame = udp_frame(number);
        match number % 100 {
            // A total length beyond the frame.
            1 => frame[16] = 0xff,
            // ARP.
            2 => frame[13] = 6,
            _ => {}
        }
        pcap_packet(&mut bytes, number, &frame);
    }
    std::fs::write(file.path(), bytes).unwrap();
    file
}

/// A capture of small UDP packets, each of the flow with that number.
pub(crate) fn udp_capture(flows: &[u32]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut bytes = pcap_header();
    for (number, flow) in (0..).zip(flows) {
        pcap_packet(&mut bytes, number, &udp_frame(*flow));
    }
    std::fs::write(file.path(), bytes).unwrap();
    file
}

/// The two directions of `count` connections to port 80, as a pair of TAP ports delivers them: what the clients send, and
/// what the servers send, which is an HTTP response, whatever the request is.
pub(crate) fn halves(count: u32, request: &[u8]) -> [tempfile::NamedTempFile; 2] {
    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const PSH: u8 = 8;
    const ACK: u8 = 16;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".as_slice();
    let (asked, answered) = (1001 + request.len() as u32, 1001 + answer.len() as u32);
    let sides = [
        (true, [SYN, ACK | PSH, ACK | FIN], request, [0, 1001, answered]),
        (false, [SYN | ACK, ACK | PSH, ACK | FIN], answer, [1001, asked, asked + 1]),
    ];
    sides.map(|(client, flags, said, acknowledged)| {
        let mut bytes = pcap_header();
        let mut packets = 0;
        for number in 0..count {
            for (step, flags) in flags.into_iter().enumerate() {
                let payload = if step == 1 { said } else { &[] };
                let numbers = [[1000, 1001, 1001 + said.len() as u32][step], acknowledged[step]];
                pcap_packet(&mut bytes, packets, &tcp_frame(number, client, flags, numbers, payload));
                packets += 1;
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    })
}

/// The first packets of 65,536 connections.
pub(crate) fn handshakes() -> tempfile::NamedTempFile {
    const SYN: u8 = 2;
    let mut bytes = pcap_header();
    for number in 0..1 << 16 {
        pcap_packet(&mut bytes, number, &tcp_frame(number, true, SYN, [1000, 0], &[]));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn pcap_packet(bytes: &mut Vec<u8>, number: u32, frame: &[u8]) {
    bytes.extend((number / 1_000_000).to_le_bytes());
    bytes.extend((number % 1_000_000).to_le_bytes());
    bytes.extend((frame.len() as u32).to_le_bytes());
    bytes.extend((frame.len() as u32).to_le_bytes());
    bytes.extend(frame);
}

fn tcp_frame(number: u32, from_client: bool, flags: u8, numbers: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let (client, server) = ([10, 0, (number >> 8) as u8, number as u8], [198, 51, 100, 7]);
    let (source, destination) = if from_client { (client, server) } else { (server, client) };
    let ports: [u16; 2] = if from_client { [40_000, 80] } else { [80, 40_000] };
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0]);
    frame.extend((40 + payload.len() as u16).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend(source.iter().chain(&destination));
    frame.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    frame.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

/// Classic pcap, microseconds, little endian, Ethernet: what tcpreplay reads.
fn pcap_header() -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(0xa1b2_c3d4_u32.to_le_bytes());
    header.extend(2_u16.to_le_bytes());
    header.extend(4_u16.to_le_bytes());
    header.extend([0; 8]);
    header.extend(65_535_u32.to_le_bytes());
    header.extend(1_u32.to_le_bytes());
    header
}

fn udp_frame(number: u32) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0]);
    let [_, a, b, c] = number.to_be_bytes();
    frame.extend([10, a, b, c, 198, 51, 100, 7]);
    frame.extend([0x9c, 0x40, 0x13, 0x88, 0, 26, 0, 0]);
    frame.extend([0x5a; 18]);
    frame
}

#[test]
fn flood_is_readable_by_the_same_reader() {
    let file = flood(100);
    let flows = flows(file.path());
    // But for the malformed one and the one that is no IP.
    assert_eq!(flows.len(), 98);
    assert!(flows.iter().all(|flow| flow["network"]["transport"] == "udp"));
}
