//! After a crash or a power loss: what was being written is cut back to where capture file and index agree.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::index::{self, ChunkIndex, Summary};
use super::segment::Segment;

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repaired {
    /// It was closed in order.
    Whole,
    /// So many bytes at its end were in no index, or its index was torn.
    Cut(u64),
    /// Nothing of it was left.
    Removed,
}

/// Makes a segment one that was closed in order.
///
/// # Errors
/// A file cannot be read or written, or is of another version: it is left as it is.
pub(crate) fn repair(folder: &Path, segment: &Segment) -> io::Result<Repaired> {
    let bytes = match fs::read(segment.index(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    index::MAGIC.check(&bytes)?;
    let data_len = fs::metadata(segment.data(folder))?.len();
    if Summary::at_end_of(&bytes).is_some_and(|summary| summary.end == data_len) {
        return Ok(Repaired::Whole);
    }
    let (mut rest, mut summary) = (&bytes[..], Summary::default());
    while let Some((chunk, behind)) = ChunkIndex::read(rest) {
        if chunk.end() > data_len || chunk.is_summary() {
            break;
        }
        summary.add(&chunk);
        rest = behind;
    }
    if summary.packets == 0 {
        segment.remove(folder)?;
        return Ok(Repaired::Removed);
    }
    let good = bytes.len() - rest.len();
    OpenOptions::new().write(true).open(segment.data(folder))?.set_len(summary.end)?;
    let mut file = OpenOptions::new().append(true).open(segment.index(folder))?;
    file.set_len(good as u64)?;
    file.write_all(&summary.frame())?;
    file.sync_all()?;
    Ok(Repaired::Cut(data_len - summary.end))
}
