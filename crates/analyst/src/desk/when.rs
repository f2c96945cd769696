//! Times as people write them.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Clock, Zoned};
use offport_wire::Timestamp;

/// A time span: 90s, 15m, 1h, 2d, 1w, 1h30m.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A moment: absolute, or so long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const REMEDY: &str = "no time span: 90s, 15m, 1h, 2d, 1w";
        let mut total = Duration::ZERO;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(REMEDY.to_owned());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(REMEDY)?;
            let (number, behind) = rest.split_at(digits);
            let letters = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(letters);
            let seconds = match unit.trim() {
                "s" | "sec" => 1,
                "m" | "min" => 60,
                "h" => 3_600,
                "d" => 86_400,
                "w" => 7 * 86_400,
                _ => return Err(REMEDY.to_owned()),
            };
            let number: u64 = number.parse().map_err(|_| REMEDY)?;
            let part = number.checked_mul(seconds).ok_or(REMEDY)?;
            total = total.checked_add(Duration::from_secs(part)).ok_or(REMEDY)?;
            rest = behind;
        }
        Ok(Self(total))
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, &Zoned::now())
    }
}

impl Moment {
    /// Relative times are before `now`; times without a zone are in that of `now`.
    fn parse(text: &str, now: &Zoned) -> Result<Self, String> {
        let text = text.trim();
        if text == "now" {
            return at(now.timestamp());
        }
        if let Ok(Span(ago)) = text.parse() {
            return at(now.timestamp()).map(|Self(now)| Self(before(now, ago)));
        }
        if let Ok(clock) = text.parse::<Clock>() {
            return at(clock);
        }
        let zone = now.time_zone().clone();
        let zoned = |time: DateTime, zone: TimeZone| {
            time.to_zoned(zone).map_err(|error| error.to_string()).and_then(|zoned| at(zoned.timestamp()))
        };
        let (bare, zone) = match text.strip_suffix(['Z', 'z']) {
            Some(bare) => (bare, TimeZone::UTC),
            None => (text, zone),
        };
        if let Ok(time) = bare.parse::<DateTime>() {
            return zoned(time, zone);
        }
        match bare.parse::<Time>() {
            Ok(time) => zoned(now.with_time_zone(zone.clone()).date().to_datetime(time), zone),
            Err(_) => {
                Err("no time: 2026-11-27T19:00Z, \"2026-11-27 19:00\", 19:00, 2d (ago), now".to_owned())
            }
        }
    }
}

/// So long before `time`.
pub(crate) fn before(time: Timestamp, span: Duration) -> Timestamp {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_sub(nanos))
}

fn at(clock: Clock) -> Result<Moment, String> {
    let nanos = u64::try_from(clock.as_nanosecond()).map_err(|_| "before 1970".to_owned())?;
    Ok(Moment(Timestamp::from_nanos(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let seconds = |text: &str| text.parse::<Span>().ok().map(|Span(span)| span.as_secs());
        assert_eq!(
            ["90s", "15m", "1h", "2d", "1w", "1h30m", "0s"].map(seconds),
            [90, 900, 3_600, 172_800, 604_800, 5_400, 0].map(Some)
        );
        assert_eq!(
            ["", "5", "h", "-1h", "1.5h", "1 fortnight", "99999999999999999w"].map(seconds),
            [None; 7]
        );
    }

    #[test]
    fn moments() {
        let now: Zoned = "2026-11-27T20:30:00+01:00[Europe/Berlin]".parse().unwrap();
        let shown =
            |text: &str| Moment::parse(text, &now).map(|Moment(time)| offport_telemetry::ecs::rfc3339(time));
        for (text, expected) in [
            ("now", "2026-11-27T19:30:00.000000Z"),
            ("1h", "2026-11-27T18:30:00.000000Z"),
            ("2026-11-26T10:00Z", "2026-11-26T10:00:00.000000Z"),
            ("2026-11-26T10:00:05.5+02:00", "2026-11-26T08:00:05.500000Z"),
            ("2026-11-26 10:00", "2026-11-26T09:00:00.000000Z"),
            ("2026-11-26", "2026-11-25T23:00:00.000000Z"),
            ("19:00", "2026-11-27T18:00:00.000000Z"),
            ("19:00Z", "2026-11-27T19:00:00.000000Z"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(shown("yesterday").is_err() && shown("1960-01-01").is_err());
    }
}
