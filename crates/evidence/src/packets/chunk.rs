//! Packets on their way from a worker to the disk: a chunk of a capture file, and whose packets are in it.

use offport_engine::Session;
use offport_wire::{Domain, FlowKey, Frame, Key4, Key6, Timestamp, Transport};

use super::pcapng::{self, StoredPacket};

/// Bytes of a chunk: one large write.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;
/// Packets of each family that a chunk has room for beside its bytes: as many as the smallest datagrams of UDP in Ethernet fill it.
const MOST_V4: usize = CHUNK_BYTES / pcapng::packet_len(14 + 20 + 8);
const MOST_V6: usize = CHUNK_BYTES / pcapng::packet_len(14 + 40 + 8);
/// Beside the offset of a packet's block, a multiple of four: its session is flagged.
const FLAGGED: u32 = 1;

/// Filled by a worker, written by the writer, and filled again: its memory is taken once.
///
/// Beside each packet there is no more than whose it is and where: a worker writes it for every packet, and memory that goes to
/// another core and back is what keeping costs it.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// All of them; those in use first.
    bytes: Vec<u8>,
    used: usize,
    v4: Vec<Entry<Key4>>,
    v6: Vec<Entry<Key6>>,
}

/// A packet of a chunk. Its time is in its block.
#[derive(Clone, Copy, Debug)]
struct Entry<K> {
    key: K,
    /// Where in the chunk its block begins, and [`FLAGGED`].
    place: u32,
    start: Timestamp,
}

const _: () = assert!(size_of::<Entry<Key4>>() == 32, "two in a line of the cache");

/// A packet of a chunk, as the index wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) session: Session,
    /// Nanoseconds since the Unix epoch.
    pub(crate) time: u64,
    /// Where in the chunk it begins.
    pub(crate) offset: u32,
}

impl Chunk {
    /// Every page of it is written to: a worker that is the first to do so waits for the kernel's zeroing.
    pub(crate) fn new() -> Self {
        let (place, start) = (u32::MAX, Timestamp::ZERO);
        let (port, domain, transport) = (u16::MAX, Domain(u32::MAX), Transport(u8::MAX));
        let (low_port, high_port) = (port, port);
        let v4 = Key4 { low_addr: u32::MAX, high_addr: u32::MAX, low_port, high_port, domain, transport };
        let v6 = Key6 { low_addr: u128::MAX, high_addr: u128::MAX, low_port, high_port, domain, transport };
        let mut chunk = Self {
            bytes: vec![u8::MAX; CHUNK_BYTES],
            used: 0,
            v4: vec![Entry { key: v4, place, start }; MOST_V4],
            v6: vec![Entry { key: v6, place, start }; MOST_V6],
        };
        chunk.clear();
        chunk
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// A piece of a capture file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// How many packets are in it.
    pub(crate) fn packets(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Each packet, those of IPv4 first.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        let v4 = self.v4.iter().map(|entry| (FlowKey::V4(entry.key), entry.start, entry.place));
        let v6 = self.v6.iter().map(|entry| (FlowKey::V6(entry.key), entry.start, entry.place));
        v4.chain(v6).map(|(key, start, place)| {
            let offset = place & !FLAGGED;
            Place {
                session: Session { key, start, flagged: place & FLAGGED != 0 },
                time: pcapng::time(&self.bytes[offset as usize..]),
                offset,
            }
        })
    }

    /// Adds a frame. False: there is no room for it.
    pub(crate) fn push(&mut self, frame: &Frame<'_>, session: &Session) -> bool {
        let len = pcapng::packet_len(frame.bytes.len());
        let Some(room) = self.bytes[self.used..].get_mut(..len) else { return false };
        let place = self.used as u32 | if session.flagged { FLAGGED } else { 0 };
        let start = session.start;
        // Memory that was not touched beforehand is not taken: the chunk is full then, too.
        match session.key {
            FlowKey::V4(key) if self.v4.len() < self.v4.capacity() => {
                self.v4.push(Entry { key, place, start })
            }
            FlowKey::V6(key) if self.v6.len() < self.v6.capacity() => {
                self.v6.push(Entry { key, place, start })
            }
            _ => return false,
        }
        let packet = StoredPacket {
            interface: frame.interface.into(),
            time: frame.time.as_nanos(),
            wire_len: frame.wire_len,
            bytes: frame.bytes,
        };
        pcapng::write_packet(room, &packet);
        self.used += len;
        true
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
        self.v4.clear();
        self.v6.clear();
    }
}
