//! Whether a worker has more to do than it can.

use std::time::Duration;

use offport_wire::Timestamp;

/// Full batches one after the other that tell so: what came meanwhile was a batch each time.
const FULL: u32 = 16;
/// How long that is believed at first.
const LEAST: Duration = Duration::from_millis(50);
/// And at last, when it is so again each time.
const MOST: Duration = Duration::from_secs(1);

/// Rises at once, and falls the later the more often it has risen: that it is low may be because less was done.
#[derive(Debug)]
pub(crate) struct Pressure {
    /// Full batches since one that was not.
    full: u32,
    /// It is high until then.
    until: Timestamp,
    /// For so long after it was seen.
    hold: Duration,
}

impl Pressure {
    pub(crate) const NONE: Self = Self { full: 0, until: Timestamp::ZERO, hold: LEAST };

    /// After a batch that was full or not: whether it is high.
    #[inline]
    pub(crate) fn after(&mut self, full: bool, now: Timestamp) -> bool {
        self.full = if full { self.full.saturating_add(1) } else { 0 };
        if self.full >= FULL {
            self.rise(now);
        }
        now < self.until
    }

    #[cold]
    fn rise(&mut self, now: Timestamp) {
        if now >= self.until {
            let is_soon = now.since(self.until) < self.hold;
            self.hold = if is_soon { (self.hold * 2).min(MOST) } else { LEAST };
        }
        self.until = now + self.hold;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    /// Full batches at this time, until it is high.
    fn push(pressure: &mut Pressure, now: Timestamp) {
        for _ in 1..FULL {
            assert!(!pressure.after(true, now));
        }
        assert!(pressure.after(true, now));
    }

    /// How long it stays high without another full batch, in milliseconds.
    fn lasts(pressure: &mut Pressure, now: &mut Timestamp) -> u32 {
        (0..5_000)
            .find(|_| {
                *now = *now + Duration::from_millis(1);
                !pressure.after(false, *now)
            })
            .unwrap()
            + 1
    }

    #[test]
    fn some_full_batches_are_none() {
        let mut pressure = Pressure::NONE;
        for number in 0..10 * FULL {
            assert!(!pressure.after(number % FULL != 0, START));
        }
    }

    #[test]
    fn it_lasts_longer_each_time_that_it_comes_again() {
        let (mut pressure, mut now) = (Pressure::NONE, START);
        let mut lasted = Vec::new();
        for _ in 0..7 {
            push(&mut pressure, now);
            lasted.push(lasts(&mut pressure, &mut now));
        }
        assert_eq!(lasted, [50, 100, 200, 400, 800, 1_000, 1_000]);
        now = now + MOST;
        push(&mut pressure, now);
        assert_eq!(lasts(&mut pressure, &mut now), 50, "after a time of rest");
    }

    #[test]
    fn it_lasts_while_batches_are_full() {
        let mut pressure = Pressure::NONE;
        push(&mut pressure, START);
        for number in 0..3_000 {
            assert!(pressure.after(true, START + Duration::from_millis(number)));
        }
        assert_eq!(lasts(&mut pressure, &mut (START + Duration::from_millis(2_999))), 50);
    }
}
