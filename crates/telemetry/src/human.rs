//! Flagged flows in words.

use std::net::SocketAddr;

use offport_engine::{Endpoint, FlowRecord};
use offport_policy::Verdict;

/// What is wrong, in a few words: "raw data on 80/tcp, reserved for http".
pub fn headline(record: &FlowRecord) -> String {
    let port = format!("{}/{}", record.server.port, record.transport.name().unwrap_or("ip"));
    let seen = record.protocol.map_or("unknown data", |(protocol, _)| protocol.name());
    let Some(judgement) = record.judgement else { return format!("no payload on {port}") };
    let expected: Vec<_> = judgement.expected.iter().map(|protocol| protocol.name()).collect();
    let reserved = if expected.is_empty() {
        "reserved for nothing".to_owned()
    } else {
        format!("reserved for {}", expected.join(", "))
    };
    match judgement.verdict {
        Verdict::Expected => format!("{seen} on {port}, as expected"),
        Verdict::Mismatch => format!("{seen} on {port}, {reserved}"),
        Verdict::Unrecognised => format!("raw data on {port}, {reserved}"),
        Verdict::Imposter => {
            let breach = record.breach.map_or("unknown", |breach| breach.name());
            format!("imposter on {port} ({breach}), {reserved}")
        }
        Verdict::Forbidden => format!("forbidden {seen} on {port}"),
        Verdict::Displaced => format!("{seen} on {port}, {reserved}"),
        Verdict::Unknown => format!("unknown data on {port}, {reserved}"),
        Verdict::Undecided => format!("too little payload on {port} to say"),
    }
}

/// The headline with who and how much: one line for a terminal or a log.
pub fn sentence(record: &FlowRecord) -> String {
    let severity = record.judgement.map_or("none", |judgement| judgement.severity.name());
    format!(
        "{}: {}: {} -> {}, {} up, {} down",
        severity.to_uppercase(),
        headline(record),
        end(&record.client),
        end(&record.server),
        bytes(record.client.bytes),
        bytes(record.server.bytes),
    )
}

/// Bytes as people write them: 512 B, 1.5 MB (powers of ten).
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

fn end(end: &Endpoint) -> String {
    SocketAddr::new(end.ip, end.port).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_as_people_write_them() {
        let written = [0, 999, 1000, 1500, 999_949, 999_999, 1_500_000, u64::MAX].map(bytes);
        assert_eq!(written, ["0 B", "999 B", "1.0 kB", "1.5 kB", "999.9 kB", "1.0 MB", "1.5 MB", "18.4 EB"]);
    }
}
