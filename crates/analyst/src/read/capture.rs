//! One capture through one worker.

use std::path::{Path, PathBuf};

use offport_capture::file::{
    Batch, CaptureFile, Counts, FileError, Interface, Progress, UnsupportedLinkType, Warning,
};
use offport_engine::{Counters, Output, Worker};
use offport_wire::Timestamp;

use crate::settings::{Settings, fitted};

/// Frames that are read before the engine gets them.
const BATCH: usize = 1024;

/// No packet takes less of an uncompressed capture than its record header.
const MIN_RECORD: u64 = 16;

/// Orders flows in the table, which nothing that is put out depends on.
const SEED: u64 = 0x6f66_6670_6f72_7421;

/// Takes what comes out of a capture.
pub trait Listener: Output {
    /// The interfaces found so far, whenever there are more.
    fn interfaces(&mut self, interfaces: &[Interface]);

    /// Called after each batch.
    ///
    /// # Errors
    /// Ends the reading: what was to be written could not be.
    fn check(&mut self) -> anyhow::Result<()>;
}

/// What became of one capture.
#[derive(Debug)]
pub struct FileReport {
    /// As it was named.
    pub path: PathBuf,
    /// What ended the reading before the end of the file; packets before that were processed.
    pub error: Option<FileError>,
    /// What was wrong and was survived.
    pub warnings: Vec<Warning>,
    /// Interfaces whose packets were passed over.
    pub unsupported: Vec<UnsupportedLinkType>,
    /// Records of the file.
    pub counts: Counts,
    /// What the engine counted.
    pub counters: Counters,
    /// Times of the earliest and the latest packet.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl FileReport {
    /// Received = processed + dropped, to the packet: every record of the file is accounted for.
    pub fn is_balanced(&self) -> bool {
        let Self { counts, counters, .. } = self;
        counters.is_balanced()
            && counters.events_are_balanced()
            && counts.delivered == counters.received
            && counts.records == counts.delivered + counts.unsupported + counts.without_interface
    }

    /// Whether there were packets and none of them could be read.
    pub fn is_all_unsupported(&self) -> bool {
        self.counts.delivered == 0 && self.counts.unsupported > 0
    }

    /// What could not be read, one line each.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        let path = self.path.display();
        let error = self.error.as_ref().map(ToString::to_string);
        let warnings = self.warnings.iter().map(move |warning| format!("{path}: {warning}"));
        let path = self.path.display();
        let unsupported = self.unsupported.iter().map(move |link| format!("{path}: {link}"));
        error.into_iter().chain(warnings).chain(unsupported)
    }

    fn unopened(path: &Path, error: FileError) -> Self {
        Self {
            path: path.to_owned(),
            error: Some(error),
            warnings: Vec::new(),
            unsupported: Vec::new(),
            counts: Counts::default(),
            counters: Counters::default(),
            span: None,
        }
    }
}

/// Reads one capture from its first packet to its last through a worker of its own, so that no capture changes what is
/// said of another. The packets' times drive the timers. `opened` is called once, if the capture can be opened.
///
/// # Errors
/// Those of `listener` only; those of the capture are in the report.
pub fn read_capture(
    path: &Path,
    settings: &Settings,
    listener: &mut impl Listener,
    opened: impl FnOnce(Progress),
) -> anyhow::Result<FileReport> {
    let mut capture = match CaptureFile::open(path) {
        Ok(capture) => capture,
        Err(error) => return Ok(FileReport::unopened(path, error)),
    };
    opened(capture.progress());
    let packets = match (capture.compression(), capture.bytes_total()) {
        (None, Some(bytes)) => bytes / MIN_RECORD,
        _ => u64::MAX,
    };
    let config = fitted(&settings.engine, packets);
    let mut worker = Worker::new(config, settings.policy.clone(), 0, SEED);
    let mut batch = Batch::new(BATCH);
    let mut span: Option<(Timestamp, Timestamp)> = None;
    let mut interfaces = 0;
    let error = loop {
        match capture.next_batch(&mut batch) {
            Ok(0) => break None,
            Ok(_) => {}
            Err(error) => break Some(error),
        }
        if capture.interfaces().len() > interfaces {
            interfaces = capture.interfaces().len();
            listener.interfaces(capture.interfaces());
        }
        let frames = batch.frames();
        for frame in &frames {
            let (first, last) = span.unwrap_or((frame.time, frame.time));
            span = Some((first.min(frame.time), last.max(frame.time)));
        }
        worker.batch(&frames, listener);
        listener.check()?;
    };
    worker.finish(span.map_or(Timestamp::ZERO, |(_, last)| last), listener);
    listener.check()?;
    let report = FileReport {
        path: path.to_owned(),
        error,
        warnings: capture.warnings().to_vec(),
        unsupported: capture.unsupported().filter(|link| link.packets > 0).collect(),
        counts: capture.counts(),
        counters: *worker.counters(),
        span,
    };
    anyhow::ensure!(report.is_balanced(), "{}: packets are unaccounted for: {report:?}", path.display());
    Ok(report)
}
