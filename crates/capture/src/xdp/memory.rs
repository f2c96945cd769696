//! Rings in plain memory: the receive path without a kernel, for tests.

use std::collections::{HashSet, VecDeque};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex};

use super::backend::Backend;
use super::sys;

pub(crate) struct Memory;

/// A frame, by number, with the packet in it.
pub(crate) struct Frame {
    pub number: usize,
    bytes: Vec<u8>,
    continues: bool,
}

/// The kernel's side: frames that user space has given it, packets that it has delivered.
#[derive(Default)]
pub(crate) struct Kernel {
    pub filled: VecDeque<usize>,
    delivered: VecDeque<Frame>,
    size: usize,
}

pub(crate) type Shared = Arc<Mutex<Kernel>>;

pub(crate) struct Rx {
    kernel: Shared,
    event: OwnedFd,
}

pub(crate) fn rx(kernel: &Shared) -> Rx {
    Rx { kernel: Arc::clone(kernel), event: sys::eventfd().unwrap() }
}

impl Kernel {
    /// A fill ring of `size` entries, full, and frames beyond it up to `total`.
    pub(crate) fn new(size: usize, total: usize) -> (Shared, Vec<Frame>) {
        let kernel = Self { filled: (0..size).collect(), delivered: VecDeque::new(), size };
        let frame = |number| Frame { number, bytes: Vec::new(), continues: false };
        (Arc::new(Mutex::new(kernel)), (size..total).map(frame).collect())
    }

    /// Delivers a packet in pieces; false if there are not enough frames.
    pub(crate) fn deliver(&mut self, pieces: &[&[u8]]) -> bool {
        if self.filled.len() < pieces.len() {
            return false;
        }
        for (index, piece) in pieces.iter().enumerate() {
            let number = self.filled.pop_front().unwrap();
            let continues = index + 1 < pieces.len();
            self.delivered.push_back(Frame { number, bytes: piece.to_vec(), continues });
        }
        true
    }

    /// Fails if a frame is in two places.
    pub(crate) fn assert_each_once(&self) {
        let unique: HashSet<_> = self.filled.iter().collect();
        assert_eq!(unique.len(), self.filled.len(), "a frame was given back twice");
    }
}

impl Backend for Memory {
    type Memory = ();
    type Frame = Frame;
    type Rx = Rx;
    type Fill = Shared;

    fn bytes<'a>(_: &'a (), frame: &'a Frame) -> &'a [u8] {
        &frame.bytes
    }

    fn continues(frame: &Frame) -> bool {
        frame.continues
    }

    fn receive(rx: &mut Rx, limit: usize, into: &mut Vec<Frame>) -> usize {
        let mut kernel = rx.kernel.lock().unwrap();
        let count = limit.min(kernel.delivered.len());
        into.extend(kernel.delivered.drain(..count));
        count
    }

    fn is_ready(rx: &Rx) -> bool {
        !rx.kernel.lock().unwrap().delivered.is_empty()
    }

    fn fd(rx: &Rx) -> RawFd {
        rx.event.as_raw_fd()
    }

    fn fill(ring: &mut Shared, limit: usize, frames: &mut Vec<Frame>) -> usize {
        let mut kernel = ring.lock().unwrap();
        let count = limit.min(frames.len()).min(kernel.size - kernel.filled.len());
        let rest = frames.len() - count;
        kernel.filled.extend(frames.drain(rest..).map(|frame| frame.number));
        kernel.assert_each_once();
        count
    }

    fn sleeps(_: &Shared) -> bool {
        false
    }
}
