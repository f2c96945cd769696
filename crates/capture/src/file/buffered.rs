//! A buffer over a reader that can look ahead.

use std::io::{self, BufRead, ErrorKind, Read};

/// Like `BufReader`, but [`Buffered::peek`] shows a whole record before any of it is consumed, and the
/// position in the stream is known.
pub(super) struct Buffered<R> {
    inner: R,
    /// Allocated once and never grown.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// The reader said so once; it is not asked again (a terminal would wait for another end).
    ended: bool,
    offset: u64,
}

impl<R: Read> Buffered<R> {
    pub(super) fn new(inner: R, capacity: usize) -> Self {
        let buffer = vec![0; capacity].into_boxed_slice();
        Self { inner, buffer, start: 0, end: 0, ended: false, offset: 0 }
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Bytes consumed so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether `len` bytes can be had without reading.
    pub(super) fn holds(&self, len: usize) -> bool {
        self.end - self.start >= len
    }

    /// The next `len` bytes, fewer only where the stream ends. `len` is at most the capacity.
    pub(super) fn peek(&mut self, len: usize) -> io::Result<&[u8]> {
        debug_assert!(len <= self.buffer.len());
        if self.buffer.len() - self.start < len {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < len && !self.ended {
            self.read_more()?;
        }
        let end = self.end.min(self.start + len);
        Ok(&self.buffer[self.start..end])
    }

    /// Passes over `len` bytes, however many; says how many there were.
    pub(super) fn skip(&mut self, len: u64) -> io::Result<u64> {
        let mut left = len;
        while left > 0 {
            let held = self.fill_buf()?.len();
            if held == 0 {
                break;
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(held);
            self.consume(step);
            left -= step as u64;
        }
        Ok(len - left)
    }

    fn read_more(&mut self) -> io::Result<()> {
        match self.inner.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.ended = true,
            Ok(read) => self.end += read.min(self.buffer.len() - self.end),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl<R: Read> BufRead for Buffered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        while self.start == self.end && !self.ended {
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, len: usize) {
        let step = len.min(self.end - self.start);
        self.start += step;
        self.offset += step as u64;
    }
}

impl<R: Read> Read for Buffered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // A large read past an empty buffer needs no stop-over.
        if self.start == self.end && into.len() >= self.buffer.len() && !self.ended {
            let read = self.inner.read(into)?;
            self.ended = read == 0 && !into.is_empty();
            self.offset += read as u64;
            return Ok(read);
        }
        let held = self.fill_buf()?;
        let len = held.len().min(into.len());
        into[..len].copy_from_slice(&held[..len]);
        self.consume(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One byte at a time, interrupted in between.
    struct Trickle(Vec<u8>, bool);

    impl Read for Trickle {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            if self.0.is_empty() {
                return Ok(0);
            }
            into[0] = self.0.remove(0);
            Ok(1)
        }
    }

    #[test]
    fn peek_assembles_and_moves_to_the_front() {
        let mut stream = Buffered::new(Trickle((0..20).collect(), false), 8);
        assert_eq!(stream.peek(5).unwrap(), [0, 1, 2, 3, 4]);
        stream.consume(4);
        assert_eq!(stream.peek(8).unwrap(), [4, 5, 6, 7, 8, 9, 10, 11]);
        stream.consume(8);
        assert_eq!(stream.skip(5).unwrap(), 5);
        assert_eq!(stream.peek(8).unwrap(), [17, 18, 19]);
        assert_eq!(stream.offset(), 17);
        assert_eq!(stream.skip(u64::MAX).unwrap(), 3);
        assert!(stream.peek(1).unwrap().is_empty());
    }

    #[test]
    fn read_is_the_same_stream() {
        let data: Vec<u8> = (0..=255).collect();
        let mut stream = Buffered::new(&data[..], 16);
        stream.peek(3).unwrap();
        let mut all = vec![];
        stream.read_to_end(&mut all).unwrap();
        assert_eq!(all, data);
        assert_eq!(stream.offset(), 256);
    }
}
