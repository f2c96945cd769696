//! The files of the packet store: `0000000042-2026-11-27T191238Z.pcapng`, and its index beside it. The number grows, whatever the clock
//! does; the time is for people.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp as Clock;
use offport_wire::Timestamp;

const DATA: &str = "pcapng";
const INDEX: &str = "index";

/// One capture file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    stem: String,
}

impl Segment {
    /// A new one whose first packet came then.
    pub(crate) fn new(number: u64, first: Timestamp) -> Self {
        let seconds = i64::try_from(first.as_nanos() / 1_000_000_000).unwrap_or_default();
        let time = Clock::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H%M%SZ").to_string();
        Self { number, stem: format!("{number:010}-{time}") }
    }

    /// The capture file.
    pub(crate) fn data(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.{DATA}", self.stem))
    }

    /// Its index.
    pub(crate) fn index(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.{INDEX}", self.stem))
    }

    /// Bytes of both.
    pub(crate) fn len(&self, folder: &Path) -> u64 {
        [self.data(folder), self.index(folder)]
            .iter()
            .filter_map(|path| fs::metadata(path).ok())
            .map(|file| file.len())
            .sum()
    }

    /// Removes both, the index first: what it names is there.
    pub(crate) fn remove(&self, folder: &Path) -> io::Result<()> {
        for path in [self.index(folder), self.data(folder)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The capture files of a folder, oldest first. Other files are none of ours.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some((stem, DATA)) = name.to_str().and_then(|name| name.rsplit_once('.')) else { continue };
        let number = stem.split_once('-').and_then(|(number, _)| number.parse().ok());
        segments.extend(number.map(|number| Segment { number, stem: stem.to_owned() }));
    }
    segments.sort();
    Ok(segments)
}
