//! The pcap format (draft-ietf-opsawg-pcap; libpcap's `sf-pcap.c` for what older writers did).

use std::io::BufRead;

use offport_wire::Timestamp;

use super::batch::{Batch, MAX_FRAME};
use super::bytes::{ByteOrder, Fields};
use super::capture_file::Stream;
use super::error::Malformed;
use super::interface::Route;
use super::state::{Fault, State, Step};

/// Microseconds.
const MAGIC: u32 = 0xa1b2_c3d4;
/// Nanoseconds.
const MAGIC_NANOS: u32 = 0xa1b2_3c4d;
/// Kuznetzov's patch to libpcap 0.4: microseconds, and eight more bytes in each record header (interface
/// index, protocol, packet type).
const MAGIC_MODIFIED: u32 = 0xa1b2_cd34;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const MODIFIED_RECORD_HEADER: usize = 24;

/// Above are the length of the frame check sequence and a flag that it is there.
const LINK_TYPE_MASK: u32 = 0x03ff_ffff;

pub(super) struct Pcap {
    order: ByteOrder,
    nanos_per_tick: u64,
    record_header: usize,
    lengths: Lengths,
    route: Route,
}

/// Writers before version 2.3 stored the two lengths of a record the other way round, and version 2.3
/// was written both ways.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    SmallerIsCaptured,
}

impl Pcap {
    pub(super) fn recognises(head: &[u8]) -> bool {
        variant(head).is_some()
    }

    pub(super) fn open(stream: &mut Stream, state: &mut State) -> Result<Self, Fault> {
        let header = stream.peek(FILE_HEADER)?;
        let cut = || {
            let (present, expected) = (header.len() as u64, FILE_HEADER as u64);
            Fault::Malformed(0, Malformed::CutHeader { present, expected })
        };
        let (order, magic) = variant(header).ok_or_else(cut)?;
        let (major, minor, link_code) = file_header(order, header).ok_or_else(cut)?;
        let lengths = match (major, minor) {
            // 543.0 is DG/UX's tcpdump.
            (2, ..=2) | (543, 0) => Lengths::WireFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            (2, _) => Lengths::CapturedFirst,
            _ => return Err(Fault::Malformed(0, Malformed::Version { major, minor })),
        };
        stream.consume(FILE_HEADER);
        let route = state
            .interfaces
            .add(0, link_code & LINK_TYPE_MASK, None)
            .ok_or(Fault::Malformed(0, Malformed::TooManyInterfaces))?;
        Ok(Self {
            order,
            nanos_per_tick: if magic == MAGIC_NANOS { 1 } else { 1000 },
            record_header: if magic == MAGIC_MODIFIED { MODIFIED_RECORD_HEADER } else { RECORD_HEADER },
            lengths,
            route,
        })
    }

    pub(super) fn step(
        &mut self,
        stream: &mut Stream,
        state: &mut State,
        batch: &mut Batch,
    ) -> Result<Step, Fault> {
        let offset = stream.offset();
        if !batch.is_empty() && !stream.holds(self.record_header) {
            return Ok(Step::Later);
        }
        let header = stream.peek(self.record_header)?;
        if header.is_empty() {
            return Ok(Step::End);
        }
        if header.len() < self.record_header {
            return Ok(state.cut(offset, header.len() as u64, self.record_header as u64));
        }
        let Some(record) = self.record(header) else {
            return Ok(state.cut(offset, header.len() as u64, self.record_header as u64));
        };

        let expected = self.record_header as u64 + u64::from(record.captured);
        if self.route.link.is_none() {
            // Such links may have longer packets (USB, D-Bus); they need not fit the buffer.
            let present = stream.skip(expected)?;
            if present < expected {
                return Ok(state.cut(offset, present, expected));
            }
            state.pass_over(self.route);
            return Ok(Step::Taken);
        }
        let captured = record.captured as usize;
        if captured > MAX_FRAME {
            let claimed = record.captured;
            return Err(Fault::Malformed(offset, Malformed::RecordLength { claimed }));
        }
        let len = self.record_header + captured;
        if !batch.is_empty() && !stream.holds(len) {
            return Ok(Step::Later);
        }
        let bytes = stream.peek(len)?;
        if bytes.len() < len {
            return Ok(state.cut(offset, bytes.len() as u64, expected));
        }
        let frame = bytes.get(self.record_header..).unwrap_or_default();
        state.deliver(self.route, record.time, frame, record.wire, batch);
        stream.consume(len);
        Ok(Step::Taken)
    }

    fn record(&self, header: &[u8]) -> Option<Record> {
        let mut fields = Fields::new(self.order, header);
        let (seconds, ticks) = (fields.u32()?, fields.u32()?);
        let (first, second) = (fields.u32()?, fields.u32()?);
        let (captured, wire) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        // At most 2^32 * 10^9 + 2^32 * 10^3: no overflow, whatever the ticks are.
        let nanos = u64::from(seconds) * 1_000_000_000 + u64::from(ticks) * self.nanos_per_tick;
        Some(Record { time: Timestamp::from_nanos(nanos), captured, wire })
    }
}

struct Record {
    time: Timestamp,
    captured: u32,
    wire: u32,
}

/// Byte order and magic of the file.
fn variant(head: &[u8]) -> Option<(ByteOrder, u32)> {
    [ByteOrder::Little, ByteOrder::Big].into_iter().find_map(|order| {
        let magic = Fields::new(order, head).u32()?;
        matches!(magic, MAGIC | MAGIC_NANOS | MAGIC_MODIFIED).then_some((order, magic))
    })
}

/// Version and link type.
fn file_header(order: ByteOrder, header: &[u8]) -> Option<(u16, u16, u32)> {
    let mut fields = Fields::new(order, header);
    fields.u32()?;
    let version = (fields.u16()?, fields.u16()?);
    // Time zone and accuracy have always been 0; the snap length is exceeded by too many writers to mean
    // anything.
    fields.bytes(12)?;
    Some((version.0, version.1, fields.u32()?))
}
