//! Numbers as people write them.

use std::time::Duration;

use offport_telemetry::ecs::rfc3339;
use offport_wire::Timestamp;

/// 1234567 as 1,234,567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 flow", "2 flows".
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A part of a whole, in per cent.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".into();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    if part > 0 && percent < 0.1 { "< 0.1 %".into() } else { format!("{percent:.1} %") }
}

/// 1234 as 1.2k.
pub(crate) fn short(value: f64) -> String {
    let units = ["", "k", "M", "G", "T", "P"];
    let mut value = value;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    let digits = if value.fract() > 0.04 && value < 100.0 { 1 } else { 0 };
    format!("{value:.digits$}{}", units[unit])
}

/// Two units at most: "1 d 4 h", "3 min 20 s", "12.345 s".
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.3} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", grouped(seconds / 86_400), seconds / 3600 % 24),
    }
}

/// UTC, to the second: "2026-03-02 10:00:05".
pub(crate) fn date_time(time: Timestamp) -> String {
    date_time_of(&rfc3339(time))
}

/// [`date_time`] of an RFC 3339 text.
pub(crate) fn date_time_of(rfc3339: &str) -> String {
    rfc3339.get(..19).unwrap_or(rfc3339).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 7.0, 1_200.0, 1_000_000.0, 2.5].map(short), ["0", "7", "1.2k", "1M", "2.5"]);
        assert_eq!(counted(1, "flow"), "1 flow");
        assert_eq!(counted(2000, "flow"), "2,000 flows");
        assert_eq!(
            [share(0, 0), share(1, 3), share(1, 100_000), share(0, 5)],
            ["-", "33.3 %", "< 0.1 %", "0.0 %"]
        );
        assert_eq!(span(Duration::from_millis(12_345)), "12.345 s");
        assert_eq!(span(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(span(Duration::from_secs(100_000)), "1 d 3 h");
        assert_eq!(date_time(Timestamp::from_nanos(1_700_000_000_123_456_789)), "2023-11-14 22:13:20");
    }
}
