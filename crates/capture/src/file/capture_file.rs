//! The reader of either format, and how far it has come.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::batch::{Batch, MAX_FRAME};
use super::buffered::Buffered;
use super::error::FileError;
use super::input::Input;
use super::interface::{Interface, UnsupportedLinkType};
use super::magic;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::state::{Counts, Fault, State, Step};
use super::warning::Warning;

/// Holds the largest record with its header several times over.
const BUFFER: usize = 4 * MAX_FRAME;

/// The uncompressed stream that the formats are read from.
pub(super) type Stream = Buffered<Input>;

/// A capture being read.
pub struct CaptureFile {
    path: PathBuf,
    stream: Stream,
    format: Format,
    state: State,
    progress: Progress,
    ended: bool,
    /// Happened after frames that had to be handed out first.
    pending: Option<FileError>,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// How far a capture has been read; can be watched from another thread.
#[derive(Clone, Debug)]
pub struct Progress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    /// Bytes read of the file itself, compressed if it is compressed.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Size of the file; `None` for pipes.
    pub fn bytes_total(&self) -> Option<u64> {
        self.total
    }
}

impl CaptureFile {
    /// Opens a capture and reads its header. `-` is standard input.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        if path == Path::new("-") {
            return Self::start(path, Box::new(io::stdin()), None);
        }
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok((file, metadata.is_file().then_some(metadata.len())))
        };
        let (file, total) = open().map_err(|source| FileError::Open { path: path.to_owned(), source })?;
        Self::start(path, Box::new(file), total)
    }

    /// Reads a capture from anything that reads; `name` is what messages call it.
    pub fn from_reader(
        name: impl AsRef<Path>,
        reader: impl Read + Send + 'static,
    ) -> Result<Self, FileError> {
        Self::start(name.as_ref(), Box::new(reader), None)
    }

    /// Replaces the frames of `batch` by the next ones and says how many there are; 0 is the end of the
    /// capture. A batch is not always filled: frames that are there are not held back for a slow pipe.
    ///
    /// Frames read before an error are handed out first. After an error there is nothing more.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<usize, FileError> {
        batch.clear();
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        while !self.ended && !batch.is_full() {
            let step = match &mut self.format {
                Format::Pcap(pcap) => pcap.step(&mut self.stream, &mut self.state, batch),
                Format::Pcapng(pcapng) => pcapng.step(&mut self.stream, &mut self.state, batch),
            };
            match step {
                Ok(Step::Taken) => {}
                Ok(Step::Later) => break,
                Ok(Step::End) => self.end(),
                Err(fault) => {
                    self.ended = true;
                    let error = explain(&self.path, &self.stream, &self.progress, fault);
                    if batch.is_empty() {
                        return Err(error);
                    }
                    self.pending = Some(error);
                }
            }
        }
        Ok(batch.len())
    }

    /// The capture's name as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The interfaces found so far; a frame's `interface` is an index into this. A pcapng file may
    /// describe an interface anywhere before its first packet.
    pub fn interfaces(&self) -> &[Interface] {
        self.state.interfaces.as_slice()
    }

    /// The interfaces whose packets were passed over so far.
    pub fn unsupported(&self) -> impl Iterator<Item = UnsupportedLinkType> {
        self.state.interfaces.unsupported()
    }

    /// Where the records read so far went.
    pub fn counts(&self) -> Counts {
        self.state.counts
    }

    /// What was wrong and was survived.
    pub fn warnings(&self) -> &[Warning] {
        &self.state.warnings
    }

    /// Bytes read of the file itself, compressed if it is compressed.
    pub fn bytes_read(&self) -> u64 {
        self.progress.bytes_read()
    }

    /// Size of the file; `None` for pipes.
    pub fn bytes_total(&self) -> Option<u64> {
        self.progress.bytes_total()
    }

    /// Name of the compression that the file is read through.
    pub fn compression(&self) -> Option<&'static str> {
        self.stream.get_ref().codec()
    }

    /// For a progress bar in another thread: one call of [`CaptureFile::next_batch`] may pass over
    /// gigabytes of packets that are not supported.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn start(path: &Path, source: Box<dyn Read + Send>, total: Option<u64>) -> Result<Self, FileError> {
        let progress = Progress { read: Arc::default(), total };
        let input = Input::new(source, Arc::clone(&progress.read)).map_err(|source| FileError::Read {
            path: path.to_owned(),
            offset: 0,
            source,
        })?;
        let mut stream = Buffered::new(input, BUFFER);
        let mut state = State::default();
        let head = match stream.peek(magic::LONGEST) {
            Ok(head) => head.to_vec(),
            Err(error) => return Err(explain(path, &stream, &progress, error.into())),
        };
        let format = if Pcap::recognises(&head) {
            Pcap::open(&mut stream, &mut state).map(Format::Pcap)
        } else if Pcapng::recognises(&head) {
            Pcapng::open(&mut stream).map(Format::Pcapng)
        } else {
            return Err(refuse(path, &head));
        };
        let format = format.map_err(|fault| explain(path, &stream, &progress, fault))?;
        Ok(Self { path: path.to_owned(), stream, format, state, progress, ended: false, pending: None })
    }

    fn end(&mut self) {
        self.ended = true;
        let input = self.stream.get_ref();
        if let Some(codec) = input.codec() {
            if input.cut() {
                self.state.warnings.push(Warning::CutCompression { codec });
            }
            if input.trailing() {
                self.state.warnings.push(Warning::TrailingData { codec });
            }
        }
    }
}

fn refuse(path: &Path, head: &[u8]) -> FileError {
    let path = path.to_owned();
    let named_erf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("erf"));
    match magic::foreign(head).or(named_erf.then_some(magic::ERF)) {
        _ if head.is_empty() => FileError::Empty { path },
        Some((format, remedy)) => FileError::UnsupportedFormat { path, format, remedy },
        None => FileError::NotACapture { path, magic: head.iter().copied().take(4).collect() },
    }
}

fn explain(path: &Path, stream: &Stream, progress: &Progress, fault: Fault) -> FileError {
    let path = path.to_owned();
    match fault {
        Fault::Malformed(offset, what) => FileError::Malformed { path, offset, what },
        // Decompressors report damage without an errno; the system never does.
        Fault::Io(source) => match stream.get_ref().codec() {
            Some(codec) if source.raw_os_error().is_none() => {
                FileError::Decompress { path, codec, compressed: progress.bytes_read(), source }
            }
            _ => FileError::Read { path, offset: stream.offset(), source },
        },
    }
}
