//! Records that are not in a Parquet file yet: batches in Arrow's stream format, each in a frame of its own, so that a torn end is told
//! from a whole one. All numbers little-endian:
//!
//! ```text
//! frame    magic "OPJ1", length: u32, CRC-32 (IEEE): u32, that many bytes of an Arrow IPC stream
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

use super::columns::SCHEMA;

const MAGIC: [u8; 4] = *b"OPJ1";
const HEAD: usize = 12;

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
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut frame = Vec::with_capacity(HEAD + bytes.len());
        frame.extend(MAGIC);
        frame.extend(len.to_le_bytes());
        frame.extend(crc32fast::hash(&bytes).to_le_bytes());
        frame.extend(bytes);
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
pub(crate) fn read(path: &Path) -> io::Result<Option<(Vec<RecordBatch>, bool)>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let mut stream = Vec::with_capacity(bytes.len());
    let mut rest = &bytes[..];
    while let Some((body, behind)) = frame(rest) {
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

fn frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let word = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
    let (body, rest) = rest.split_at_checked(word(4)? as usize)?;
    (head[..4] == MAGIC && crc32fast::hash(body) == word(8)?).then_some((body, rest))
}

fn other(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}
