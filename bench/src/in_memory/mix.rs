//! A capture in memory, looped.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use allocator_api2::vec::Vec as PlacedVec;
use offport_capture::file::{Batch, CaptureFile};
use offport_wire::{Frame, LinkType, Timestamp};

use super::ring::BATCH;
use super::stages::Whole;
use crate::clock::thread_nanos;
use crate::memory::HugePages;
use crate::rounds::{Measured, Round};

/// The frames of a capture, one after the other.
#[derive(Debug)]
pub struct Capture {
    /// In huge pages, as packet memory is.
    bytes: PlacedVec<u8, HugePages>,
    records: Vec<Record>,
}

#[derive(Debug)]
struct Record {
    start: usize,
    len: u32,
    wire_len: u32,
    link: LinkType,
    time: Timestamp,
}

impl Capture {
    /// Reads a capture.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let mut file = CaptureFile::open(path)?;
        let mut batch = Batch::default();
        let mut capture = Self { bytes: PlacedVec::new_in(HugePages), records: Vec::new() };
        while file.next_batch(&mut batch)? > 0 {
            for frame in batch.iter() {
                capture.records.push(Record {
                    start: capture.bytes.len(),
                    len: frame.bytes.len() as u32,
                    wire_len: frame.wire_len,
                    link: frame.link,
                    time: frame.time,
                });
                capture.bytes.extend_from_slice(frame.bytes);
            }
        }
        anyhow::ensure!(!capture.records.is_empty(), "{} holds no packets", path.display());
        Ok(capture)
    }

    /// How many packets.
    pub fn packets(&self) -> usize {
        self.records.len()
    }

    /// The packets' bytes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(|record| &self.bytes[record.start..record.start + record.len as usize])
    }

    /// The packets as a ring would give them.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.records.iter().map(|record| self.frame(record, Duration::ZERO))
    }

    /// Writes a pcap file (nanoseconds, Ethernet) of the capture `times` over: each time later, and with other addresses.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, mut file: impl Write, times: u32) -> std::io::Result<()> {
        for field in [0xa1b2_3c4du32, 2 | 4 << 16, 0, 0, 262_144, 1] {
            file.write_all(&field.to_ne_bytes())?;
        }
        let nanos = |record: &Record| record.time.as_nanos();
        let first = self.records.iter().map(nanos).min().unwrap_or(0);
        let span = self.records.iter().map(nanos).max().unwrap_or(0) - first + 1_000_000;
        let mut bytes = Vec::new();
        for time in 0..times {
            for record in &self.records {
                bytes.clear();
                bytes.extend_from_slice(&self.bytes[record.start..record.start + record.len as usize]);
                vary(&mut bytes, time as u8);
                let at = nanos(record) + span * u64::from(time);
                let (second, nano) = ((at / 1_000_000_000) as u32, (at % 1_000_000_000) as u32);
                for field in [second, nano, record.len, record.wire_len] {
                    file.write_all(&field.to_ne_bytes())?;
                }
                file.write_all(&bytes)?;
            }
        }
        file.flush()
    }

    fn frame(&self, record: &Record, later: Duration) -> Frame<'_> {
        Frame {
            bytes: &self.bytes[record.start..record.start + record.len as usize],
            link: record.link,
            wire_len: record.wire_len,
            time: record.time + later,
            interface: 0,
        }
    }
}

/// Other addresses, for IPv4 and IPv6 behind no tag or one: as bpf/generate.bpf.c does it.
fn vary(frame: &mut [u8], time: u8) {
    let at = if frame.get(12..14) == Some(&[0x81, 0x00]) { 4 } else { 0 };
    let places = match frame.get(at + 12..at + 14) {
        Some([0x08, 0x00]) => [at + 27, at + 31],
        Some([0x86, 0xdd]) => [at + 29, at + 45],
        _ => return,
    };
    for place in places {
        if let Some(byte) = frame.get_mut(place) {
            *byte ^= time;
        }
    }
}

/// A capture through a worker, again and again. Each loop is a day later than the one before and ends with the end of
/// all flows, so every loop has the same flows to open, judge and end.
#[derive(Debug)]
pub struct Looped<'a> {
    capture: &'a Capture,
    stage: Whole,
    loops: u32,
    done: u32,
}

impl<'a> Looped<'a> {
    /// A round is `loops` times the capture.
    pub fn new(capture: &'a Capture, loops: u32) -> Self {
        Self { capture, stage: Whole::new(0), loops, done: 0 }
    }
}

impl Measured for Looped<'_> {
    fn round(&mut self) -> Round {
        let mut nanos = 0;
        for _ in 0..self.loops {
            let later = Duration::from_secs(86_400) * self.done;
            let mut last = Timestamp::ZERO;
            // What a ring would give. Not measured.
            for records in self.capture.records.chunks(16_384) {
                let frames: Vec<_> = records.iter().map(|record| self.capture.frame(record, later)).collect();
                last = frames.iter().map(|frame| frame.time).fold(last, Timestamp::max);
                let start = thread_nanos();
                for frames in frames.chunks(BATCH) {
                    self.stage.worker.batch(frames, &mut ());
                }
                nanos += thread_nanos() - start;
            }
            let start = thread_nanos();
            self.stage.worker.finish(last, &mut ());
            nanos += thread_nanos() - start;
            self.done += 1;
        }
        let units = u64::from(self.loops) * self.capture.packets() as u64;
        Round { nanos, units }
    }
}
