//! The thread that writes flow records.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use offport_engine::FlowRecord;
use offport_fingerprint::Description;

use super::archive::Archive;
use super::columns::{Names, Row};
use crate::refusal::Refusal;

/// Records that may wait for the writer (some 450 B each, and what describes them).
const WAITING: usize = 64 * 1024;
/// Records go to the disk at the latest after this.
pub const FLUSH: Duration = Duration::from_secs(1);

/// Where flow records are kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowSettings {
    /// The folder of the partitions; it is made if it is missing.
    pub folder: PathBuf,
    /// What the workers do not know.
    pub names: Names,
    /// Bytes on disk at most; the oldest files go first.
    pub budget: u64,
    /// Records whose flows ended longer ago than this go, file by file; zero: they stay.
    pub keep: Duration,
    /// At the latest after this the disk is told to keep what was written.
    pub sync: Duration,
    /// Records of a file at most; [`super::FILE_ROWS`].
    pub file_rows: usize,
}

/// What the writer has done.
#[derive(Debug, Default)]
pub struct FlowCounts {
    /// Records on disk.
    pub records: AtomicU64,
    /// Bytes written: journals, and files.
    pub bytes: AtomicU64,
    /// Records that were lost because the writer is behind.
    pub behind: AtomicU64,
    /// Records that the disk did not take, by [`Refusal`].
    pub refused: [AtomicU64; Refusal::ALL.len()],
    /// Files that were written; that were removed for budget or age.
    pub written: AtomicU64,
    /// See `written`.
    pub removed: AtomicU64,
    /// Of those that were removed: that were to be uploaded and were not yet.
    pub removed_before_upload: AtomicU64,
    /// Journals of a former run that were made into files.
    pub recovered: AtomicU64,
    /// Bytes on disk now.
    pub held: AtomicU64,
    /// The end of the first hour of which there are records, nanoseconds since the Unix epoch; 0: there are none.
    pub oldest: AtomicU64,
}

enum Message {
    Record(Box<(FlowRecord, Description)>),
    Stop,
}

/// The running thread.
#[derive(Debug)]
pub struct FlowWriter {
    records: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<FlowCounts>,
}

impl FlowWriter {
    /// Opens the folder and starts the writer, which first makes files of what a former run has left.
    ///
    /// # Errors
    /// The folder cannot be made, read or written, or another process writes to it.
    pub fn start(settings: &FlowSettings) -> io::Result<Self> {
        Self::start_uploaded(settings, None)
    }

    /// The same, where files are uploaded to that URL: what is not there yet stays for as long as the budget permits.
    ///
    /// # Errors
    /// As [`FlowWriter::start`].
    pub fn start_uploaded(settings: &FlowSettings, url: Option<String>) -> io::Result<Self> {
        let counts = Arc::new(FlowCounts::default());
        let archive = Archive::open(settings, url, Arc::clone(&counts))?;
        let (records, incoming) = sync_channel(WAITING);
        let names = settings.names.clone();
        let thread = std::thread::Builder::new()
            .name("offport-flows".to_owned())
            .spawn(move || write(archive, &names, &incoming))?;
        Ok(Self { records, thread: Some(thread), counts })
    }

    /// Hands a record on. Does not wait: what the writer has no room for is counted.
    pub fn record(&self, record: &FlowRecord, description: &Description) {
        let message = Message::Record(Box::new((*record, description.clone())));
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.records.try_send(message) {
            self.counts.behind.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hands a record on, and waits for room.
    pub fn record_patiently(&self, record: &FlowRecord, description: &Description) {
        if self.records.send(Message::Record(Box::new((*record, description.clone())))).is_err() {
            self.counts.behind.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was written and lost.
    pub fn counts(&self) -> &FlowCounts {
        &self.counts
    }

    /// Writes what was handed on, and makes files of it.
    pub fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.records.send(Message::Stop);
            // A panic of the thread was said by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for FlowWriter {
    fn drop(&mut self) {
        self.stop();
    }
}

fn write(mut archive: Archive, names: &Names, incoming: &Receiver<Message>) {
    archive.recover();
    let mut flushed = Instant::now();
    loop {
        match incoming.recv_timeout(FLUSH.saturating_sub(flushed.elapsed())) {
            Ok(Message::Record(record)) => {
                let (record, description) = &*record;
                archive.push(&Row { names, record, description });
            }
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if flushed.elapsed() >= FLUSH {
            flushed = Instant::now();
            archive.tick(flushed);
        }
    }
    archive.close();
}
