//! What goes wrong all the time is said once a minute; each time is counted by whoever asks.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(60);

/// When something was last said.
#[derive(Debug, Default)]
pub struct Seldom(Option<Instant>);

impl Seldom {
    /// Whether it may be said now.
    pub fn may_say(&mut self, now: Instant) -> bool {
        let may = self.0.is_none_or(|last| now.duration_since(last) >= PAUSE);
        if may {
            self.0 = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_minute() {
        let (mut seldom, begin) = (Seldom::default(), Instant::now());
        let said =
            [0, 1, 59, 60, 61, 119, 120].map(|second| seldom.may_say(begin + Duration::from_secs(second)));
        assert_eq!(said, [true, false, false, true, false, false, true]);
    }
}
