//! The writer's files: appended to, rotated, bounded, and given up when the disk does not take them.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use offport_wire::Timestamp;

use super::chunk::Chunk;
use super::index::{ChunkIndex, Indexer, Summary};
use super::pcapng;
use super::repair::{Repaired, repair};
use super::segment::{self, Segment};
use super::writer::PacketSettings;
use crate::lock::Lock;
use crate::refusal::Refusal;
use crate::seldom::Seldom;

/// After the disk has refused something, it is asked again this often.
const RETRY: Duration = Duration::from_secs(1);

/// What the writer has done.
#[derive(Debug, Default)]
pub struct Counts {
    /// Packets in files.
    pub packets: AtomicU64,
    /// Bytes written, index included.
    pub bytes: AtomicU64,
    /// Packets that were lost, by [`Refusal`].
    pub refused: [AtomicU64; 3],
    /// Capture files that were begun; that were removed for the budget.
    pub begun: AtomicU64,
    /// See `begun`.
    pub removed: AtomicU64,
    /// Capture files that were repaired at start, and bytes that were cut off.
    pub repaired: AtomicU64,
    /// See `repaired`.
    pub cut: AtomicU64,
    /// Bytes on disk now.
    pub held: AtomicU64,
    /// Time of the oldest packet on disk, nanoseconds since the Unix epoch; 0: there is none.
    pub oldest: AtomicU64,
    /// See [`Counts::latest`].
    latest: Mutex<Option<PathBuf>>,
}

impl Counts {
    /// The capture file that was begun last; none yet, or the disk takes none.
    pub fn latest(&self) -> Option<PathBuf> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_latest(&self, file: Option<PathBuf>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = file;
    }
}

/// The files.
#[derive(Debug)]
pub(crate) struct Disk {
    settings: PacketSettings,
    head: Vec<u8>,
    indexer: Indexer,
    open: Option<Open>,
    /// Oldest first, with their bytes.
    closed: VecDeque<(Segment, u64)>,
    /// Bytes of all.
    total: u64,
    next: u64,
    refused: Option<(Refusal, Instant)>,
    complaints: Seldom,
    counts: Arc<Counts>,
    _lock: Lock,
}

#[derive(Debug)]
struct Open {
    segment: Segment,
    data: File,
    index: File,
    summary: Summary,
    index_len: u64,
    /// Since when something is not on the disk for sure.
    dirty: Option<Instant>,
}

impl Disk {
    pub(crate) fn open(settings: &PacketSettings, counts: Arc<Counts>) -> io::Result<Self> {
        let folder = &settings.folder;
        let lock = Lock::take(folder)?;
        let mut closed = VecDeque::new();
        let mut next = 0;
        for segment in segment::list(folder)? {
            next = segment.number + 1;
            match repair(folder, &segment) {
                Ok(Repaired::Whole) => {}
                Ok(Repaired::Cut(bytes)) => {
                    tracing::warn!(file = %segment.data(folder).display(), bytes, "was not closed in order: cut back to its index");
                    add(&counts.repaired, 1);
                    add(&counts.cut, bytes);
                }
                Ok(Repaired::Removed) => {
                    tracing::warn!(file = %segment.data(folder).display(), "held no whole packet: removed");
                    add(&counts.repaired, 1);
                    continue;
                }
                Err(error) => {
                    tracing::error!(file = %segment.data(folder).display(), %error, "cannot be repaired: left as it is");
                }
            }
            let bytes = segment.len(folder);
            closed.push_back((segment, bytes));
        }
        let mut disk = Self {
            head: pcapng::head(&settings.interfaces),
            indexer: Indexer::default(),
            open: None,
            total: closed.iter().map(|(_, bytes)| bytes).sum(),
            closed,
            next,
            refused: None,
            complaints: Seldom::default(),
            counts,
            settings: PacketSettings {
                // Some files at least, so that the oldest is a small part.
                segment: settings.segment.min(settings.budget / 4),
                ..settings.clone()
            },
            _lock: lock,
        };
        disk.keep_to_budget(0);
        disk.note_oldest();
        disk.counts.held.store(disk.total, Ordering::Relaxed);
        Ok(disk)
    }

    /// Appends a chunk.
    pub(crate) fn write(&mut self, chunk: &Chunk, now: Instant) {
        let packets = chunk.packets() as u64;
        if let Some((reason, at)) = self.refused
            && now.duration_since(at) < RETRY
        {
            return add(&self.counts.refused[reason as usize], packets);
        }
        match self.append(chunk, now) {
            Ok(()) => {
                if self.refused.take().is_some() {
                    tracing::info!(folder = %self.settings.folder.display(), "packets are kept again");
                }
                add(&self.counts.packets, packets);
            }
            Err(error) => {
                let reason = Refusal::of(&error);
                add(&self.counts.refused[reason as usize], packets);
                self.refuse(reason, &error, now);
            }
        }
        self.counts.held.store(self.total, Ordering::Relaxed);
    }

    /// Has the disk keep what was written, if it is time.
    pub(crate) fn tick(&mut self, now: Instant) {
        let sync = self.settings.sync;
        let Some(open) = &mut self.open else { return };
        if open.dirty.is_some_and(|since| now.duration_since(since) >= sync) {
            open.dirty = None;
            if let Err(error) = open.data.sync_data().and_then(|()| open.index.sync_data()) {
                self.refuse(Refusal::of(&error), &error, now);
            }
        }
    }

    /// Closes the file that is open.
    pub(crate) fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        let frame = open.summary.frame();
        let written = open
            .index
            .write_all(&frame)
            .and_then(|()| open.data.sync_all())
            .and_then(|()| open.index.sync_all());
        match written {
            Ok(()) => {
                self.total += frame.len() as u64;
                open.index_len += frame.len() as u64;
            }
            // It is repaired at the next start; until then a reader reads all of its index.
            Err(error) => self.complain(&error, Instant::now()),
        }
        let bytes = open.summary.end + open.index_len;
        self.closed.push_back((open.segment, bytes));
        self.counts.held.store(self.total, Ordering::Relaxed);
    }

    fn append(&mut self, chunk: &Chunk, now: Instant) -> io::Result<()> {
        let len = chunk.bytes().len() as u64;
        if self.open.as_ref().is_some_and(|open| open.summary.end + len > self.settings.segment) {
            self.close();
        }
        self.keep_to_budget(len * 2);
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(chunk)?,
        };
        // What fails from here on leaves the file behind, cut back to what is whole. A disk that is read-only by now does not
        // even do that: a reader stops at what is torn, and the next start repairs it.
        let frame = self.indexer.frame(chunk, open.summary.end);
        let written = open.data.write_all(chunk.bytes()).and_then(|()| open.index.write_all(frame));
        if let Err(error) = written {
            let Open { segment, data, index, summary, index_len, .. } = open;
            if let Err(error) = data.set_len(summary.end).and_then(|()| index.set_len(index_len)) {
                self.complain(&error, now);
            }
            if summary.packets == 0 {
                let _ = segment.remove(&self.settings.folder);
                self.total = self.total.saturating_sub(summary.end + index_len);
            } else {
                self.closed.push_back((segment, summary.end + index_len));
            }
            return Err(error);
        }
        if let Some((index, _)) = ChunkIndex::read(frame) {
            open.summary.add(&index);
        }
        open.index_len += frame.len() as u64;
        open.dirty.get_or_insert(now);
        self.total += len + frame.len() as u64;
        add(&self.counts.bytes, len + frame.len() as u64);
        self.open = Some(open);
        if self.counts.oldest.load(Ordering::Relaxed) == 0 {
            self.note_oldest();
        }
        Ok(())
    }

    fn begin(&mut self, chunk: &Chunk) -> io::Result<Open> {
        let folder = &self.settings.folder;
        let first = pcapng::time(chunk.bytes());
        let segment = Segment::new(self.next, Timestamp::from_nanos(first));
        // A number is not used twice: what is left of a failed attempt is in nobody's way.
        self.next += 1;
        let new = |path| OpenOptions::new().append(true).create_new(true).open(path);
        let begun = new(segment.data(folder)).and_then(|mut data| {
            data.write_all(&self.head)?;
            Ok((data, new(segment.index(folder))?))
        });
        let (data, index) = begun.inspect_err(|_| _ = segment.remove(folder))?;
        let end = self.head.len() as u64;
        self.total += end;
        add(&self.counts.begun, 1);
        self.counts.set_latest(Some(segment.data(folder)));
        add(&self.counts.bytes, end);
        let summary = Summary { end, ..Summary::default() };
        Ok(Open { segment, data, index, summary, index_len: 0, dirty: None })
    }

    /// Makes room for so many bytes more.
    fn keep_to_budget(&mut self, more: u64) {
        let mut removed = false;
        while self.total + more > self.settings.budget
            && let Some((oldest, bytes)) = self.closed.pop_front()
        {
            if let Err(error) = oldest.remove(&self.settings.folder) {
                self.complain(&error, Instant::now());
            }
            self.total = self.total.saturating_sub(bytes);
            add(&self.counts.removed, 1);
            removed = true;
        }
        if removed {
            self.note_oldest();
        }
    }

    /// The time of the oldest packet that is held.
    fn note_oldest(&self) {
        let folder = &self.settings.folder;
        let of_closed = self.closed.front().and_then(|(segment, _)| {
            let index = std::fs::read(segment.index(folder)).ok()?;
            let summary = Summary::at_end_of(&index).map(|summary| summary.first);
            summary.or_else(|| ChunkIndex::read(&index).map(|(chunk, _)| chunk.first))
        });
        let of_open = self.open.as_ref().map(|open| open.summary.first);
        self.counts.oldest.store(of_closed.or(of_open).unwrap_or_default(), Ordering::Relaxed);
    }

    fn refuse(&mut self, reason: Refusal, error: &io::Error, now: Instant) {
        self.refused = Some((reason, now));
        self.counts.set_latest(None);
        self.complain(error, now);
        self.close();
    }

    fn complain(&mut self, error: &io::Error, now: Instant) {
        if self.complaints.may_say(now) {
            tracing::error!(folder = %self.settings.folder.display(), %error, "packets cannot be kept; capture goes on");
        }
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
