//! Packet memory as a worker sees it: large frames, small packets, one after the other.

use allocator_api2::vec::Vec as PlacedVec;
use offport_wire::{Frame, LinkType, Timestamp};

use crate::memory::{HugePages, huge_bytes};

/// Bytes of a frame: a UMEM's.
const FRAME: usize = 2_048;
/// Bytes that the kernel leaves in front of a packet: `XDP_PACKET_HEADROOM`.
const HEADROOM: usize = 256;

/// As many packets as there are frames.
#[derive(Debug)]
pub struct Area {
    bytes: PlacedVec<u8, HugePages>,
    lens: Vec<u16>,
}

impl Area {
    /// Frames without packets.
    pub fn new(frames: usize) -> Self {
        Self { bytes: huge_bytes(frames * FRAME), lens: vec![0; frames] }
    }

    /// How many frames.
    pub fn frames(&self) -> usize {
        self.lens.len()
    }

    /// Lets `write` put a packet into a frame and say how long it is.
    pub fn write(&mut self, index: usize, write: impl FnOnce(&mut [u8]) -> usize) {
        let start = index * FRAME + HEADROOM;
        self.lens[index] = write(&mut self.bytes[start..start + FRAME - HEADROOM]) as u16;
    }

    /// The packet in a frame.
    #[inline]
    pub fn frame(&self, index: usize, time: Timestamp) -> Frame<'_> {
        let (start, len) = (index * FRAME + HEADROOM, self.lens[index]);
        Frame {
            bytes: &self.bytes[start..start + usize::from(len)],
            link: LinkType::Ethernet,
            wire_len: u32::from(len),
            time,
            interface: 0,
        }
    }
}
