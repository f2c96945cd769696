//! How the control thread reaches a worker that may be asleep in `poll` or busy with packets.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{io, mem};

use super::sys;

/// Messages to one worker.
pub(crate) struct Mailbox<M> {
    messages: Mutex<Vec<M>>,
    /// Something is in the box: what a busy worker looks at, once per batch.
    pending: AtomicBool,
    stop: AtomicBool,
    /// Readable while something is in the box: what a sleeping worker polls.
    event: OwnedFd,
}

impl<M> Mailbox<M> {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            messages: Mutex::default(),
            pending: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            event: sys::eventfd()?,
        })
    }

    /// Control thread: leaves a message and wakes the worker.
    pub(crate) fn send(&self, message: M) {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        self.wake();
    }

    /// Control thread: asks the worker to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Wakes the worker.
    pub(crate) fn wake(&self) {
        self.pending.store(true, Ordering::Release);
        sys::eventfd_signal(self.event.as_fd());
    }

    /// Worker: what to poll.
    pub(crate) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Worker: whether to look.
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }

    /// Worker: empties the box.
    pub(crate) fn take(&self) -> Vec<M> {
        // Cleared before the messages are read, so that one which comes meanwhile raises it again.
        sys::eventfd_clear(self.event.as_fd());
        self.pending.swap(false, Ordering::Acquire);
        mem::take(&mut *self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Worker: whether to end.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
