//! Where the files of flow records are: `sensor=tap-1/date=2026-11-27/hour=19/1764271958123456.parquet`.
//!
//! The hour is that of `event_end`, in UTC. The name is the microsecond in which the file was begun. Beside it, `….journal` holds the
//! records that are not in it yet; a journal whose file is there is done with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp as Clock;
use jiff::tz::TimeZone;
use offport_wire::Timestamp;

pub(crate) const FILE: &str = "parquet";
pub(crate) const JOURNAL: &str = "journal";
/// What a file is called until it is whole.
pub(crate) const TEMPORARY: &str = "tmp";

const HOUR: u64 = 3_600_000_000_000;

/// An hour of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Hour(u64);

/// A file of a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordFile {
    pub(crate) hour: Hour,
    pub(crate) name: String,
    pub(crate) sensor: String,
    folder: PathBuf,
}

impl Hour {
    pub(crate) const fn of(time: Timestamp) -> Self {
        Self(time.as_nanos() / HOUR)
    }

    /// Its first nanosecond, and the first of the next.
    pub(crate) const fn range(self) -> (Timestamp, Timestamp) {
        let first = self.0.saturating_mul(HOUR);
        (Timestamp::from_nanos(first), Timestamp::from_nanos(first.saturating_add(HOUR)))
    }

    fn folders(self) -> (String, String) {
        let seconds = i64::try_from(self.0 * 3_600).unwrap_or_default();
        let time = Clock::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::UTC);
        (time.strftime("date=%Y-%m-%d").to_string(), time.strftime("hour=%H").to_string())
    }

    fn parse(date: &str, hour: &str) -> Option<Self> {
        let date: jiff::civil::Date = date.strip_prefix("date=")?.parse().ok()?;
        let hour: i8 = hour.strip_prefix("hour=")?.parse().ok().filter(|hour| (0..24).contains(hour))?;
        let seconds = date.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        u64::try_from(seconds).ok().map(|seconds| Self(seconds / 3_600))
    }
}

impl RecordFile {
    /// A new one.
    pub(crate) fn new(root: &Path, sensor: &str, hour: Hour, micros: u64) -> Self {
        let sensor = folder_name(sensor);
        let (date, hour_folder) = hour.folders();
        let folder = root.join(format!("sensor={sensor}")).join(date).join(hour_folder);
        Self { hour, name: format!("{micros:016}"), sensor, folder }
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its path with one of the endings of this module.
    pub(crate) fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }
}

/// Every file and journal under `root`, in the order of their hours, with its ending. What is not ours is left out.
pub(crate) fn list(root: &Path) -> io::Result<Vec<(RecordFile, &'static str)>> {
    let mut files = Vec::new();
    for sensor in folders(root)? {
        let Some(name) = named(&sensor).and_then(|name| name.strip_prefix("sensor=").map(str::to_owned))
        else {
            continue;
        };
        for date in folders(&sensor)? {
            for folder in folders(&date)? {
                let hour = named(&date).zip(named(&folder)).and_then(|(date, hour)| Hour::parse(date, hour));
                let Some(hour) = hour else { continue };
                for entry in fs::read_dir(&folder)? {
                    let path = entry?.path();
                    let ending = path.extension().and_then(|ending| ending.to_str());
                    let Some(ending) =
                        [FILE, JOURNAL, TEMPORARY].into_iter().find(|known| ending == Some(known))
                    else {
                        continue;
                    };
                    let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
                    let file = RecordFile {
                        hour,
                        name: stem.to_owned(),
                        sensor: name.clone(),
                        folder: folder.clone(),
                    };
                    files.push((file, ending));
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

fn named(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// The folders in a folder; none, if it is missing.
fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// A name as a folder can have it, and every reader of such folders takes it.
fn folder_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_where_they_are_made() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(list(root.path()).unwrap(), []);
        assert_eq!(list(&root.path().join("missing")).unwrap(), []);
        let hour = Hour::of(Timestamp::from_nanos(1_764_271_958_123_456_789));
        let file = RecordFile::new(root.path(), "tap/1", hour, 1_764_271_958_123_456);
        let path = file.path(FILE);
        let shown = path.strip_prefix(root.path()).unwrap().to_str().unwrap();
        assert_eq!(shown, "sensor=tap_1/date=2025-11-27/hour=19/1764271958123456.parquet");
        fs::create_dir_all(file.folder()).unwrap();
        for name in [path.clone(), file.path(JOURNAL), file.folder().join("other.txt")] {
            fs::write(name, "").unwrap();
        }
        fs::create_dir_all(root.path().join("sensor=a/date=never/hour=25")).unwrap();
        assert_eq!(list(root.path()).unwrap(), [(file.clone(), JOURNAL), (file, FILE)]);
        let (from, to) = hour.range();
        assert_eq!((Hour::of(from), to.since(from).as_secs()), (hour, 3_600));
    }
}
