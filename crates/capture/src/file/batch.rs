//! A reusable buffer of frames.

use offport_wire::{Frame, LinkType, Timestamp};

/// The longest frame that is read, in bytes: libpcap's MAXIMUM_SNAPLEN. A record that claims more is
/// malformed.
pub const MAX_FRAME: usize = 256 << 10;

/// A batch takes no further frame once it holds this many bytes, so it never holds more than this and one
/// frame.
const BYTE_LIMIT: usize = 1 << 20;

/// Frames copied out of a capture, one after the other in one buffer.
///
/// Keep it and hand it to every [`super::CaptureFile::next_batch`]: once it has grown to the size of the
/// largest batch (1.25 MiB at most), reading allocates nothing.
pub struct Batch {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    capacity: usize,
}

struct Slot {
    start: u32,
    len: u32,
    wire_len: u32,
    interface: u16,
    link: LinkType,
    time: Timestamp,
}

impl Batch {
    /// An empty batch of at most `capacity` frames (at least one).
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { bytes: Vec::new(), slots: Vec::with_capacity(capacity), capacity }
    }

    /// Number of frames held.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it holds no frame.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The frames, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        self.slots.iter().map(|slot| {
            let start = slot.start as usize;
            Frame {
                bytes: self.bytes.get(start..start + slot.len as usize).unwrap_or_default(),
                link: slot.link,
                wire_len: slot.wire_len,
                time: slot.time,
                interface: slot.interface,
            }
        })
    }

    /// The frames as a slice that a stage can look ahead in: one allocation per batch.
    pub fn frames(&self) -> Vec<Frame<'_>> {
        self.iter().collect()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= self.capacity || self.bytes.len() >= BYTE_LIMIT
    }

    /// `bytes` is at most [`MAX_FRAME`], so offsets stay far below 4 GiB.
    pub(super) fn push(
        &mut self,
        link: LinkType,
        interface: u16,
        time: Timestamp,
        bytes: &[u8],
        wire_len: u32,
    ) {
        let (start, len) = (self.bytes.len() as u32, bytes.len() as u32);
        self.bytes.extend_from_slice(bytes);
        // Writers are known to leave the wire length 0, or short.
        let wire_len = wire_len.max(len);
        self.slots.push(Slot { start, len, wire_len, interface, link, time });
    }
}

impl Default for Batch {
    /// 256 frames.
    fn default() -> Self {
        Self::new(256)
    }
}
