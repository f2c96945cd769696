//! Which time a page is about: `last=` of its address.

use std::time::Duration;

use offport_wire::Timestamp;

use crate::desk::when::{Span, before};
use crate::settings::now;

/// What the selector offers.
pub(super) const OFFERED: [&str; 5] = ["15m", "1h", "6h", "1d", "1w"];
/// Further back no page looks: a scan of everything is the command line's.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// A time up to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// As it stands in addresses.
    pub(super) last: String,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Period {
    /// From `last=`, or a page's own.
    pub(super) fn new(last: Option<&str>, default: &str) -> Result<Self, String> {
        let last = last.filter(|last| !last.is_empty()).unwrap_or(default);
        let Span(span) = last.parse().map_err(|error| format!("last={last}: {error}"))?;
        if span.is_zero() || span > LONGEST {
            return Err(format!(
                "last={last}: from 1s to 31d; `offport` on the command line looks further back"
            ));
        }
        let to = now();
        Ok(Self { last: last.to_owned(), from: before(to, span), to })
    }

    pub(super) fn range(&self) -> (Timestamp, Timestamp) {
        (self.from, self.to)
    }

    /// How often a page about it is made anew: what is long changes slowly, and costs more to read.
    pub(super) fn refresh(&self) -> Duration {
        let span = self.to.since(self.from);
        (span / 720).clamp(Duration::from_secs(5), Duration::from_secs(300))
    }
}

/// The shortest offered time that reaches back to `time`; the longest, if none does.
pub(super) fn reaching(time: Timestamp) -> &'static str {
    let covers = |last: &&str| last.parse().is_ok_and(|Span(span)| before(now(), span) < time);
    OFFERED.into_iter().skip(1).find(covers).unwrap_or("1w")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_up_to_now() {
        let hour = Period::new(None, "1h").unwrap();
        assert_eq!((hour.last.as_str(), hour.to.since(hour.from).as_secs()), ("1h", 3_600));
        for last in OFFERED {
            assert_eq!(Period::new(Some(last), "1h").unwrap().last, last);
        }
        assert_eq!(Period::new(Some(""), "1d").unwrap().last, "1d");
        for last in ["yesterday", "0s", "32d", "<script>", "-1h"] {
            assert!(Period::new(Some(last), "1h").is_err(), "{last}");
        }
        assert_eq!(reaching(now()), "1h");
        assert_eq!(reaching(before(now(), Duration::from_secs(7_200))), "6h");
        assert_eq!(reaching(Timestamp::ZERO), "1w");
        assert_eq!(hour.refresh().as_secs(), 5);
        assert_eq!(Period::new(Some("31d"), "1h").unwrap().refresh().as_secs(), 300);
    }
}
