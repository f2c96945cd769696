//! Messages that wait: [segments](super::segment) in a folder, and memory for what the disk does not take.
//!
//! Frames are numbered without end. Those on the disk come before those in memory. What is acknowledged is given up at the
//! front, a file goes when all of it is, and the cursor is written behind that: so whatever is killed, and whenever, no
//! frame is lost that was on the disk, and some may be sent twice. A process that is killed loses nothing that it has
//! written; for a machine that loses power, files are synced when they are full and when the sensor stops.
//!
//! Nothing here is fatal. A disk that is full or cannot be written is tried again after [`RETRY`], and what comes in the
//! meantime waits in memory, within a bound; the oldest makes room, and is counted.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::counts::{Counts, Reason, add};
use super::segment::Segment;
use super::{cursor, frame};

/// A disk that fails is tried again after this.
const RETRY: Duration = Duration::from_secs(1);
/// What waits in memory has at most so many bytes, if the spool's own bound is not smaller.
const MEMORY: u64 = 16 << 20;
/// Segments that a full spool has: one of them is what it gives up at a time.
const SEGMENTS: u64 = 16;
/// The largest segment.
const LARGEST: u64 = 16 << 20;

pub(super) struct Spool {
    /// `None`: memory only.
    folder: Option<PathBuf>,
    /// Bytes that files may have together.
    budget: u64,
    memory_budget: u64,
    /// What was in the folder is known.
    loaded: bool,
    segments: VecDeque<Segment>,
    /// Frames behind those of the segments.
    memory: VecDeque<Vec<u8>>,
    memory_bytes: u64,
    /// The number of the next frame.
    next: u64,
    /// The disk failed: not before this.
    failing: Option<Instant>,
    complained: bool,
    counts: Arc<Counts>,
}

/// The first messages that wait.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// The number of the first.
    pub(super) first: u64,
    pub(super) payloads: Vec<Vec<u8>>,
}

impl Spool {
    /// What is in `folder`, which is made when missing; `None`: memory only, within `budget` bytes.
    pub(super) fn open(folder: Option<&Path>, budget: u64, counts: Arc<Counts>) -> Self {
        let mut spool = Self {
            folder: folder.map(Path::to_owned),
            budget,
            memory_budget: budget.min(MEMORY),
            loaded: false,
            segments: VecDeque::new(),
            memory: VecDeque::new(),
            memory_bytes: 0,
            next: 0,
            failing: None,
            complained: false,
            counts,
        };
        if let Some(folder) = folder
            && let Err(error) = spool.load(folder)
        {
            spool.complain(&error);
        }
        spool.publish();
        spool
    }

    /// Puts a message behind the others.
    pub(super) fn push(&mut self, payload: &[u8]) {
        add(&self.counts.accepted, 1);
        match frame::frame(payload) {
            Some(frame) => self.put(frame),
            None => self.counts.dropped(Reason::Refused, 1),
        }
        self.publish();
    }

    /// The first messages: `count` at most, and no more than `bytes`, but one. They stay.
    pub(super) fn peek(&mut self, count: usize, bytes: usize) -> Batch {
        while let Some(segment) = self.segments.iter().find(|segment| segment.count() > 0) {
            match segment.read(count, bytes) {
                Ok(payloads) => return Batch { first: segment.next(), payloads },
                Err(error) => {
                    let damaged = segment.next();
                    tracing::error!(%error, "a message in the spool cannot be read: given up");
                    self.counts.dropped(Reason::Corrupt, 1);
                    self.acknowledge(damaged + 1);
                }
            }
        }
        let payload = |frame: &Vec<u8>| frame.get(frame::HEADER..).unwrap_or_default().to_vec();
        let mut total = 0;
        let fits = |frame: &&Vec<u8>| {
            total += frame.len();
            total <= bytes || total == frame.len()
        };
        let payloads = self.memory.iter().take(count).take_while(fits).map(payload).collect();
        Batch { first: self.first_in_memory(), payloads }
    }

    /// All messages before the number `to` have been taken.
    pub(super) fn acknowledge(&mut self, to: u64) {
        for segment in &mut self.segments {
            segment.give_up(to);
        }
        while self.first_in_memory() < to
            && let Some(frame) = self.memory.pop_front()
        {
            self.memory_bytes -= frame.len() as u64;
        }
        // The last file goes on being appended to until it is full.
        let full = self.segment_size();
        while let Some(first) = self.segments.front()
            && first.count() == 0
            && (self.segments.len() > 1 || first.len() >= full)
        {
            self.remove_first();
        }
        self.write_cursor();
        self.publish();
    }

    /// Moves what waits in memory to a disk that takes it again. To be called now and then.
    pub(super) fn recover(&mut self) {
        if self.folder.is_none() || !self.may_try() {
            return;
        }
        if let Some(Err(error)) =
            self.folder.clone().filter(|_| !self.loaded).map(|folder| self.load(&folder))
        {
            return self.fail(&error);
        }
        while let Some(frame) = self.memory.front().cloned() {
            let number = self.first_in_memory();
            if !self.store(&frame, number) {
                break;
            }
            self.memory.pop_front();
            self.memory_bytes -= frame.len() as u64;
        }
        self.publish();
    }

    /// Hands what was written to the disk itself.
    pub(super) fn sync(&self) {
        if let Some(Err(error)) = self.segments.back().map(Segment::sync) {
            tracing::warn!(%error, "the spool cannot be synced");
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.segments.iter().all(|segment| segment.count() == 0)
    }

    fn load(&mut self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let cursor = cursor::read(folder)?;
        let mut next = 0;
        for (first, path) in Segment::list(folder)? {
            // Names are numbers of frames; one inside another file is none of ours.
            let first = first.max(next);
            match Segment::open(path.clone(), first) {
                Ok((segment, cut)) => {
                    if cut > 0 {
                        self.counts.dropped(Reason::Corrupt, 1);
                        tracing::warn!(path = %path.display(), bytes = cut, "damaged at its end: cut off");
                    }
                    next = segment.next() + segment.count();
                    self.segments.push_back(segment);
                }
                Err(error) => {
                    self.counts.dropped(Reason::Corrupt, 1);
                    tracing::error!(path = %path.display(), %error, "cannot be read: left out");
                    // Its name is taken.
                    next = first.saturating_add(1);
                }
            }
        }
        // Files may be missing that the cursor knew of: their numbers are not given again.
        next = next.max(cursor.unwrap_or(0));
        self.next = self.next.max(next + self.memory.len() as u64);
        self.loaded = true;
        if let Some(cursor) = cursor {
            self.acknowledge(cursor);
        }
        Ok(())
    }

    fn put(&mut self, frame: Vec<u8>) {
        let number = self.next;
        self.next += 1;
        let disk = self.folder.is_some() && self.loaded && self.memory.is_empty() && self.may_try();
        if disk && self.store(&frame, number) {
            return;
        }
        self.memory_bytes += frame.len() as u64;
        self.memory.push_back(frame);
        while self.memory_bytes > self.memory_budget
            && let Some(oldest) = self.memory.pop_front()
        {
            self.memory_bytes -= oldest.len() as u64;
            self.counts.dropped(Reason::MemoryFull, 1);
        }
    }

    /// To the disk; whether it took it.
    fn store(&mut self, frame: &[u8], number: u64) -> bool {
        if let Err(error) = self.append(frame, number) {
            self.fail(&error);
            return false;
        }
        if self.failing.take().is_some() {
            self.complained = false;
            tracing::info!("the spool is written again");
        }
        true
    }

    /// To the last file, or a new one if that is full or does not end before this number.
    fn append(&mut self, frame: &[u8], number: u64) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let length = frame.len() as u64;
        let full = self.segment_size();
        let fits = self.segments.back().is_some_and(|last| {
            last.next() + last.count() == number && (last.len() + length <= full || last.len() == 0)
        });
        if !fits {
            if let Some(last) = self.segments.back() {
                // What the disk makes of it shows when it is read.
                let _ = last.sync();
            }
            let segment = Segment::create(folder, number)?;
            self.segments.push_back(segment);
        }
        if let Some(last) = self.segments.back_mut() {
            last.append(frame)?;
        }
        self.make_room();
        Ok(())
    }

    /// Gives the oldest files up until the rest is within the budget; never what has just come.
    fn make_room(&mut self) {
        let mut dropped = 0;
        while self.segments.len() > 1 && self.segments.iter().map(Segment::len).sum::<u64>() > self.budget {
            dropped += self.segments.front().map_or(0, Segment::count);
            self.remove_first();
        }
        if dropped > 0 {
            self.counts.dropped(Reason::SpoolFull, dropped);
            self.write_cursor();
        }
    }

    fn remove_first(&mut self) {
        if let Some(Err(error)) = self.segments.pop_front().map(Segment::remove)
            && error.kind() != io::ErrorKind::NotFound
        {
            self.complain(&error);
        }
    }

    fn write_cursor(&mut self) {
        let waiting = self.segments.iter().find(|segment| segment.count() > 0);
        let number = waiting.map_or_else(|| self.first_in_memory(), Segment::next);
        if let Some(Err(error)) = self.folder.as_ref().map(|folder| cursor::write(folder, number)) {
            self.complain(&error);
        }
    }

    fn segment_size(&self) -> u64 {
        (self.budget / SEGMENTS).clamp(1, LARGEST)
    }

    fn first_in_memory(&self) -> u64 {
        self.next - self.memory.len() as u64
    }

    /// The end: what is not on the disk by now is lost, and counted.
    pub(super) fn give_up_memory(&mut self) {
        let lost = self.memory.len() as u64;
        if lost > 0 {
            self.counts.dropped(Reason::MemoryFull, lost);
            self.memory.clear();
            self.memory_bytes = 0;
            self.publish();
        }
    }

    fn may_try(&self) -> bool {
        self.failing.is_none_or(|not_before| Instant::now() >= not_before)
    }

    fn fail(&mut self, error: &io::Error) {
        self.failing = Some(Instant::now() + RETRY);
        self.complain(error);
    }

    fn complain(&mut self, error: &io::Error) {
        add(&self.counts.spool_errors, 1);
        if !std::mem::replace(&mut self.complained, true) {
            let folder = self.folder.as_deref().unwrap_or(Path::new("")).display().to_string();
            tracing::error!(folder, %error, "the spool cannot be written; what comes waits in memory");
        }
    }

    fn publish(&self) {
        let (count, bytes) = self
            .segments
            .iter()
            .fold((0, 0), |(count, bytes), segment| (count + segment.count(), bytes + segment.pending()));
        self.counts.waiting.store(count + self.memory.len() as u64, Ordering::Relaxed);
        self.counts.spooled_bytes.store(bytes + self.memory_bytes, Ordering::Relaxed);
    }
}
