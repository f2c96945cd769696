//! Rounds in turn, A B A B, and what is made of them.

/// What one round measured.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Nanoseconds.
    pub nanos: u64,
    /// Packets, flows, or whatever is counted.
    pub units: u64,
}

impl Round {
    /// Nanoseconds per unit.
    pub fn each(self) -> f64 {
        self.nanos as f64 / self.units.max(1) as f64
    }
}

/// Something that can be measured again and again.
pub trait Measured {
    /// One round.
    fn round(&mut self) -> Round;
}

/// Nanoseconds per unit, one value per round, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub struct Series(pub Vec<f64>);

impl Series {
    /// The middle value.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The range of the middle half, as a part of the median: how much to believe.
    pub fn spread(&self) -> f64 {
        ((self.quantile(0.75) - self.quantile(0.25)) / self.median()).abs()
    }

    /// Between these lies the middle half.
    pub fn middle_half(&self) -> [f64; 2] {
        [0.25, 0.75].map(|at| self.quantile(at))
    }

    /// Round by round, this by that: what disturbs both cancels out.
    pub fn by(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }

    /// Round by round, this without that.
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a - b).collect())
    }

    /// Round by round, units per second.
    pub fn rate(&self) -> Self {
        Self(self.0.iter().map(|nanos| 1e9 / nanos).collect())
    }

    fn quantile(&self, at: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = at * sorted.len().saturating_sub(1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        match (sorted.get(low), sorted.get(high)) {
            (Some(low), Some(high)) => low + (high - low) * place.fract(),
            _ => f64::NAN,
        }
    }
}

/// Measures the variants in turn, `rounds` times each, after one round each that does not count.
pub fn interleave(rounds: usize, variants: &mut [&mut dyn Measured]) -> Vec<Series> {
    let mut series = vec![Series::default(); variants.len()];
    for turn in 0..=rounds {
        for (variant, series) in variants.iter_mut().zip(&mut series) {
            let round = variant.round();
            if turn > 0 {
                series.0.push(round.each());
            }
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quartiles() {
        let series = Series(vec![4.0, 1.0, 3.0, 2.0, 5.0]);
        assert_eq!(series.median(), 3.0);
        assert_eq!(series.spread(), 2.0 / 3.0);
        assert_eq!(Series(vec![1.0, 2.0]).median(), 1.5);
        assert!(Series::default().median().is_nan());
        assert_eq!(series.by(&Series(vec![2.0; 5])).median(), 1.5);
    }

    #[test]
    fn variants_take_turns() {
        struct Turn<'a>(&'a std::cell::RefCell<String>, char);
        impl Measured for Turn<'_> {
            fn round(&mut self) -> Round {
                self.0.borrow_mut().push(self.1);
                Round { nanos: 10, units: 5 }
            }
        }
        let order = std::cell::RefCell::default();
        let series = interleave(2, &mut [&mut Turn(&order, 'a'), &mut Turn(&order, 'b')]);
        assert_eq!(*order.borrow(), "ababab");
        assert_eq!(series[1].0, [2.0, 2.0]);
    }
}
