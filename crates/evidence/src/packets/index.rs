//! The index beside a capture file: for each chunk of it, whose packets are where.
//!
//! One frame per chunk, appended after the chunk itself, so whatever the index names is there. All numbers little-endian:
//!
//! ```text
//! frame    "OPK1", see `frame.rs`
//! body     offset of the chunk in the capture file: u64, its length: u32, sessions: u32, packets: u32,
//!          first and last time, nanoseconds: u64, u64, sessions, packets
//! session  start, microseconds: u64, domain: u32, ports: u16, u16, transport: u8, family: u8 (4 or 6), flagged: u8, 0,
//!          addresses: 4 or 16 bytes each, its packets: u32
//! packet   time, nanoseconds: u64, offset in the chunk: u32; session by session
//! ```
//!
//! Ports and addresses are those of the flow key: the lower end first. A file that was closed in order ends with a frame without
//! packets, whose chunk begins where the capture file ends, and whose times are those of the whole file.

use std::collections::HashMap;

use offport_engine::Session;
use offport_wire::{Domain, FlowKey, Key4, Key6, Timestamp, Transport};

use super::chunk::Chunk;
use crate::frame::{self, Magic};

pub(crate) const MAGIC: Magic = Magic(*b"OPK1");
const BODY_HEAD: usize = 36;
const PACKET: usize = 12;
/// No chunk has an index that is longer.
const MAX_BODY: usize = 4 << 20;

/// What the index says of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChunkIndex<'a> {
    /// Where in the capture file it is.
    pub(crate) offset: u64,
    pub(crate) len: u32,
    pub(crate) packets: u32,
    /// Nanoseconds since the Unix epoch.
    pub(crate) first: u64,
    pub(crate) last: u64,
    sessions: u32,
    body: &'a [u8],
}

/// The packets of one session in a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packets<'a> {
    pub(crate) session: Session,
    /// Where in the capture file the chunk begins.
    chunk: u64,
    entries: &'a [u8],
}

/// What the last frame of a closed file says of all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Length of the capture file.
    pub(crate) end: u64,
    pub(crate) packets: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// Makes frames; keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct Indexer {
    by_session: HashMap<Session, u32>,
    sessions: Vec<(Session, Vec<(u64, u32)>)>,
    frame: Vec<u8>,
}

impl Indexer {
    /// The frame of a chunk that lies at `offset` of the capture file.
    pub(crate) fn frame(&mut self, chunk: &Chunk, offset: u64) -> &[u8] {
        self.by_session.clear();
        let mut used = 0;
        let (mut first, mut last) = (u64::MAX, 0);
        for place in chunk.places() {
            // The flag of a session may rise within a chunk: it counts for all of it.
            let whose = Session { flagged: false, ..place.session };
            let at = *self.by_session.entry(whose).or_insert_with(|| {
                if self.sessions.len() == used {
                    self.sessions.push((whose, Vec::new()));
                }
                self.sessions[used].0 = whose;
                self.sessions[used].1.clear();
                used += 1;
                used as u32 - 1
            });
            let (session, packets) = &mut self.sessions[at as usize];
            session.flagged |= place.session.flagged;
            packets.push((place.time, place.offset));
            (first, last) = (first.min(place.time), last.max(place.time));
        }
        let frame = &mut self.frame;
        begin(
            frame,
            offset,
            [chunk.bytes().len() as u32, used as u32, chunk.packets() as u32],
            [first, last],
        );
        for (session, packets) in &self.sessions[..used] {
            push_session(frame, session, packets.len() as u32);
        }
        for (time, offset) in self.sessions[..used].iter().flat_map(|(_, packets)| packets) {
            frame.extend(time.to_le_bytes());
            frame.extend(offset.to_le_bytes());
        }
        MAGIC.seal(frame);
        frame
    }
}

impl Summary {
    /// Adds a chunk that follows.
    pub(crate) fn add(&mut self, chunk: &ChunkIndex<'_>) {
        self.add_times(chunk.first, chunk.last);
        self.end = chunk.end();
        self.packets += u64::from(chunk.packets);
    }

    pub(crate) fn add_times(&mut self, first: u64, last: u64) {
        self.first = if self.packets == 0 { first } else { self.first.min(first) };
        self.last = self.last.max(last);
    }

    /// The last frame of a file.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        begin(&mut frame, self.end, [0; 3], [self.first, self.last]);
        MAGIC.seal(&mut frame);
        frame
    }

    /// Of a file that was closed in order, by its end. How many packets there are it does not tell.
    pub(crate) fn at_end_of(index: &[u8]) -> Option<Self> {
        let (chunk, _) = ChunkIndex::read(index.get(index.len().checked_sub(Self::LEN)?..)?)?;
        chunk.is_summary().then_some(Self {
            end: chunk.offset,
            packets: 0,
            first: chunk.first,
            last: chunk.last,
        })
    }

    pub(crate) const LEN: usize = frame::HEAD + BODY_HEAD;
}

fn begin(frame: &mut Vec<u8>, offset: u64, [len, sessions, packets]: [u32; 3], times: [u64; 2]) {
    frame.clear();
    frame.extend([0; frame::HEAD]);
    frame.extend(offset.to_le_bytes());
    [len, sessions, packets].iter().for_each(|number| frame.extend(number.to_le_bytes()));
    times.iter().for_each(|time| frame.extend(time.to_le_bytes()));
}

/// A frame with any body, for fuzzing.
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    let mut frame = [&[0; frame::HEAD], body].concat();
    MAGIC.seal(&mut frame);
    frame
}

impl<'a> ChunkIndex<'a> {
    /// The frame that begins `bytes`, and what is behind it. `None`: it is torn, or there is none.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (body, rest) = MAGIC.read(bytes)?;
        if !(BODY_HEAD..=MAX_BODY).contains(&body.len()) {
            return None;
        }
        let chunk = Self {
            offset: u64_at(body, 0)?,
            len: u32_at(body, 8)?,
            sessions: u32_at(body, 12)?,
            packets: u32_at(body, 16)?,
            first: u64_at(body, 20)?,
            last: u64_at(body, 28)?,
            body,
        };
        Some((chunk, rest))
    }

    /// Where in the capture file the next chunk begins. What is damaged may say that it is beyond all files.
    pub(crate) fn end(&self) -> u64 {
        self.offset.saturating_add(self.len.into())
    }

    /// It is the last frame of a file that was closed in order.
    pub(crate) fn is_summary(&self) -> bool {
        self.packets == 0
    }

    /// Whose packets are in it.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = Packets<'a>> {
        let chunk = self.offset;
        let mut sessions = &self.body[BODY_HEAD..];
        let places = self.body.len().saturating_sub(self.packets as usize * PACKET);
        let mut packets = &self.body[places..];
        (0..self.sessions).map_while(move |_| {
            let (session, many, rest) = read_session(sessions)?;
            let (entries, others) = packets.split_at_checked(many as usize * PACKET)?;
            (sessions, packets) = (rest, others);
            Some(Packets { session, chunk, entries })
        })
    }
}

impl Packets<'_> {
    /// Time, in nanoseconds, and place in the capture file, of each.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u64, u64)> {
        self.entries.chunks_exact(PACKET).filter_map(|entry| {
            Some((u64_at(entry, 0)?, self.chunk.saturating_add(u32_at(entry, 8)?.into())))
        })
    }
}

fn push_session(frame: &mut Vec<u8>, session: &Session, packets: u32) {
    let Session { key, start, flagged } = session;
    let Domain(domain) = key.domain();
    let (family, ports) = match key {
        FlowKey::V4(key) => (4, [key.low_port, key.high_port]),
        FlowKey::V6(key) => (6, [key.low_port, key.high_port]),
    };
    frame.extend((start.as_nanos() / 1_000).to_le_bytes());
    frame.extend(domain.to_le_bytes());
    ports.iter().for_each(|port| frame.extend(port.to_le_bytes()));
    frame.extend([key.transport().0, family, u8::from(*flagged), 0]);
    match key {
        FlowKey::V4(key) => {
            [key.low_addr, key.high_addr].iter().for_each(|end| frame.extend(end.to_be_bytes()))
        }
        FlowKey::V6(key) => {
            [key.low_addr, key.high_addr].iter().for_each(|end| frame.extend(end.to_be_bytes()))
        }
    }
    frame.extend(packets.to_le_bytes());
}

fn read_session(bytes: &[u8]) -> Option<(Session, u32, &[u8])> {
    let (head, rest) = bytes.split_at_checked(20)?;
    let start = Timestamp::from_nanos(u64_at(head, 0)?.saturating_mul(1_000));
    let domain = Domain(u32_at(head, 8)?);
    let [low_port, high_port] = [12, 14].map(|at| u16::from_le_bytes([head[at], head[at + 1]]));
    let (transport, family, flagged) = (Transport(head[16]), head[17], head[18] != 0);
    let (key, rest) = if family == 4 {
        let (low, rest) = rest.split_first_chunk()?;
        let (high, rest) = rest.split_first_chunk()?;
        let (low_addr, high_addr) = (u32::from_be_bytes(*low), u32::from_be_bytes(*high));
        (FlowKey::V4(Key4 { low_addr, high_addr, low_port, high_port, domain, transport }), rest)
    } else {
        let (low, rest) = rest.split_first_chunk()?;
        let (high, rest) = rest.split_first_chunk()?;
        let (low_addr, high_addr) = (u128::from_be_bytes(*low), u128::from_be_bytes(*high));
        (FlowKey::V6(Key6 { low_addr, high_addr, low_port, high_port, domain, transport }), rest)
    };
    let (packets, rest) = rest.split_first_chunk()?;
    Some((Session { key, start, flagged }, u32::from_le_bytes(*packets), rest))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::super::fuzz::{frame, session};
    use super::*;

    fn chunk() -> Chunk {
        let mut chunk = Chunk::new();
        for number in 0..100_u32 {
            let bytes = vec![number as u8; 60 + number as usize];
            assert!(chunk.push(&frame(u64::from(1_000 - number), &bytes), &session(number % 7)));
        }
        chunk
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let (chunk, mut indexer) = (chunk(), Indexer::default());
        let first = indexer.frame(&chunk, 5_000).to_vec();
        assert_eq!(indexer.frame(&chunk, 5_000), first, "memory that is used again does not show");
        let both = [first.clone(), indexer.frame(&chunk, 90_000).to_vec()].concat();
        let (read, rest) = ChunkIndex::read(&both).unwrap();
        assert_eq!((read.offset, read.end()), (5_000, 5_000 + chunk.bytes().len() as u64));
        assert_eq!((read.first, read.last, read.packets), (901, 1_000, 100));
        let mut seen = 0;
        for packets in read.sessions() {
            for (time, place) in packets.places() {
                let kept = chunk.places().find(|kept| kept.time == time).unwrap();
                assert_eq!((kept.session, u64::from(kept.offset)), (packets.session, place - 5_000));
                seen += 1;
            }
        }
        assert_eq!(seen, 100);
        let (read, rest) = ChunkIndex::read(rest).unwrap();
        assert_eq!((read.offset, rest), (90_000, &[][..]));
    }

    #[test]
    fn a_torn_frame_is_none() {
        let frame = Indexer::default().frame(&chunk(), 0).to_vec();
        for cut in 0..frame.len() {
            assert_eq!(ChunkIndex::read(&frame[..cut]), None);
        }
        for at in 0..frame.len() {
            let mut bad = frame.clone();
            bad[at] ^= 0x40;
            assert_eq!(ChunkIndex::read(&bad), None, "byte {at}");
        }
    }
}
