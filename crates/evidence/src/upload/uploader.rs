//! The thread that uploads.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::target::Target;
use crate::flows::partition::{FILE, RecordFile, list};
use crate::flows::uploaded;

/// After the first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait.
const LAST: Duration = Duration::from_secs(30);
/// What is wrong is said this often.
const COMPLAIN: Duration = Duration::from_secs(60);

/// What is uploaded, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSettings {
    /// The folder of the partitions.
    pub folder: PathBuf,
    /// `s3://bucket/prefix` or `file:///folder`.
    pub url: String,
    /// Where the storage is reached, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// File of access keys, as Amazon's tools have it; `None`: they are in the environment.
    pub credentials: Option<PathBuf>,
    /// Authorities that are trusted, PEM; `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// Whether the endpoint may be `http`.
    pub allow_http: bool,
    /// Further attempts of a request that failed, before all wait.
    pub retries: u32,
    /// For a request: connecting, sending a file, its answer.
    pub timeout: Duration,
    /// New files are looked for this often.
    pub every: Duration,
}

/// What the uploader has done.
#[derive(Debug, Default)]
pub struct UploadCounts {
    /// Files that were sent, and their bytes.
    pub files: AtomicU64,
    /// See `files`.
    pub bytes: AtomicU64,
    /// Files that were found to be there already.
    pub present: AtomicU64,
    /// Attempts that failed.
    pub failures: AtomicU64,
    /// Closed files that are not there yet.
    pub waiting: AtomicU64,
}

/// The running thread.
#[derive(Debug)]
pub struct Uploader {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<UploadCounts>,
}

impl Uploader {
    /// Starts the thread. Whether the other side is there is not asked: it may come later.
    ///
    /// # Errors
    /// The settings are wrong: what, and the remedy.
    pub fn start(settings: &UploadSettings) -> io::Result<Self> {
        let counts = Arc::new(UploadCounts::default());
        let work = Work {
            target: Target::new(settings).map_err(io::Error::other)?,
            settings: settings.clone(),
            there: BTreeSet::new(),
            complained: None,
            counts: Arc::clone(&counts),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("offport-upload".to_owned()).spawn(move || {
            crate::thread::give_way();
            // What is on its way is given up, and sent again after the next start.
            runtime.block_on(async {
                tokio::select! { _ = stopped => {} () = work.go_on() => {} }
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread), counts })
    }

    /// What was uploaded.
    pub fn counts(&self) -> &UploadCounts {
        &self.counts
    }

    /// Ends the thread. What is not there yet is uploaded after the next start.
    pub fn stop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was said by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Work {
    target: Target,
    settings: UploadSettings,
    /// Files that need not be looked at again.
    there: BTreeSet<RecordFile>,
    complained: Option<Instant>,
    counts: Arc<UploadCounts>,
}

/// Why a file is not uploaded.
enum Problem {
    /// It, or its mark: others may do better.
    Here(io::Error),
    /// The other side: others would not do better.
    There(String),
}

impl Work {
    async fn go_on(mut self) {
        let mut wait = FIRST;
        loop {
            if self.round().await {
                wait = FIRST;
                tokio::time::sleep(self.settings.every).await;
            } else {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LAST);
            }
        }
    }

    /// Uploads what waits, oldest first; whether all went well.
    async fn round(&mut self) -> bool {
        let waiting = match self.waiting() {
            Ok(waiting) => waiting,
            Err(error) => {
                self.failed(&format!("{}: {error}", self.settings.folder.display()));
                return false;
            }
        };
        let mut is_well = true;
        for file in waiting {
            match self.upload(&file).await {
                Ok(()) => {
                    self.there.insert(file);
                    self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
                }
                Err(Problem::Here(error)) => {
                    self.failed(&format!("{}: {error}", file.path(FILE).display()));
                    is_well = false;
                }
                Err(Problem::There(error)) => {
                    self.failed(&error);
                    return false;
                }
            }
        }
        if is_well && self.complained.take().is_some() {
            tracing::info!(url = self.settings.url, "flow records are uploaded again");
        }
        is_well
    }

    fn waiting(&mut self) -> io::Result<Vec<RecordFile>> {
        let files = list(&self.settings.folder)?.into_iter().filter(|(_, ending)| *ending == FILE);
        let is_there =
            |file: &RecordFile| self.there.contains(file) || uploaded::is_marked(file, &self.settings.url);
        let (there, mut waiting): (BTreeSet<_>, Vec<_>) = {
            let (there, waiting): (Vec<_>, Vec<_>) = files.map(|(file, _)| file).partition(is_there);
            (there.into_iter().collect(), waiting)
        };
        self.there = there;
        // By hour, and within it in the order in which they were begun.
        waiting.sort();
        self.counts.waiting.store(waiting.len() as u64, Ordering::Relaxed);
        Ok(waiting)
    }

    async fn upload(&self, file: &RecordFile) -> Result<(), Problem> {
        let path = file.path(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            // It had to make room.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Problem::Here(error)),
        };
        let len = bytes.len() as u64;
        let Some(key) = path.strip_prefix(&self.settings.folder).ok().and_then(|key| key.to_str()) else {
            return Err(Problem::Here(io::Error::other("no path of a partition")));
        };
        // Files never change: one of the same name and size is this one.
        if self.target.size(key).await.map_err(Problem::There)? == Some(len) {
            self.counts.present.fetch_add(1, Ordering::Relaxed);
        } else {
            self.target.put(key, bytes).await.map_err(Problem::There)?;
            self.counts.files.fetch_add(1, Ordering::Relaxed);
            self.counts.bytes.fetch_add(len, Ordering::Relaxed);
        }
        uploaded::mark(file, &self.settings.url).map_err(Problem::Here)
    }

    fn failed(&mut self, error: &str) {
        self.counts.failures.fetch_add(1, Ordering::Relaxed);
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN) {
            self.complained = Some(Instant::now());
            tracing::error!(url = self.settings.url, error, "flow records cannot be uploaded; they wait");
        }
    }
}
