//! Where the bytes come from: file or stdin, decompressed as their magic says.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::GzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::buffered::Buffered;
use super::magic;

/// Enough to hide the cost of a system call, small enough to stay in the second-level cache.
const RAW_BUFFER: usize = 128 << 10;

/// The compressed side.
pub(super) type Raw = Buffered<Counted>;

/// The uncompressed side: a plain file, or the concatenated members of a compressed one.
pub(super) struct Input {
    stage: Stage,
    codec: Option<&'static str>,
    cut: bool,
    trailing: bool,
}

enum Stage {
    Plain(Raw),
    Gzip(Box<GzDecoder<Raw>>),
    Zstd(ZstdDecoder<'static, Raw>),
    Done,
}

impl Input {
    pub(super) fn new(source: Box<dyn Read + Send>, position: Arc<AtomicU64>) -> io::Result<Self> {
        let mut raw = Buffered::new(Counted { source, position }, RAW_BUFFER);
        let head = raw.peek(magic::LONGEST)?;
        let (codec, stage) = if magic::is_gzip(head) {
            (Some("gzip"), Stage::Gzip(Box::new(GzDecoder::new(raw))))
        } else if magic::is_zstd(head) {
            (Some("zstd"), Stage::Zstd(zstd_frame(raw)?))
        } else {
            (None, Stage::Plain(raw))
        };
        Ok(Self { stage, codec, cut: false, trailing: false })
    }

    /// The name of the compression.
    pub(super) fn codec(&self) -> Option<&'static str> {
        self.codec
    }

    /// The compressed data stop in the middle.
    pub(super) fn cut(&self) -> bool {
        self.cut
    }

    /// What follows the last compressed member is not compressed data, and was left alone.
    pub(super) fn trailing(&self) -> bool {
        self.trailing
    }

    /// The member is over: goes on with the next one, or ends.
    fn next_member(&mut self) -> io::Result<()> {
        let mut raw = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Gzip(decoder) => decoder.into_inner(),
            Stage::Zstd(decoder) => decoder.finish(),
            Stage::Plain(_) | Stage::Done => return Ok(()),
        };
        let head = raw.peek(magic::LONGEST)?;
        if magic::is_gzip(head) {
            self.stage = Stage::Gzip(Box::new(GzDecoder::new(raw)));
        } else if magic::is_zstd(head) {
            self.stage = Stage::Zstd(zstd_frame(raw)?);
        } else {
            self.trailing = !head.is_empty();
        }
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match &mut self.stage {
                Stage::Plain(raw) => return raw.read(into),
                Stage::Gzip(decoder) => decoder.read(into),
                Stage::Zstd(decoder) => decoder.read(into),
                Stage::Done => return Ok(0),
            };
            match read {
                Ok(0) => self.next_member()?,
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.cut = true;
                    self.stage = Stage::Done;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// One frame only: the library's own concatenation takes whatever follows for a broken frame. Its default
/// limit of 128 MiB for the window stands.
fn zstd_frame(raw: Raw) -> io::Result<ZstdDecoder<'static, Raw>> {
    Ok(ZstdDecoder::with_buffer(raw)?.single_frame())
}

/// Publishes how far the file has been read.
pub(super) struct Counted {
    source: Box<dyn Read + Send>,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
