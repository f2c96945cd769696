//! How long to wait after a failure, and how often to speak of it.

use std::time::Duration;

use tokio::time::Instant;

/// After the first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const LAST: Duration = Duration::from_secs(5);
/// A failure that goes on is spoken of this often.
const COMPLAIN: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    not_before: Option<Instant>,
    complained: Option<Instant>,
}

impl Pace {
    /// When the next attempt may be made; `None`: at once.
    pub(super) const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// An attempt failed. Whether to speak of it.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let wait = FIRST.saturating_mul(1 << self.failures.min(10)).min(LAST);
        self.failures += 1;
        self.not_before = Some(now + wait);
        let speak = self.complained.is_none_or(|at| now.duration_since(at) >= COMPLAIN);
        if speak {
            self.complained = Some(now);
        }
        speak
    }

    /// The next attempt is made at once, whatever came before.
    pub(super) const fn hurry(&mut self) {
        (self.failures, self.not_before) = (0, None);
    }

    /// An attempt went well. Whether that is news.
    pub(super) const fn succeeded(&mut self) -> bool {
        let news = self.complained.is_some();
        (self.failures, self.not_before, self.complained) = (0, None, None);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_end_with_success() {
        let mut pace = Pace::default();
        let now = Instant::now();
        let waits: Vec<_> = (0..9)
            .map(|number| {
                assert_eq!(pace.failed(now), number == 0);
                pace.not_before().unwrap().duration_since(now).as_millis()
            })
            .collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert!(pace.failed(now + COMPLAIN));
        assert!(pace.succeeded());
        assert_eq!(pace.not_before(), None);
        assert!(!pace.succeeded());
    }
}
