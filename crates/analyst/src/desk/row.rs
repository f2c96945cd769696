//! A flow record as the desk shows it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use arrow_array::RecordBatch;
use offport_evidence::flows::{Cells, FlowQuery, FlowStore, document};
use offport_wire::{FlowId, Timestamp};
use serde_json::Value;

/// What is shown of a flow.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: FlowId,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// It is over; else this is what is known so far.
    pub(crate) over: bool,
    pub(crate) source: (IpAddr, Option<u16>),
    pub(crate) destination: (IpAddr, Option<u16>),
    pub(crate) transport: String,
    pub(crate) protocol: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) severity: Option<String>,
    pub(crate) up: u64,
    pub(crate) down: u64,
    pub(crate) packets: u64,
    pub(crate) expected: Vec<String>,
    pub(crate) breach: Option<String>,
    /// The record; `Null` where it was not asked for.
    pub(crate) document: Value,
}

/// The columns of a [`Row`], but for the whole record.
const COLUMNS: [&str; 16] = [
    "offport_flow_id",
    "event_start",
    "event_end",
    "event_action",
    "source_ip",
    "source_port",
    "source_bytes",
    "destination_ip",
    "destination_port",
    "destination_bytes",
    "network_transport",
    "network_protocol",
    "network_packets",
    "offport_verdict",
    "offport_severity",
    "offport_expected",
];

/// Flows that are looked at in the order of `key`, the greatest first.
pub(crate) struct Latest {
    /// How many.
    pub(crate) limit: usize,
    pub(crate) key: fn(&Row) -> u64,
    /// With the whole record.
    pub(crate) whole: bool,
}

impl Row {
    pub(crate) fn of(batch: &RecordBatch, row: usize, whole: bool) -> Option<Self> {
        let cells = |name| Cells::of(batch, name);
        let text = |name| cells(name).text(row).map(str::to_owned);
        let port = |name| cells(name).number(row).and_then(|port| u16::try_from(port).ok());
        Some(Self {
            id: cells("offport_flow_id").text(row)?.parse().ok()?,
            start: cells("event_start").time(row)?,
            end: cells("event_end").time(row)?,
            over: cells("event_action").text(row) == Some("flow_end"),
            source: (cells("source_ip").text(row)?.parse().ok()?, port("source_port")),
            destination: (cells("destination_ip").text(row)?.parse().ok()?, port("destination_port")),
            transport: text("network_transport").unwrap_or_else(|| "ip".to_owned()),
            protocol: text("network_protocol"),
            verdict: text("offport_verdict"),
            severity: text("offport_severity"),
            up: cells("source_bytes").count(row),
            down: cells("destination_bytes").count(row),
            packets: cells("network_packets").count(row),
            expected: cells("offport_expected").list(row),
            breach: text("offport_breach"),
            document: if whole { document(batch, row) } else { Value::Null },
        })
    }

    /// Whether it says more than another record of the same flow.
    fn is_later_than(&self, other: &Self) -> bool {
        (self.over, self.end) > (other.over, other.end)
    }
}

impl Latest {
    /// The flows, each by its last record, and how many there are in all.
    pub(crate) fn find(&self, store: &FlowStore, query: &FlowQuery) -> anyhow::Result<Vec<Row>> {
        let mut columns = COLUMNS.to_vec();
        columns.push("offport_breach");
        let columns: &[&str] = if self.whole { &[] } else { &columns };
        let parts = store.scan(query, columns, HashMap::new, |rows, batch| {
            for row in (0..batch.num_rows()).filter_map(|row| Row::of(batch, row, self.whole)) {
                add(rows, row);
            }
            self.prune(rows);
        })?;
        let mut all = HashMap::new();
        parts.into_iter().flatten().for_each(|(_, row)| add(&mut all, row));
        let mut rows: Vec<Row> = all.into_values().collect();
        rows.sort_by_key(|row| Reverse(((self.key)(row), row.id)));
        rows.truncate(self.limit);
        Ok(rows)
    }

    /// Keeps memory bounded. A flow that is left out now may come again with a later record, which is the one that counts.
    fn prune(&self, rows: &mut HashMap<FlowId, Row>) {
        let enough = self.limit.saturating_mul(4).saturating_add(10_000);
        if rows.len() > enough * 2 {
            let mut keys: Vec<_> = rows.values().map(|row| ((self.key)(row), row.id)).collect();
            keys.sort_unstable_by_key(|&key| Reverse(key));
            let Some(&least) = keys.get(enough) else { return };
            rows.retain(|_, row| ((self.key)(row), row.id) > least);
        }
    }
}

fn add(rows: &mut HashMap<FlowId, Row>, row: Row) {
    match rows.entry(row.id) {
        std::collections::hash_map::Entry::Occupied(mut known) => {
            if row.is_later_than(known.get()) {
                known.insert(row);
            }
        }
        std::collections::hash_map::Entry::Vacant(place) => _ = place.insert(row),
    }
}
