//! The writer's files: a journal for each hour that records come for, made into a Parquet file when it is full or the hour is over.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use offport_wire::Timestamp;

use super::columns::Row;
use super::file;
use super::journal::{self, Journal};
use super::partition::{FILE, Hour, JOURNAL, RecordFile, TEMPORARY, list};
use super::rows::Rows;
use super::uploaded;
use super::writer::{FlowCounts, FlowSettings};
use crate::lock::Lock;
use crate::refusal::Refusal;
use crate::seldom::Seldom;

/// Rows of a batch at most.
const BATCH: usize = 16 * 1024;
/// Hours with a journal at the same time at most: the one that got nothing for longest is closed.
const HOURS: usize = 4;
/// An hour's journal is closed when nothing has come for it for so long, and the hour is over.
const QUIET: Duration = Duration::from_secs(600);
/// After the disk has refused something, it is asked again this often.
const RETRY: Duration = Duration::from_secs(1);
/// Age and budget are looked at, and failed files tried again, this often.
const LOOK: Duration = Duration::from_secs(60);

pub(crate) struct Archive {
    settings: FlowSettings,
    open: BTreeMap<Hour, Open>,
    /// Files and their bytes, oldest first.
    held: BTreeMap<RecordFile, u64>,
    total: u64,
    /// Journals of which no file could be made yet.
    left: Vec<RecordFile>,
    last_name: u64,
    refused: Option<(Refusal, Instant)>,
    complaints: Seldom,
    looked: Instant,
    counts: Arc<FlowCounts>,
    /// Where files are uploaded to, if they are.
    url: Option<String>,
    _lock: Lock,
}

struct Open {
    rows: Rows,
    journal: Option<(RecordFile, Journal)>,
    touched: Instant,
    /// Since when something is not on the disk for sure.
    dirty: Option<Instant>,
}

impl Archive {
    pub(crate) fn open(
        settings: &FlowSettings,
        url: Option<String>,
        counts: Arc<FlowCounts>,
    ) -> io::Result<Self> {
        let lock = Lock::take(&settings.folder)?;
        let mut archive = Self {
            settings: settings.clone(),
            open: BTreeMap::new(),
            held: BTreeMap::new(),
            total: 0,
            left: Vec::new(),
            last_name: 0,
            refused: None,
            complaints: Seldom::default(),
            looked: Instant::now(),
            counts,
            url,
            _lock: lock,
        };
        for (file, ending) in list(&settings.folder)? {
            match ending {
                FILE => {
                    let bytes = fs::metadata(file.path(FILE)).map_or(0, |file| file.len());
                    archive.total += bytes;
                    archive.held.insert(file, bytes);
                }
                JOURNAL => archive.left.push(file),
                _ => _ = fs::remove_file(file.path(TEMPORARY)),
            }
        }
        Ok(archive)
    }

    /// Makes files of what a former run has left.
    pub(crate) fn recover(&mut self) {
        let recovered = self.convert_left();
        self.counts.recovered.fetch_add(recovered, Ordering::Relaxed);
        self.keep_to_limits();
    }

    pub(crate) fn push(&mut self, row: &Row<'_>) {
        let hour = Hour::of(row.record.end);
        let open = self.open.entry(hour).or_insert_with(|| Open {
            rows: Rows::new(),
            journal: None,
            touched: Instant::now(),
            dirty: None,
        });
        open.rows.push(row);
        let rows = open.rows.len();
        if rows >= BATCH
            || rows + open.journal.as_ref().map_or(0, |(_, journal)| journal.rows) >= self.settings.file_rows
        {
            self.flush(hour, Instant::now());
        }
        if self.open.len() > HOURS
            && let Some(hour) = self.open.iter().min_by_key(|(_, open)| open.touched).map(|(&hour, _)| hour)
        {
            self.finish(hour, Instant::now());
        }
    }

    /// What is due.
    pub(crate) fn tick(&mut self, now: Instant) {
        let hours: Vec<Hour> = self.open.keys().copied().collect();
        for hour in hours {
            self.flush(hour, now);
            let (_, over) = hour.range();
            let Some(open) = self.open.get_mut(&hour) else { continue };
            if now.duration_since(open.touched) >= QUIET && clock() >= over {
                self.finish(hour, now);
            } else if open.dirty.is_some_and(|since| now.duration_since(since) >= self.settings.sync) {
                open.dirty = None;
                let synced = open.journal.as_ref().map_or(Ok(()), |(_, journal)| journal.sync());
                if let Err(error) = synced {
                    self.complain(&error, now);
                }
            }
        }
        if now.duration_since(self.looked) >= LOOK {
            self.looked = now;
            self.convert_left();
            self.keep_to_limits();
        }
    }

    /// Makes files of everything.
    pub(crate) fn close(&mut self) {
        let hours: Vec<Hour> = self.open.keys().copied().collect();
        for hour in hours {
            self.finish(hour, Instant::now());
        }
    }

    /// Appends what has gathered to the hour's journal.
    fn flush(&mut self, hour: Hour, now: Instant) {
        let Some(open) = self.open.get_mut(&hour).filter(|open| open.rows.len() > 0) else { return };
        let rows = open.rows.len() as u64;
        open.touched = now;
        if let Some((reason, at)) = self.refused
            && now.duration_since(at) < RETRY
        {
            let _ = open.rows.take();
            self.counts.refused[reason as usize].fetch_add(rows, Ordering::Relaxed);
            return;
        }
        match self.append(hour, now) {
            Ok(()) => {
                if self.refused.take().is_some() {
                    tracing::info!(folder = %self.settings.folder.display(), "flow records are kept again");
                }
                self.counts.records.fetch_add(rows, Ordering::Relaxed);
            }
            Err(error) => {
                let reason = Refusal::of(&error);
                self.counts.refused[reason as usize].fetch_add(rows, Ordering::Relaxed);
                self.refused = Some((reason, now));
                self.complain(&error, now);
            }
        }
        let full = self.open.get(&hour).and_then(|open| open.journal.as_ref());
        if full.is_some_and(|(_, journal)| journal.is_broken() || journal.rows >= self.settings.file_rows) {
            self.finish(hour, now);
        }
    }

    fn append(&mut self, hour: Hour, now: Instant) -> io::Result<()> {
        let Some(open) = self.open.get_mut(&hour) else { return Ok(()) };
        let batch = open.rows.take().map_err(io::Error::other)?;
        let (file, mut journal) = match open.journal.take() {
            Some(journal) => journal,
            None => {
                // Names are the time, and grow whatever the clock does.
                self.last_name = (clock().as_nanos() / 1_000).max(self.last_name + 1);
                let file =
                    RecordFile::new(&self.settings.folder, &self.settings.names.sensor, hour, self.last_name);
                let journal = Journal::begin(file.path(JOURNAL))?;
                (file, journal)
            }
        };
        let before = journal.len();
        let result = journal.append(&batch);
        self.counts.bytes.fetch_add(journal.len() - before, Ordering::Relaxed);
        open.journal = Some((file, journal));
        open.dirty.get_or_insert(now);
        result
    }

    /// Makes a file of an hour's journal.
    fn finish(&mut self, hour: Hour, now: Instant) {
        self.flush_rows_of(hour, now);
        if let Some((file, _)) = self.open.remove(&hour).and_then(|open| open.journal) {
            self.left.push(file);
            self.convert_left();
            self.keep_to_limits();
        }
    }

    fn flush_rows_of(&mut self, hour: Hour, now: Instant) {
        let pending = self.open.get(&hour).is_some_and(|open| {
            open.rows.len() > 0 && open.journal.as_ref().is_none_or(|(_, journal)| !journal.is_broken())
        });
        if pending {
            let rows = self.open.get(&hour).map_or(0, |open| open.rows.len()) as u64;
            match self.append(hour, now) {
                Ok(()) => _ = self.counts.records.fetch_add(rows, Ordering::Relaxed),
                Err(error) => {
                    self.counts.refused[Refusal::of(&error) as usize].fetch_add(rows, Ordering::Relaxed);
                    self.complain(&error, now);
                }
            }
        }
    }

    /// Journals that could not be made into files stay, and are tried again; readers read them as they are.
    /// How many are journals no longer.
    fn convert_left(&mut self) -> u64 {
        let mut done = 0;
        for file in std::mem::take(&mut self.left) {
            match self.convert(&file) {
                Ok(Some(bytes)) => {
                    done += 1;
                    self.total += bytes;
                    self.held.insert(file, bytes);
                    self.counts.written.fetch_add(1, Ordering::Relaxed);
                    self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
                }
                Ok(None) => done += 1,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tracing::error!(%error, "no file is made of a journal: left as it is");
                }
                Err(error) => {
                    self.complain(&error, Instant::now());
                    self.left.push(file);
                }
            }
        }
        done
    }

    /// Bytes of the file; `None`: there was nothing in the journal, or the file was there already.
    fn convert(&self, file: &RecordFile) -> io::Result<Option<u64>> {
        let (journal, path) = (file.path(JOURNAL), file.path(FILE));
        let mut bytes = None;
        if !path.exists() {
            match journal::read(&journal)? {
                Some((batches, torn)) if batches.iter().any(|batch| batch.num_rows() > 0) => {
                    if torn {
                        tracing::warn!(journal = %journal.display(), "was cut off in the middle of a write: what is whole is kept");
                    }
                    bytes = Some(file::write(&batches, &file.path(TEMPORARY), &path)?);
                }
                _ => {}
            }
        }
        match fs::remove_file(journal) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(bytes),
        }
    }

    /// The oldest files go; what is not uploaded yet goes only if the budget forces it, after all that is.
    fn keep_to_limits(&mut self) {
        let FlowSettings { keep, budget, .. } = self.settings;
        let now = clock();
        let is_old = |file: &RecordFile| !keep.is_zero() && now.since(file.hour.range().1) >= keep;
        self.remove_while(|archive, file| archive.total > budget || is_old(file), false);
        self.remove_while(|archive, _| archive.total > budget, true);
        self.counts.held.store(self.total, Ordering::Relaxed);
        let oldest = self.held.first_key_value().map_or(0, |(file, _)| file.hour.range().1.as_nanos());
        self.counts.oldest.store(oldest, Ordering::Relaxed);
    }

    /// From the oldest on, up to the first that may stay.
    fn remove_while(&mut self, must: impl Fn(&Self, &RecordFile) -> bool, forced: bool) {
        let mut kept = BTreeMap::new();
        while let Some((file, bytes)) = self.held.pop_first() {
            if !must(self, &file) {
                kept.insert(file, bytes);
                break;
            }
            let is_awaited = self.url.as_ref().is_some_and(|url| !uploaded::is_marked(&file, url));
            if is_awaited && !forced {
                kept.insert(file, bytes);
                continue;
            }
            self.remove(&file);
            self.total = self.total.saturating_sub(bytes);
            self.counts.removed.fetch_add(1, Ordering::Relaxed);
            self.counts.removed_before_upload.fetch_add(is_awaited.into(), Ordering::Relaxed);
        }
        self.held.append(&mut kept);
    }

    fn remove(&mut self, file: &RecordFile) {
        let removed = uploaded::unmark(file).and_then(|()| fs::remove_file(file.path(FILE)));
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            self.complain(&error, Instant::now());
        }
        remove_empty(file.folder().to_owned(), &self.settings.folder);
    }

    fn complain(&mut self, error: &io::Error, now: Instant) {
        if self.complaints.may_say(now) {
            tracing::error!(folder = %self.settings.folder.display(), %error, "flow records cannot be kept; capture goes on");
        }
    }
}

/// Removes the folders of a partition that has become empty.
fn remove_empty(mut folder: PathBuf, root: &std::path::Path) {
    while folder != root && fs::remove_dir(&folder).is_ok() {
        let Some(parent) = folder.parent() else { break };
        folder = parent.to_owned();
    }
}

fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
