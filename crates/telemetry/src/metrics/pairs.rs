//! `offport_flagged_pair`: who was flagged of late. The one family with addresses: capped, and it expires.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use offport_engine::FlowRecord;
use offport_wire::Timestamp;

use super::label;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Pair {
    client: IpAddr,
    server: IpAddr,
    port: u16,
    transport: &'static str,
    protocol: &'static str,
    verdict: &'static str,
}

/// The pairs that are shown now.
#[derive(Debug)]
pub struct FlaggedPairs {
    latest: HashMap<Pair, Timestamp>,
    most: usize,
    shown_for: Duration,
}

impl FlaggedPairs {
    /// Shows at most `most` pairs, each for `shown_for` after it was last flagged.
    pub fn new(most: usize, shown_for: Duration) -> Self {
        Self { latest: HashMap::with_capacity(most), most, shown_for }
    }

    /// A flow was flagged. When there are too many pairs, the one flagged longest ago goes.
    pub fn flagged(&mut self, record: &FlowRecord) {
        let Some(judgement) = record.judgement.filter(|_| self.most > 0) else { return };
        let pair = Pair {
            client: record.client.ip,
            server: record.server.ip,
            port: record.server.port,
            transport: record.transport.name().unwrap_or("ip"),
            protocol: record.protocol.map_or("none", |(protocol, _)| protocol.name()),
            verdict: judgement.verdict.name(),
        };
        if self.latest.len() == self.most && !self.latest.contains_key(&pair) {
            let oldest = self.latest.iter().min_by_key(|&(pair, &time)| (time, *pair)).map(|(&pair, _)| pair);
            if let Some(oldest) = oldest {
                self.latest.remove(&oldest);
            }
        }
        self.latest.insert(pair, record.end);
    }

    /// Forgets pairs that were flagged too long ago.
    pub fn expire(&mut self, now: Timestamp) {
        self.latest.retain(|_, &mut time| now.since(time) <= self.shown_for);
    }

    /// Appends the family; the value is when the pair was last flagged, in seconds since the Unix epoch.
    pub(super) fn write(&self, text: &mut String) {
        if self.latest.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "# HELP offport_flagged_pair When this pair was last flagged, Unix time in seconds"
        );
        let _ = writeln!(text, "# TYPE offport_flagged_pair gauge");
        let mut pairs: Vec<_> = self.latest.iter().collect();
        pairs.sort();
        for (pair, time) in pairs {
            text.push_str("offport_flagged_pair{");
            for (name, value) in [
                ("source", pair.client.to_string().as_str()),
                ("destination", &pair.server.to_string()),
                ("port", &pair.port.to_string()),
                ("transport", pair.transport),
                ("protocol", pair.protocol),
                ("verdict", pair.verdict),
            ] {
                let _ = write!(text, "{name}=\"");
                label(value, text);
                text.push_str("\",");
            }
            let _ = writeln!(text, "}} {:.3}", time.as_nanos() as f64 / 1e9);
        }
    }
}
