//! Which parts of a datagram are there.

/// Runs of one datagram at most. In order there is one; only a hostile sender needs many.
const MAX_RUNS: usize = 128;

/// Received byte ranges: sorted, disjoint, not adjacent.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<(u32, u32)>);

/// How a range relates to what is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// All of it was missing.
    New,
    /// All of it was there.
    Duplicate,
    /// Some of it was there.
    Overlap,
    /// It was missing, but there are too many runs.
    TooMany,
}

impl Runs {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Where the last run ends.
    pub(super) fn end(&self) -> u32 {
        self.0.last().map_or(0, |run| run.1)
    }

    /// Whether all of `0..total` is there.
    pub(super) fn is_whole(&self, total: u32) -> bool {
        self.0 == [(0, total)]
    }

    /// Adds `start..end`, which must not be empty, unless some of it is there already.
    pub(super) fn add(&mut self, start: u32, end: u32) -> Added {
        let runs = &mut self.0;
        // The first run that does not end before the range starts: it touches it, overlaps it, or lies beyond.
        let at = runs.partition_point(|run| run.1 < start);
        let touches_left = runs.get(at).is_some_and(|run| run.1 == start);
        let next = at + usize::from(touches_left);
        if let Some(&(next_start, next_end)) = runs.get(next)
            && next_start < end
        {
            return if next_start <= start && end <= next_end { Added::Duplicate } else { Added::Overlap };
        }
        let touches_right = runs.get(next).is_some_and(|run| run.0 == end);
        match (touches_left, touches_right) {
            (true, true) => {
                let (_, right_end) = runs.remove(next);
                runs[at].1 = right_end;
            }
            (true, false) => runs[at].1 = end,
            (false, true) => runs[next].0 = start,
            (false, false) if runs.len() >= MAX_RUNS => return Added::TooMany,
            (false, false) => runs.insert(at, (start, end)),
        }
        Added::New
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_merge() {
        let mut runs = Runs::default();
        assert_eq!(runs.add(8, 16), Added::New);
        assert_eq!(runs.add(24, 32), Added::New);
        assert_eq!(runs.add(16, 24), Added::New);
        assert_eq!(runs.0, [(8, 32)]);
        assert_eq!(runs.add(8, 32), Added::Duplicate);
        assert_eq!(runs.add(16, 24), Added::Duplicate);
        assert_eq!(runs.add(0, 16), Added::Overlap);
        assert_eq!(runs.add(24, 40), Added::Overlap);
        assert_eq!(runs.add(0, 40), Added::Overlap);
        assert!(!runs.is_whole(32));
        assert_eq!(runs.add(0, 8), Added::New);
        assert!(runs.is_whole(32));
        assert_eq!(runs.end(), 32);
    }

    #[test]
    fn runs_are_bounded() {
        let mut runs = Runs::default();
        for at in 0..MAX_RUNS as u32 {
            assert_eq!(runs.add(at * 16, at * 16 + 8), Added::New);
        }
        assert_eq!(runs.add(60_000, 60_008), Added::TooMany);
        assert_eq!(runs.add(8, 16), Added::New);
        assert_eq!(runs.add(60_000, 60_008), Added::New);
    }

    proptest! {
        /// Against one flag per byte.
        #[test]
        fn runs_agree_with_a_bitmap(ranges in prop::collection::vec((0_u32..64, 1_u32..16), 1..40)) {
            let mut runs = Runs::default();
            let mut there = [false; 80];
            for (start, len) in ranges {
                let range = start as usize..(start + len) as usize;
                let count = there[range.clone()].iter().filter(|&&flag| flag).count();
                let expected = match count {
                    0 => Added::New,
                    all if all == range.len() => Added::Duplicate,
                    _ => Added::Overlap,
                };
                prop_assert_eq!(runs.add(start, start + len), expected);
                if count == 0 {
                    there[range].fill(true);
                }
                let end = there.iter().rposition(|&flag| flag).map_or(0, |last| last as u32 + 1);
                prop_assert_eq!(runs.end(), end);
                prop_assert_eq!(runs.is_whole(end), there[..end as usize].iter().all(|&flag| flag));
            }
        }
    }
}
