//! A line file with rotation by size: `name`, `name.1` (newest) … `name.N` (oldest).

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Appends whole lines and starts a new file when the current one is full.
///
/// A line is never split over two files. Rotation renames, so a reader that follows by name or by inode loses
/// nothing. [`RotatingFile::reopen`] serves external rotation (SIGHUP after logrotate moved the file).
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
    file: BufWriter<File>,
    written: u64,
}

impl RotatingFile {
    /// Opens `path` for appending and creates it, and its folder, when missing. `max_bytes` 0 never rotates;
    /// `keep` counts the rotated files that are kept beside the current one.
    ///
    /// # Errors
    /// What the file system says; the caller names the path.
    pub fn open(path: &Path, max_bytes: u64, keep: u32) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let (file, written) = append(path)?;
        Ok(Self { path: path.to_owned(), max_bytes, keep, file, written })
    }

    /// Appends `line` and a line feed.
    ///
    /// # Errors
    /// What the file system says; the line may then be partly written, and the next call starts a new line.
    pub fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let bytes = line.len() as u64 + 1;
        if self.max_bytes > 0 && self.written > 0 && self.written + bytes > self.max_bytes {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.file.write_all(b"\n")?;
        self.written += bytes;
        Ok(())
    }

    /// Hands buffered lines to the operating system.
    ///
    /// # Errors
    /// What the file system says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Closes the file and opens the path again.
    ///
    /// # Errors
    /// What the file system says; the old file stays in use.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.file.flush()?;
        (self.file, self.written) = append(&self.path)?;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.flush()?;
        if self.keep == 0 {
            std::fs::remove_file(&self.path)?;
        } else {
            for age in (1..self.keep).rev() {
                rename_if_present(&self.rotated(age), &self.rotated(age + 1))?;
            }
            rename_if_present(&self.path, &self.rotated(1))?;
        }
        (self.file, self.written) = append(&self.path)?;
        Ok(())
    }

    fn rotated(&self, age: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{age}"));
        name.into()
    }
}

fn append(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let written = file.metadata()?.len();
    Ok((BufWriter::with_capacity(64 * 1024, file), written))
}

fn rename_if_present(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn rotates_on_line_boundaries_and_keeps_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/events.jsonl");
        let mut file = RotatingFile::open(&path, 10, 2).unwrap();
        for line in ["one", "two", "three", "four", "five", "six", "seven"] {
            file.write_line(line.as_bytes()).unwrap();
        }
        file.flush().unwrap();
        assert_eq!(read(&path), "six\nseven\n");
        assert_eq!(read(&folder.path().join("logs/events.jsonl.1")), "four\nfive\n");
        assert_eq!(read(&folder.path().join("logs/events.jsonl.2")), "three\n");
        assert!(!folder.path().join("logs/events.jsonl.3").exists());
    }

    #[test]
    fn appends_to_what_is_there_and_reopens_after_an_external_move() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "old\n").unwrap();
        let mut file = RotatingFile::open(&path, 0, 0).unwrap();
        file.write_line(b"new").unwrap();
        let moved = folder.path().join("moved");
        std::fs::rename(&path, &moved).unwrap();
        file.reopen().unwrap();
        file.write_line(b"after").unwrap();
        file.flush().unwrap();
        assert_eq!(read(&moved), "old\nnew\n");
        assert_eq!(read(&path), "after\n");
    }
}
