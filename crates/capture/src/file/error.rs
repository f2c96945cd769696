//! Why a capture could not be read, or not to its end.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use super::batch::MAX_FRAME;
use super::interface::MAX_INTERFACES;

/// Names the file, the cause and the remedy. Frames that were handed out before stay good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be opened.
    #[error("{path}: cannot open: {source}{hint}", path = path.display(), hint = open_hint(source))]
    Open {
        /// As given.
        path: PathBuf,
        /// From the system.
        source: io::Error,
    },
    /// Reading failed.
    #[error("{path}: cannot read on at offset {offset}: {source}", path = path.display())]
    Read {
        /// As given.
        path: PathBuf,
        /// Position in the uncompressed stream.
        offset: u64,
        /// From the system.
        source: io::Error,
    },
    /// The compressed data are damaged, or need more memory than is granted.
    #[error(
        "{path}: damaged {codec} data near offset {compressed}: {source}: get the file anew, or decompress it \
         with {codec} and read what comes out",
        path = path.display()
    )]
    Decompress {
        /// As given.
        path: PathBuf,
        /// Name of the compression.
        codec: &'static str,
        /// Position up to which the file itself has been read.
        compressed: u64,
        /// From the decompressor.
        source: io::Error,
    },
    /// Nothing in it.
    #[error("{path}: is empty: a capture has at least a header; did the capture start?", path = path.display())]
    Empty {
        /// As given.
        path: PathBuf,
    },
    /// The first bytes are those of no known format.
    #[error(
        "{path}: not a capture file (it starts with {magic:02x?}): pcap and pcapng are read, plain, gzip or zstd \
         compressed",
        path = path.display()
    )]
    NotACapture {
        /// As given.
        path: PathBuf,
        /// The first bytes, at most four.
        magic: Vec<u8>,
    },
    /// A known format that is not read.
    #[error("{path}: is in {format} format, which is not read: {remedy}", path = path.display())]
    UnsupportedFormat {
        /// As given.
        path: PathBuf,
        /// Its name.
        format: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The file breaks its format's rules, so that what follows cannot be found.
    #[error("{path}: malformed at offset {offset}: {what}: nothing after it can be read", path = path.display())]
    Malformed {
        /// As given.
        path: PathBuf,
        /// Where the header, record or block starts, in the uncompressed stream.
        offset: u64,
        /// What is wrong.
        what: Malformed,
    },
}

/// How a file breaks its format's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The file ends within its own header.
    #[error("the file header is cut: {present} of {expected} bytes are there")]
    CutHeader {
        /// Bytes that are there.
        present: u64,
        /// Bytes of a header.
        expected: u64,
    },
    /// A format version that does not exist.
    #[error("version {major}.{minor} of the format is not known")]
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A record that no capture can have written.
    #[error("a record claims {claimed} captured bytes, more than {MAX_FRAME}")]
    RecordLength {
        /// Its captured length.
        claimed: u32,
    },
    /// A pcapng section whose byte order cannot be told.
    #[error("a section header has the byte-order magic {found:#010x}")]
    ByteOrder {
        /// What is there, read as big-endian.
        found: u32,
    },
    /// A pcapng block that is too short for its type or whose length is not a multiple of four.
    #[error("a block of type {block:#010x} claims a length of {claimed} bytes")]
    BlockLength {
        /// Block type.
        block: u32,
        /// Its total length.
        claimed: u32,
    },
    /// The lengths at the two ends of a pcapng block differ.
    #[error("a block of type {block:#010x} claims {head} bytes at its start and {tail} at its end")]
    BlockTrailer {
        /// Block type.
        block: u32,
        /// Length at the start.
        head: u32,
        /// Length at the end.
        tail: u32,
    },
    /// A packet that is longer than the pcapng block around it.
    #[error("a packet claims {claimed} captured bytes in a block with room for {room}")]
    PacketLength {
        /// Its captured length.
        claimed: u32,
        /// What the block can hold.
        room: u32,
    },
    /// More interfaces than are kept.
    #[error("more than {MAX_INTERFACES} different interfaces")]
    TooManyInterfaces,
}

impl FileError {
    /// Where in the uncompressed stream it happened, if it happened at a place.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Read { offset, .. } | Self::Malformed { offset, .. } => Some(*offset),
            _ => None,
        }
    }
}

fn open_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::PermissionDenied => ": it must be readable for the user who runs this",
        ErrorKind::NotFound => ": check the spelling; - stands for standard input",
        ErrorKind::IsADirectory => ": name the captures in it",
        _ => "",
    }
}
