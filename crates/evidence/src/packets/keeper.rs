//! A worker's end of the packet store: frames are copied into a chunk of a capture file, and full chunks are exchanged for
//! empty ones. Where there is none, the packet is not kept, and counted; the worker never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use offport_engine::Session;
use offport_wire::{Frame, Timestamp};
use rtrb::{Consumer, Producer, RingBuffer};

use super::chunk::{CHUNK_BYTES, Chunk};

/// A chunk that is not full is handed on after this.
const PATIENCE: Duration = Duration::from_millis(100);
/// The part of the chunks, one in so many, that only flagged sessions may take.
const RESERVE: usize = 4;

/// What a worker kept and could not keep.
#[derive(Debug, Default)]
pub struct Kept {
    /// Packets that were handed to the writer.
    pub packets: AtomicU64,
    /// Bytes of these.
    pub bytes: AtomicU64,
    /// Packets that were not kept because the disk is behind: of sessions that are not flagged, of flagged ones.
    pub behind: [AtomicU64; 2],
    /// Frames that are longer than a chunk.
    pub oversize: AtomicU64,
}

/// Keeps packets.
#[derive(Debug)]
pub struct Keeper {
    chunk: Option<Chunk>,
    /// When the first packet of `chunk` came.
    since: Timestamp,
    full: Producer<Chunk>,
    empty: Consumer<Chunk>,
    /// Empty ones in hand. The one that came last is taken first: it is in the cache, and others are never touched.
    stack: Vec<Chunk>,
    reserve: usize,
    kept: Arc<Kept>,
}

/// The writer's end.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) full: Consumer<Chunk>,
    pub(crate) empty: Producer<Chunk>,
    pub(crate) kept: Arc<Kept>,
}

/// Both ends; at most so many bytes wait for the writer.
pub(crate) fn pair(bytes: u64) -> (Keeper, Source) {
    let chunks = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(CHUNK_BYTES).clamp(RESERVE, 1 << 16);
    let (full, full_out) = RingBuffer::new(chunks);
    let (empty_in, empty) = RingBuffer::new(chunks);
    let kept = Arc::new(Kept::default());
    let keeper = Keeper {
        chunk: None,
        since: Timestamp::ZERO,
        full,
        empty,
        stack: (0..chunks).map(|_| Chunk::new()).collect(),
        reserve: chunks / RESERVE,
        kept: Arc::clone(&kept),
    };
    (keeper, Source { full: full_out, empty: empty_in, kept })
}

impl Keeper {
    /// Keeps a frame of a session, if the disk keeps up.
    pub fn keep(&mut self, frame: &Frame<'_>, session: &Session) {
        if let Some(chunk) = &mut self.chunk
            && chunk.push(frame, session)
        {
            return self.count(frame);
        }
        self.hand_on();
        let Some(mut chunk) = self.chunk.take().or_else(|| self.acquire(session.flagged)) else {
            return add(&self.kept.behind[usize::from(session.flagged)], 1);
        };
        self.since = frame.time;
        match chunk.push(frame, session) {
            true => self.count(frame),
            false => add(&self.kept.oversize, 1),
        }
        self.chunk = Some(chunk);
    }

    /// Time has come to `now`: what has waited for long is handed on.
    pub fn pass_time(&mut self, now: Timestamp) {
        if now.since(self.since) >= PATIENCE {
            self.hand_on();
        }
    }

    /// Hands on what there is.
    pub fn flush(&mut self) {
        self.hand_on();
    }

    fn hand_on(&mut self) {
        let Some(chunk) = self.chunk.take_if(|chunk| !chunk.is_empty()) else { return };
        // There are as many places as chunks. Without a reader nothing is written any more.
        let _ = self.full.push(chunk);
    }

    /// An empty chunk. The last ones are for flagged sessions.
    fn acquire(&mut self, flagged: bool) -> Option<Chunk> {
        // As many as there are chunks, so the stack does not grow.
        self.stack.extend(std::iter::from_fn(|| self.empty.pop().ok()));
        let may = flagged || self.stack.len() > self.reserve;
        may.then(|| self.stack.pop()).flatten()
    }

    fn count(&self, frame: &Frame<'_>) {
        add(&self.kept.packets, 1);
        add(&self.kept.bytes, frame.bytes.len() as u64);
    }
}

/// There is one writer of each counter.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
}
