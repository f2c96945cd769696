//! The frames of a UMEM that are in nobody's hands: the stock behind its fill ring and its workers' caches.
//!
//! There are more frames than the fill ring holds, so that it stays full while RX rings are full too. Those that are
//! not needed at the moment lie here, and the ring goes round over few that are warm in the cache.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Frames move between a worker's cache and the pool this many at once: one lock for them all.
pub(crate) const EXCHANGE: usize = 64;

/// A stock of free frames.
pub(crate) struct Pool<F> {
    frames: Mutex<Vec<F>>,
    free: AtomicUsize,
    total: usize,
}

impl<F> Pool<F> {
    /// A pool that is to hold `total` frames in the end, `frames` of them now.
    pub(crate) fn new(mut frames: Vec<F>, total: usize) -> Self {
        frames.reserve_exact(total.saturating_sub(frames.len()));
        Self { free: AtomicUsize::new(frames.len()), frames: Mutex::new(frames), total }
    }

    /// Moves up to `limit` frames from the pool to `into`; returns how many.
    pub(crate) fn take(&self, limit: usize, into: &mut Vec<F>) -> usize {
        // Spares the lock when there is nothing; a frame that arrives this moment is seen next time.
        if self.free.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let mut frames = self.lock();
        let count = limit.min(frames.len());
        let rest = frames.len() - count;
        into.extend(frames.drain(rest..));
        self.free.store(rest, Ordering::Relaxed);
        count
    }

    /// Moves up to `limit` frames from the end of `from` to the pool.
    pub(crate) fn give(&self, limit: usize, from: &mut Vec<F>) {
        let count = limit.min(from.len());
        if count == 0 {
            return;
        }
        let mut frames = self.lock();
        frames.extend(from.drain(from.len() - count..));
        self.free.store(frames.len(), Ordering::Relaxed);
    }

    /// Frames in the pool, of how many that exist: the rest is in rings and caches.
    pub(crate) fn level(&self) -> (usize, usize) {
        (self.free.load(Ordering::Relaxed), self.total)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<F>> {
        // Nothing can panic halfway through a move of frames.
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_moved_and_neither_made_nor_lost() {
        let pool = Pool::new((0..10).collect(), 10);
        let mut cache = Vec::new();
        assert_eq!(pool.take(4, &mut cache), 4);
        assert_eq!(pool.level(), (6, 10));
        assert_eq!(pool.take(100, &mut cache), 6);
        assert_eq!(pool.take(1, &mut cache), 0);
        pool.give(3, &mut cache);
        assert_eq!((cache.len(), pool.level()), (7, (3, 10)));
        pool.give(100, &mut cache);
        assert_eq!(pool.take(100, &mut cache), 10);
        cache.sort_unstable();
        assert_eq!(cache, (0..10).collect::<Vec<_>>());
    }
}
