//! The mark beside a file that says where it was uploaded to: `….uploaded`, with the URL.
//!
//! It is a hint that saves work: where it is missing, or half written, the other side is asked again.

use std::fs;
use std::io;

use super::partition::RecordFile;

const MARK: &str = "uploaded";

/// Whether it was uploaded to that URL.
pub(crate) fn is_marked(file: &RecordFile, url: &str) -> bool {
    fs::read_to_string(file.path(MARK)).is_ok_and(|mark| mark.trim_end() == url)
}

/// It was. No mark is left of what has made room meanwhile.
#[cfg(feature = "upload")]
pub(crate) fn mark(file: &RecordFile, url: &str) -> io::Result<()> {
    let is_there = || file.path(super::partition::FILE).exists();
    if !is_there() {
        return Ok(());
    }
    fs::write(file.path(MARK), format!("{url}\n"))?;
    match is_there() {
        true => Ok(()),
        false => unmark(file),
    }
}

/// Before the file goes, so that no mark is left of what is not there.
pub(crate) fn unmark(file: &RecordFile) -> io::Result<()> {
    match fs::remove_file(file.path(MARK)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
