//! Lines of text at the beginning of what stands next.

use memchr::memchr;

use super::cursor::HEAD;
use super::{Breach, Step, is_junk};

/// A line, or the beginning of a long one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Without its end.
    pub(super) bytes: &'a [u8],
    pub(super) ended: bool,
    /// With its end.
    pub(super) length: u64,
}

impl<'a> Line<'a> {
    /// The line that stands here, of text; `breach` is what it is to be none.
    pub(super) fn of(head: &'a [u8], breach: Breach) -> Result<Self, Step> {
        match memchr(b'\n', head) {
            Some(end) => {
                let bytes = &head[..end];
                let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
                if is_junk(bytes) {
                    return Err(Step::Broken(breach));
                }
                Ok(Self { bytes, ended: true, length: end as u64 + 1 })
            }
            None if is_junk(head) => Err(Step::Broken(breach)),
            None if head.len() < HEAD => Err(Step::More),
            None => Ok(Self { bytes: head, ended: false, length: head.len() as u64 }),
        }
    }
}
