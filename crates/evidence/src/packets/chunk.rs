//! Packets on their way from a worker to the disk: a chunk of a capture file, and whose packets are in it.

use std::net::Ipv4Addr;

use offport_engine::Session;
use offport_wire::{Domain, FlowKey, Frame, Timestamp, Transport};

use super::pcapng::{self, StoredPacket};

/// Bytes of a chunk: one large write.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;
/// The smallest frame takes so many; more packets than that cannot be in a chunk.
const SMALLEST: usize = pcapng::packet_len(42);

/// A packet of a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) session: Session,
    /// Nanoseconds since the Unix epoch.
    pub(crate) time: u64,
    /// Where in the chunk it begins.
    pub(crate) offset: u32,
}

/// Filled by a worker, written by the writer, and filled again: its memory is taken once.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

impl Chunk {
    /// Every page of it is written to: a worker that is the first to do so waits for the kernel's zeroing.
    pub(crate) fn new() -> Self {
        let session = Session {
            key: FlowKey::v4(
                (Ipv4Addr::BROADCAST, 0),
                (Ipv4Addr::BROADCAST, 0),
                Transport::UDP,
                Domain::NONE,
            )
            .0,
            start: Timestamp::ZERO,
            flagged: true,
        };
        let mut chunk = Self {
            bytes: vec![u8::MAX; CHUNK_BYTES],
            entries: vec![Entry { session, time: u64::MAX, offset: u32::MAX }; CHUNK_BYTES / SMALLEST],
        };
        chunk.clear();
        chunk
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a frame. False: there is no room for it.
    pub(crate) fn push(&mut self, frame: &Frame<'_>, session: &Session) -> bool {
        let len = pcapng::packet_len(frame.bytes.len());
        if self.bytes.len() + len > CHUNK_BYTES || self.entries.len() == self.entries.capacity() {
            return false;
        }
        let offset = self.bytes.len() as u32;
        let time = frame.time.as_nanos();
        let packet = StoredPacket {
            interface: frame.interface.into(),
            time,
            wire_len: frame.wire_len,
            bytes: frame.bytes,
        };
        pcapng::push_packet(&mut self.bytes, &packet);
        self.entries.push(Entry { session: *session, time, offset });
        true
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}
