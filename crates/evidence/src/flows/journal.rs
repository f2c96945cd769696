//! Records that are not in a Parquet file yet: batches in Arrow's stream format, each in a frame of its own, so that a torn end is told
//! from a whole one:
//!
//! ```text
//! frame    "OPJ1", see `frame.rs`; its body is a piece of an Arrow IPC stream
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

use super::columns::SCHEMA;
use crate::frame::{self, Magic};

pub(crate) const MAGIC: Magic = Magic(*b"OPJ1");

/// A journal that is written.
pub(crate) struct Journal {
    file: File,
    len: u64,
    stream: StreamWriter<Vec<u8>>,
    pub(crate) rows: usize,
    /// A frame could not be written whole, and the stream goes on behind it: what follows would not be read.
    broken: bool,
}

impl Journal {
    /// A new one.
    pub(crate) fn begin(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let stream = StreamWriter::try_new(Vec::new(), &SCHEMA).map_err(other)?;
        Ok(Self { file, len: 0, stream, rows: 0, broken: false })
    }

    /// Appends a batch. After an error the journal takes no more.
    pub(crate) fn append(&mut self, batch: &RecordBatch) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("the journal is broken"));
        }
        let result = self.append_frame(batch);
        if result.is_err() {
            self.broken = true;
            // Frames that are whole are read whatever stands behind them.
            let _ = self.file.set_len(self.len);
        }
        result
    }

    fn append_frame(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.stream.write(batch).map_err(other)?;
        let bytes = std::mem::take(self.stream.get_mut());
        u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut frame = [&[0; frame::HEAD], &bytes[..]].concat();
        MAGIC.seal(&mut frame);
        self.file.write_all(&frame)?;
        self.len += frame.len() as u64;
        self.rows += batch.num_rows();
        Ok(())
    }

    /// Has the disk keep what was written.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    pub(crate) const fn len(&self) -> u64 {
        self.len
    }
}

/// The batches of a journal, up to where it is torn; `None`: it has gone. Whether it was torn.
///
/// # Errors
/// It cannot be read, or is of another version.
pub(crate) fn read(path: &Path) -> io::Result<Option<(Vec<RecordBatch>, bool)>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    MAGIC
        .check(&bytes)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let mut stream = Vec::with_capacity(bytes.len());
    let mut rest = &bytes[..];
    while let Some((body, behind)) = MAGIC.read(rest) {
        stream.extend_from_slice(body);
        rest = behind;
    }
    if stream.is_empty() {
        return Ok(Some((Vec::new(), !rest.is_empty())));
    }
    let reader = StreamReader::try_new(&stream[..], None).map_err(other)?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(other)?;
    Ok(Some((batches, !rest.is_empty())))
}

fn other(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}
