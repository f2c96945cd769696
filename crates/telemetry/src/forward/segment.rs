//! One file of the spool: frames that follow one another, appended to at its end and given up from its front.
//!
//! Its name is the number of its first frame, so that the folder alone tells the order.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::frame::{HEADER, payload};

const EXTENSION: &str = "frames";

#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    /// The number of its first frame that is not given up.
    next: u64,
    /// Where that one begins.
    offset: u64,
    /// Of each frame from there on.
    lengths: VecDeque<u32>,
    /// Where the last one ends.
    end: u64,
}

impl Segment {
    /// The segments of a folder, by the number of their first frame.
    pub(super) fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            if let Some(number) = number.filter(|_| path.extension().is_some_and(|name| name == EXTENSION)) {
                found.push((number, path));
            }
        }
        found.sort();
        Ok(found)
    }

    /// An empty one whose first frame will be `first`.
    pub(super) fn create(folder: &Path, first: u64) -> io::Result<Self> {
        let path = folder.join(format!("{first:020}.{EXTENSION}"));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { path, file, next: first, offset: 0, lengths: VecDeque::new(), end: 0 })
    }

    /// One that is there, up to its first frame that is not whole and sound; how many bytes are cut off behind.
    pub(super) fn open(path: PathBuf, first: u64) -> io::Result<(Self, u64)> {
        // On a file system that takes nothing, what is there can still be sent.
        let file = OpenOptions::new().read(true).write(true).open(&path).or_else(|_| File::open(&path))?;
        let bytes = fs::read(&path)?;
        let mut lengths = VecDeque::new();
        let mut rest = &bytes[..];
        while let Some(payload) = payload(rest) {
            let length = HEADER + payload.len();
            lengths.push_back(length as u32);
            rest = &rest[length..];
        }
        let (cut, end) = (rest.len() as u64, (bytes.len() - rest.len()) as u64);
        if cut > 0 {
            // Not needed, as a frame is written to where the last whole one ends; but a shorter frame would leave some of it.
            let _ = file.set_len(end);
        }
        Ok((Self { path, file, next: first, offset: 0, lengths, end }, cut))
    }

    /// The number of its first frame that is not given up; of the next one to come if there is none.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Frames that are not given up.
    pub(super) fn count(&self) -> u64 {
        self.lengths.len() as u64
    }

    /// Their bytes.
    pub(super) const fn pending(&self) -> u64 {
        self.end - self.offset
    }

    /// Bytes of the file.
    pub(super) const fn len(&self) -> u64 {
        self.end
    }

    /// Appends a frame. After an error nothing of it counts: the next one takes its place.
    pub(super) fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write_all_at(frame, self.end)?;
        self.end += frame.len() as u64;
        self.lengths.push_back(frame.len() as u32);
        Ok(())
    }

    /// The payloads of its first frames: `count` at most, and no more than `bytes`, but one; and none from a damaged one on.
    pub(super) fn read(&self, count: usize, bytes: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut total = 0;
        let lengths = self.lengths.iter().take(count).map(|&length| length as usize);
        let lengths: Vec<usize> = lengths
            .take_while(|length| {
                let first = total == 0;
                total += length;
                first || total <= bytes
            })
            .collect();
        let mut buffer = vec![0; lengths.iter().sum()];
        self.file.read_exact_at(&mut buffer, self.offset)?;
        let mut rest = &buffer[..];
        let mut payloads = Vec::with_capacity(lengths.len());
        for length in lengths {
            let (frame, behind) = rest.split_at(length);
            match payload(frame) {
                Some(payload) => payloads.push(payload.to_vec()),
                None if payloads.is_empty() => return Err(io::ErrorKind::InvalidData.into()),
                None => break,
            }
            rest = behind;
        }
        Ok(payloads)
    }

    /// Gives up the frames before the number `to`.
    pub(super) fn give_up(&mut self, to: u64) {
        while self.next < to
            && let Some(length) = self.lengths.pop_front()
        {
            self.next += 1;
            self.offset += u64::from(length);
        }
    }

    /// Hands what was written to the disk itself.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Removes the file.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}
