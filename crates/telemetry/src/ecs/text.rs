//! How values are written: times, addresses, payload.

use std::fmt::Write as _;

use offport_wire::Timestamp;

/// RFC 3339 in UTC with microseconds.
pub fn time(time: Timestamp) -> String {
    let nanos = i128::from(time.as_nanos());
    match jiff::Timestamp::from_nanosecond(nanos - nanos % 1000) {
        Ok(time) => format!("{time:.6}"),
        // 64 bits of nanoseconds end in the year 2554, well inside the range of the calendar.
        Err(_) => String::new(),
    }
}

/// ECS writes MAC addresses in upper case with hyphens (RFC 7042).
pub(super) fn mac(mac: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = mac;
    format!("{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{f:02X}")
}

/// Printable ASCII as it is, the rest escaped: safe in a terminal and in a log.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// Shannon entropy in bits per byte, rounded to two decimals; 0 for nothing.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let total = bytes.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum();
    (bits * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_six_digits() {
        assert_eq!(time(Timestamp::from_nanos(1_700_000_000_123_456_789)), "2023-11-14T22:13:20.123456Z");
        assert_eq!(time(Timestamp::ZERO), "1970-01-01T00:00:00.000000Z");
        assert!(time(Timestamp::from_nanos(u64::MAX)).starts_with("2554-07-21T"));
    }

    #[test]
    fn payload_is_escaped_for_terminals() {
        assert_eq!(printable(b"GET /\r\n\x1b[31m\xff\\"), "GET /\\r\\n\\x1b[31m\\xff\\\\");
    }

    #[test]
    fn entropy_of_known_distributions() {
        assert_eq!(entropy(b""), 0.0);
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert_eq!(entropy(b"abab"), 1.0);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(entropy(&all), 8.0);
    }
}
