//! What a forwarder counts, for the control thread to publish.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The forwarder's thread was behind: its channel was full.
    QueueFull,
    /// The oldest of a full spool.
    SpoolFull,
    /// The oldest of what waits in memory: the disk takes nothing, or there is no spool.
    MemoryFull,
    /// Damaged on the disk.
    Corrupt,
    /// Too old to be of use.
    Expired,
    /// The other side will never take it.
    Refused,
}

impl Reason {
    /// Every reason, in the order of [`Reason::index`].
    pub const ALL: &'static [Self] =
        &[Self::QueueFull, Self::SpoolFull, Self::MemoryFull, Self::Corrupt, Self::Expired, Self::Refused];

    /// The metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SpoolFull => "spool_full",
            Self::MemoryFull => "memory_full",
            Self::Corrupt => "corrupt",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }

    /// Position in [`Reason::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Written by the forwarder's thread, and by who feeds it.
#[derive(Debug, Default)]
pub struct Counts {
    /// Messages that were put into the spool.
    pub(crate) accepted: AtomicU64,
    /// Messages that the other side has taken.
    pub(crate) sent: AtomicU64,
    /// Attempts that failed.
    pub(crate) failed: AtomicU64,
    /// Messages that were tried once more.
    pub(crate) retried: AtomicU64,
    /// By [`Reason`].
    pub(crate) dropped: [AtomicU64; Reason::ALL.len()],
    /// Messages that wait, and their bytes.
    pub(crate) waiting: AtomicU64,
    pub(crate) spooled_bytes: AtomicU64,
    /// Writes to the spool that failed.
    pub(crate) spool_errors: AtomicU64,
    /// The last attempt went well.
    pub(crate) connected: AtomicBool,
}

impl Counts {
    pub(super) fn dropped(&self, reason: Reason, count: u64) {
        self.dropped[reason.index()].fetch_add(count, Ordering::Relaxed);
    }

    /// Messages that were given up for this reason.
    pub fn dropped_for(&self, reason: Reason) -> u64 {
        self.dropped[reason.index()].load(Ordering::Relaxed)
    }

    /// Messages that the other side has taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Messages that wait in the spool.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// Adds to a count.
pub(super) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}
