//! What the receive path needs of AF_XDP rings and packet memory, and nothing more.
//!
//! One trait, so that the rings of a library, rings of our own, and rings in plain memory (tests) can stand
//! behind the same [`Receiver`](super::Receiver).

use std::os::fd::RawFd;

/// Rings and packet memory.
///
/// A [`Frame`](Backend::Frame) is the right to read one frame of the memory. It is neither `Clone` nor `Copy`:
/// handing it to a fill ring consumes it, and packet bytes borrow it, so reading a frame that the kernel may be
/// writing, or giving one back twice, does not compile.
pub(crate) trait Backend: 'static {
    /// Packet memory; cheap to clone.
    type Memory: Clone + Send;
    /// One frame of it, owned by user space.
    type Frame: Send;
    /// The ring in which the kernel hands packets to one worker.
    type Rx: Send;
    /// The ring in which frames go back to the kernel.
    type Fill: Send;

    /// The packet bytes in a frame that came out of an RX ring.
    fn bytes<'a>(memory: &'a Self::Memory, frame: &'a Self::Frame) -> &'a [u8];

    /// Whether the packet goes on in the next frame of the RX ring.
    fn continues(frame: &Self::Frame) -> bool;

    /// Appends up to `limit` received frames to `into`; returns how many.
    fn receive(rx: &mut Self::Rx, limit: usize, into: &mut Vec<Self::Frame>) -> usize;

    /// Whether a received frame waits in the RX ring.
    fn is_ready(rx: &Self::Rx) -> bool;

    /// The descriptor that polls readable when the RX ring is not empty.
    fn fd(rx: &Self::Rx) -> RawFd;

    /// Moves frames from the end of `frames` to the fill ring, up to `limit`, as many as fit; returns how many.
    fn fill(ring: &mut Self::Fill, limit: usize, frames: &mut Vec<Self::Frame>) -> usize;

    /// Whether the kernel sleeps until it is told that frames are there.
    fn sleeps(ring: &Self::Fill) -> bool;
}
