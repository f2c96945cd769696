//! Verdicts over time: a range in slices of one width, and what ended in each.

use std::collections::BTreeMap;
use std::time::Duration;

use offport_wire::Timestamp;

use super::tally::{FLAGGED, Flow, Name, Names, Sum};

/// Flows of one verdict in one slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) flows: u64,
    pub(crate) flagged: u64,
    /// Both ways.
    pub(crate) bytes: u64,
}

/// A range of time in slices: verdict → its flows, in each. While they are added up, a verdict is the number of its name.
///
/// A flow is in the slice that it ended in, or was last seen in; what is outside goes to the nearest.
#[derive(Clone, Debug)]
pub(crate) struct Slices<V = String> {
    pub(crate) from: Timestamp,
    /// Of each slice; the last one may reach beyond the range.
    pub(crate) width: Duration,
    pub(crate) slices: Vec<BTreeMap<V, Part>>,
}

impl Slices<Name> {
    /// At most so many slices, each some whole seconds wide.
    pub(crate) fn new((from, to): (Timestamp, Timestamp), most: usize) -> Self {
        let most = most.max(1) as u64;
        let seconds = to.since(from).as_secs().max(1);
        let width = seconds.div_ceil(most).max(1);
        let count = seconds.div_ceil(width).max(1) as usize;
        Self { from, width: Duration::from_secs(width), slices: vec![BTreeMap::new(); count] }
    }

    /// With names; that of none is "no_payload".
    pub(crate) fn named(self, names: &Names) -> Slices {
        let name = |verdict| names.name(verdict).unwrap_or_else(|| "no_payload".to_owned());
        let named = |slice: BTreeMap<Name, Part>| {
            slice.into_iter().map(|(verdict, part)| (name(verdict), part)).collect()
        };
        Slices { from: self.from, width: self.width, slices: self.slices.into_iter().map(named).collect() }
    }

    fn at(&self, time: Timestamp) -> usize {
        let behind = if time > self.from { time.since(self.from) } else { Duration::ZERO };
        let at = behind.as_nanos() / self.width.as_nanos().max(1);
        usize::try_from(at).unwrap_or(usize::MAX).min(self.slices.len() - 1)
    }
}

impl Slices {
    /// The verdicts of the whole range.
    pub(crate) fn total(&self) -> BTreeMap<String, Part> {
        let mut total = BTreeMap::<String, Part>::new();
        for (name, part) in self.slices.iter().flatten() {
            total.entry(name.clone()).or_default().add(*part);
        }
        total
    }

    /// All flows of the range.
    pub(crate) fn sum(&self) -> Part {
        let mut sum = Part::default();
        self.slices.iter().flat_map(BTreeMap::values).for_each(|part| sum.add(*part));
        sum
    }
}

impl Part {
    fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.flagged += other.flagged;
        self.bytes += other.bytes;
    }
}

impl Sum for Slices<Name> {
    fn add(&mut self, flow: &Flow) {
        let at = self.at(flow.end);
        let flagged = u64::from(flow.severity >= FLAGGED);
        self.slices[at].entry(flow.verdict).or_default().add(Part {
            flows: 1,
            flagged,
            bytes: flow.up + flow.down,
        });
    }

    fn merge(&mut self, other: Self) {
        for (slice, other) in self.slices.iter_mut().zip(other.slices) {
            for (name, part) in other {
                slice.entry(name).or_default().add(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: u64 = 1_764_270_000;

    fn second(second: u64) -> Timestamp {
        Timestamp::from_nanos((BEGIN + second) * 1_000_000_000)
    }

    fn flow(end: u64, verdict: Name, severity: u8) -> Flow {
        Flow {
            start: second(0),
            end: second(end),
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            source_port: Some(40_000),
            port: Some(80),
            transport: 0,
            protocol: 0,
            verdict,
            severity,
            up: end,
            down: 1,
        }
    }

    /// Verdict and severity by number, so that all combinations are there.
    fn flows() -> Vec<Flow> {
        (0..1_000).map(|n| flow(n * 7 % 901, (n % 3) as Name, (n % 5) as u8)).collect()
    }

    #[test]
    fn slices_are_what_a_naive_sum_says() {
        let range = (second(0), second(900));
        let mut slices = Slices::new(range, 48);
        let mut other = slices.clone();
        for (number, flow) in flows().iter().enumerate() {
            if number % 2 == 0 { slices.add(flow) } else { other.add(flow) }
        }
        slices.merge(other);
        let names = Names::default();
        assert_eq!([names.number("expected"), names.number("mismatch")], [1, 2]);
        let slices = slices.named(&names);
        let width = slices.width.as_secs();
        assert!(slices.slices.len() <= 48 && width * slices.slices.len() as u64 >= 900);
        for (at, slice) in slices.slices.iter().enumerate() {
            let last = at + 1 == slices.slices.len();
            let (begin, end) = (at as u64 * width, if last { u64::MAX } else { (at as u64 + 1) * width });
            for (verdict, name) in [(1, "expected"), (2, "mismatch"), (0, "no_payload")] {
                let all = flows();
                let naive: Vec<_> = all
                    .iter()
                    .filter(|flow| (begin..end).contains(&(flow.end.as_nanos() / 1_000_000_000 - BEGIN)))
                    .filter(|flow| flow.verdict == verdict)
                    .collect();
                let expected = Part {
                    flows: naive.len() as u64,
                    flagged: naive.iter().filter(|flow| flow.severity >= FLAGGED).count() as u64,
                    bytes: naive.iter().map(|flow| flow.up + flow.down).sum(),
                };
                assert_eq!(slice.get(name).copied().unwrap_or_default(), expected, "{at} {name}");
            }
        }
        assert_eq!(slices.sum().flows, 1_000);
        assert_eq!(slices.total().values().map(|part| part.flows).sum::<u64>(), 1_000);
    }

    #[test]
    fn any_range_has_slices() {
        for (from, to, most) in [(0, 0, 10), (0, 1, 10), (0, 604_800, 84), (5, 4, 1), (0, 100, 0)] {
            let mut slices = Slices::new((second(from), second(to)), most);
            slices.add(&flow(0, 0, 0));
            slices.add(&flow(2_000_000, 0, 0));
            let slices = slices.named(&Names::default());
            assert_eq!(slices.sum().flows, 2);
            assert!(slices.slices.len() <= most.max(1));
        }
    }
}
