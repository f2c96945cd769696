//! A pcapng writer: one section, nanoseconds, one interface per link type.

use std::io::{self, ErrorKind, Write};

use offport_wire::{Frame, LinkType};

use super::batch::MAX_FRAME;
use super::link_type;
use super::pcapng::{
    BYTE_ORDER_MAGIC, ENHANCED_PACKET, INTERFACE_DESCRIPTION, OPTION_END, OPTION_IF_TSRESOL, SECTION_HEADER,
};

const OPTION_COMMENT: u16 = 1;
const SECTION_LENGTH_UNKNOWN: u64 = u64::MAX;
/// 10^-9 s.
const NANOSECONDS: u8 = 9;

/// Writes frames to a pcapng file that any capture tool reads.
///
/// Each frame becomes one write of its whole block, so a reader of a growing file sees a cut record at most
/// at its end. Wrap `W` in a `BufWriter` where that does not matter.
pub struct Writer<W> {
    inner: W,
    /// Described so far; the position is the interface's number in the file.
    links: Vec<LinkType>,
    /// The block being built, kept for its memory.
    block: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the section header.
    pub fn new(inner: W) -> io::Result<Self> {
        let mut writer = Self { inner, links: Vec::new(), block: Vec::new() };
        writer.begin(SECTION_HEADER);
        writer.put(&BYTE_ORDER_MAGIC.to_le_bytes());
        writer.put(&1_u16.to_le_bytes());
        writer.put(&0_u16.to_le_bytes());
        writer.put(&SECTION_LENGTH_UNKNOWN.to_le_bytes());
        writer.end()?;
        Ok(writer)
    }

    /// Writes a frame, and says in a comment (cut to 65,532 bytes) why it was kept. The frame's link
    /// type is kept, its interface is not.
    pub fn write(&mut self, frame: &Frame<'_>, comment: Option<&str>) -> io::Result<()> {
        let captured = frame.bytes.len();
        if captured > MAX_FRAME {
            let what =
                format!("a frame of {captured} bytes is longer than the {MAX_FRAME} that are read back");
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        let interface = self.interface(frame.link)?;
        let nanos = frame.time.as_nanos();
        self.begin(ENHANCED_PACKET);
        self.put(&interface.to_le_bytes());
        self.put(&((nanos >> 32) as u32).to_le_bytes());
        self.put(&(nanos as u32).to_le_bytes());
        self.put(&(captured as u32).to_le_bytes());
        self.put(&frame.wire_len.max(captured as u32).to_le_bytes());
        self.put_padded(frame.bytes);
        if let Some(comment) = comment {
            self.put_option(OPTION_COMMENT, cut(comment).as_bytes());
            self.put_option(OPTION_END, &[]);
        }
        self.end()
    }

    /// Hands everything on to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    /// What the file was written to.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// The number of the link type's interface, described on its first use.
    fn interface(&mut self, link: LinkType) -> io::Result<u32> {
        if let Some(known) = self.links.iter().position(|&known| known == link) {
            return Ok(known as u32);
        }
        self.begin(INTERFACE_DESCRIPTION);
        self.put(&link_type::code(link).to_le_bytes());
        self.put(&[0; 2]);
        self.put(&(MAX_FRAME as u32).to_le_bytes());
        self.put_option(OPTION_IF_TSRESOL, &[NANOSECONDS]);
        self.put_option(OPTION_END, &[]);
        self.end()?;
        self.links.push(link);
        Ok(self.links.len() as u32 - 1)
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.put(&kind.to_le_bytes());
        self.put(&[0; 4]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn put_padded(&mut self, bytes: &[u8]) {
        self.put(bytes);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn put_option(&mut self, code: u16, value: &[u8]) {
        self.put(&code.to_le_bytes());
        self.put(&(value.len() as u16).to_le_bytes());
        self.put_padded(value);
    }

    /// Sets both lengths and writes the block.
    fn end(&mut self) -> io::Result<()> {
        let len = (self.block.len() as u32 + 4).to_le_bytes();
        self.put(&len);
        if let Some(head) = self.block.get_mut(4..8) {
            head.copy_from_slice(&len);
        }
        self.inner.write_all(&self.block)
    }
}

/// As much of a comment as an option's length can say, its padding included.
fn cut(comment: &str) -> &str {
    let mut end = comment.len().min(usize::from(u16::MAX - 3));
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    comment.get(..end).unwrap_or_default()
}
