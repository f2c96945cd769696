//! Which flows the kernel may count.

use offport_policy::Verdict;

/// When a judged flow has been seen enough of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shunting {
    /// Bytes (IP total length, both directions) from which on a flow is shunted.
    pub after: u64,
    /// The same for flows whose verdict is an alarm, and for flagged ones.
    pub alarms_after: u64,
    /// Verdicts whose flows are never shunted. Those of `undecided` never are.
    pub never: Vec<Verdict>,
}

impl Shunting {
    /// Whether a flow of so many bytes has been seen enough of.
    pub(crate) fn suits(&self, verdict: Verdict, flagged: bool, bytes: u64) -> bool {
        let after = if verdict.is_alarm() || flagged { self.alarms_after } else { self.after };
        bytes >= after && verdict != Verdict::Undecided && !self.never.contains(&verdict)
    }

    /// Bytes of one direction after which the question is worth asking again.
    pub(crate) fn step(&self) -> u32 {
        u32::try_from(self.after.min(self.alarms_after)).unwrap_or(u32::MAX).clamp(2_048, 1 << 30)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_have_a_cap_of_their_own() {
        let never = vec![Verdict::Forbidden];
        let shunting = Shunting { after: 16 << 10, alarms_after: 1 << 20, never };
        let first = |verdict, flagged| {
            (0..=24).map(|bits| 1 << bits).find(|&bytes| shunting.suits(verdict, flagged, bytes))
        };
        let from = |verdict| first(verdict, false);
        assert_eq!(first(Verdict::Displaced, true), Some(1 << 20));
        assert_eq!(from(Verdict::Expected), Some(16 << 10));
        assert_eq!(from(Verdict::Unknown), Some(16 << 10));
        assert_eq!(from(Verdict::Mismatch), Some(1 << 20));
        assert_eq!((from(Verdict::Forbidden), from(Verdict::Undecided)), (None, None));
        assert_eq!(shunting.step(), 16 << 10);
    }
}
