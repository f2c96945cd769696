//! The same engine on a capture file, and captures for replay.

use std::path::Path;
use std::sync::Arc;

use offport_capture::file::{Batch, CaptureFile};
use offport_engine::{Config, Event, FlowRecord, HandOver, Output, Worker};
use offport_policy::Policy;
use offport_telemetry::ecs::Formatter;
use offport_wire::Timestamp;
use serde_json::Value;

struct Records(Vec<FlowRecord>);

impl Output for Records {
    fn record(&mut self, record: &FlowRecord) {
        self.0.push(*record);
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
    let mut records = Records(Vec::new());
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
        .0
        .iter()
        .map(|record| {
            let mut line = Vec::new();
            formatter.record(record, &mut line);
            serde_json::from_slice(&line).unwrap()
        })
        .collect()
}

/// A record without what must differ between live and offline: times, worker, observer, and the id made of them.
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
    for key in ["worker", "flow_id"] {
        offport.remove(key);
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
        bytes.extend((number / 1_000_000).to_le_bytes());
        bytes.extend((number % 1_000_000).to_le_bytes());
        bytes.extend((frame.len() as u32).to_le_bytes());
        bytes.extend((frame.len() as u32).to_le_bytes());
        bytes.extend(frame);
    }
    std::fs::write(file.path(), bytes).unwrap();
    file
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
