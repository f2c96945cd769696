//! Whether a worker has more to do than it can.

use std::time::Duration;

use offport_wire::Timestamp;

/// Full batches one after the other that tell so: what came meanwhile was a batch each time.
const FULL: u32 = 16;
/// How long that is believed at first.
const LEAST: Duration = Duration::from_millis(50);
/// And at first when packets have been lost: nothing is kept at the cost of what is not even seen.
const AFTER_LOSS: Duration = Duration::from_millis(200);
/// And at last, when it is so again each time.
const MOST: Duration = Duration::from_secs(1);

/// How much more a worker has to do than it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing more.
    Low,
    /// It was too much a moment ago.
    High,
    /// And again and again, though less was done.
    Highest,
}

/// Rises at once, and falls the later the more often it has risen: that it is low may be because less was done.
#[derive(Debug)]
pub(crate) struct Pressure {
    /// Full batches since one that was not.
    full: u32,
    /// It is high until then.
    until: Timestamp,
    /// For so long after it was seen.
    hold: Duration,
    /// Since when it is held for so long.
    since: Timestamp,
    /// See [`Pressure::lost`].
    lost: u64,
}

impl Pressure {
    pub(crate) const NONE: Self =
        Self { full: 0, until: Timestamp::ZERO, hold: LEAST, since: Timestamp::ZERO, lost: 0 };

    /// After a batch that was full or not.
    #[inline]
    pub(crate) fn after(&mut self, full: bool, now: Timestamp) -> Level {
        self.full = if full { self.full.saturating_add(1) } else { 0 };
        if self.full >= FULL {
            self.rise(now, LEAST);
        }
        match now < self.until {
            false => Level::Low,
            true if self.hold <= LEAST * 2 => Level::High,
            true => Level::Highest,
        }
    }

    /// So many packets have been lost before the worker, in all.
    pub(crate) fn lost(&mut self, packets: u64, now: Timestamp) {
        if packets > self.lost {
            self.rise(now, AFTER_LOSS);
        }
        self.lost = packets;
    }

    #[cold]
    fn rise(&mut self, now: Timestamp, least: Duration) {
        let fell = now >= self.until;
        if fell && now.since(self.until) >= self.hold || self.hold < least {
            self.hold = least;
            self.since = now;
        } else if fell || now.since(self.since) >= self.hold {
            self.hold = (self.hold * 2).min(MOST);
            self.since = now;
        }
        self.until = now + self.hold;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    /// Full batches at this time, until it is high: how high.
    fn push(pressure: &mut Pressure, now: Timestamp) -> Level {
        for _ in 1..FULL {
            assert_eq!(pressure.after(true, now), Level::Low);
        }
        pressure.after(true, now)
    }

    /// How long it stays high without another full batch, in milliseconds.
    fn lasts(pressure: &mut Pressure, now: &mut Timestamp) -> u32 {
        (0..5_000)
            .find(|_| {
                *now = *now + Duration::from_millis(1);
                pressure.after(false, *now) == Level::Low
            })
            .unwrap()
            + 1
    }

    #[test]
    fn some_full_batches_are_none() {
        let mut pressure = Pressure::NONE;
        for number in 0..10 * FULL {
            assert_eq!(pressure.after(number % FULL != 0, START), Level::Low);
        }
    }

    #[test]
    fn it_is_higher_and_lasts_longer_each_time_that_it_comes_again() {
        use Level::{High, Highest};
        let (mut pressure, mut now) = (Pressure::NONE, START);
        for expected in
            [(High, 50), (High, 100), (Highest, 200), (Highest, 400), (Highest, 800), (Highest, 1_000)]
        {
            let level = push(&mut pressure, now);
            assert_eq!((level, lasts(&mut pressure, &mut now)), expected);
        }
        now = now + MOST;
        let level = push(&mut pressure, now);
        assert_eq!((level, lasts(&mut pressure, &mut now)), (High, 50), "after a time of rest");
    }

    #[test]
    fn packets_that_were_lost_raise_it_at_once() {
        use Level::{Highest, Low};
        let (mut pressure, mut now) = (Pressure::NONE, START);
        pressure.lost(0, now);
        assert_eq!(pressure.after(false, now), Low);
        for (lost, milliseconds) in [(1, 200), (7, 400), (8, 800), (9, 1_000)] {
            pressure.lost(lost, now);
            assert_eq!(pressure.after(false, now), Highest);
            pressure.lost(lost, now);
            assert_eq!(lasts(&mut pressure, &mut now), milliseconds, "no more were lost");
        }
        pressure.lost(3, now);
        assert_eq!(pressure.after(false, now), Low, "sockets that were closed are not counted any more");
    }

    #[test]
    fn a_loss_is_worse_than_full_batches() {
        let (mut pressure, mut now) = (Pressure::NONE, START);
        assert_eq!(push(&mut pressure, now), Level::High);
        pressure.lost(1, now);
        assert_eq!(pressure.after(false, now), Level::Highest);
        assert_eq!(lasts(&mut pressure, &mut now), 200);
    }

    #[test]
    fn it_rises_while_batches_are_full() {
        let mut pressure = Pressure::NONE;
        push(&mut pressure, START);
        for number in 0..3_000 {
            // For 50 ms, then for 100.
            let expected = if number < 150 { Level::High } else { Level::Highest };
            assert_eq!(pressure.after(true, START + Duration::from_millis(number)), expected, "{number}");
        }
        assert_eq!(lasts(&mut pressure, &mut (START + Duration::from_millis(2_999))), 1_000);
    }
}
