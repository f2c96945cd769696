//! Records added up, each flow once.
//!
//! A flow that goes on has several records, each with totals so far: the last one counts. So what is not over is kept aside until
//! all have been seen.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::RecordBatch;
use offport_evidence::flows::Cells;
use offport_wire::Timestamp;

/// The columns that are read.
pub(crate) const COLUMNS: [&str; 14] = [
    "offport_flow_id",
    "event_start",
    "event_end",
    "event_action",
    "event_duration",
    "source_ip",
    "source_bytes",
    "destination_ip",
    "destination_port",
    "destination_bytes",
    "network_transport",
    "network_protocol",
    "offport_verdict",
    "offport_severity",
];

/// A name, once for all records that have it.
pub(crate) type Name = Arc<str>;

/// What is added up of a flow.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) port: Option<u16>,
    pub(crate) transport: Option<Name>,
    pub(crate) protocol: Option<Name>,
    pub(crate) verdict: Option<Name>,
    pub(crate) severity: Option<Name>,
    /// What the source sent.
    pub(crate) up: u64,
    /// What the destination sent.
    pub(crate) down: u64,
}

/// What flows are added to.
pub(crate) trait Sum: Send {
    fn add(&mut self, flow: &Flow);
    fn merge(&mut self, other: Self);
}

/// A sum of flows, on its way.
#[derive(Debug)]
pub(crate) struct Tally<S> {
    sum: S,
    names: HashSet<Name>,
    going_on: HashMap<String, Flow>,
    /// Flows that are over and may have had records before.
    over: HashSet<String>,
}

/// Shorter flows have one record, but for flagged ones: the shortest active timeout.
const ONE_RECORD: i64 = 1_000_000_000;

impl<S: Sum> Tally<S> {
    /// Adds to a sum of nothing.
    pub(crate) fn new(sum: S) -> Self {
        Self { sum, names: HashSet::new(), going_on: HashMap::new(), over: HashSet::new() }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        let Self { sum, names, going_on, over } = self;
        let cells = |name| Cells::of(batch, name);
        let (id, action, duration) =
            (cells("offport_flow_id"), cells("event_action"), cells("event_duration"));
        let (start, end, port) = (cells("event_start"), cells("event_end"), cells("destination_port"));
        let (up, down) = (cells("source_bytes"), cells("destination_bytes"));
        let [sources, destinations] = ["source_ip", "destination_ip"].map(|name| addresses(cells(name)));
        let mut interned = |name| few(cells(name), names);
        let transports = interned("network_transport");
        let protocols = interned("network_protocol");
        let (verdicts, severities) = (interned("offport_verdict"), interned("offport_severity"));
        for row in 0..batch.num_rows() {
            let (Some(source), Some(destination)) = (sources.of(row), destinations.of(row)) else { continue };
            let flow = Flow {
                start: start.time(row).unwrap_or_default(),
                end: end.time(row).unwrap_or_default(),
                source,
                destination,
                port: port.number(row).and_then(|port| u16::try_from(port).ok()),
                transport: transports.of(row),
                protocol: protocols.of(row),
                verdict: verdicts.of(row),
                severity: severities.of(row),
                up: up.count(row),
                down: down.count(row),
            };
            let is_over = action.text(row) == Some("flow_end");
            if is_over {
                let had_others =
                    duration.number(row).unwrap_or(i64::MAX) >= ONE_RECORD || flow.severity.is_some();
                if had_others && let Some(id) = id.text(row) {
                    over.insert(id.to_owned());
                }
                sum.add(&flow);
            } else if let Some(id) = id.text(row) {
                keep_later(going_on, id, flow);
            }
        }
    }

    /// The sum of several.
    pub(crate) fn total(parts: Vec<Self>) -> Option<S> {
        let mut parts = parts.into_iter();
        let mut total = parts.next()?;
        for part in parts {
            total.sum.merge(part.sum);
            total.over.extend(part.over);
            for (id, flow) in part.going_on {
                keep_later(&mut total.going_on, &id, flow);
            }
        }
        for (id, flow) in &total.going_on {
            if !total.over.contains(id) {
                total.sum.add(flow);
            }
        }
        Some(total.sum)
    }
}

fn keep_later(flows: &mut HashMap<String, Flow>, id: &str, flow: Flow) {
    match flows.get_mut(id) {
        Some(known) if known.end >= flow.end => {}
        Some(known) => *known = flow,
        None => _ = flows.insert(id.to_owned(), flow),
    }
}

/// A column of few values, each looked at once.
struct Few<'a, T> {
    cells: Cells<'a>,
    values: Vec<Option<T>>,
}

impl<T: Clone> Few<'_, T> {
    fn of(&self, row: usize) -> Option<T> {
        self.values.get(self.cells.key(row)?)?.clone()
    }
}

fn addresses(cells: Cells<'_>) -> Few<'_, IpAddr> {
    let values = cells.names().into_iter().flatten().map(|name| name?.parse().ok()).collect();
    Few { cells, values }
}

fn few<'a>(cells: Cells<'a>, names: &mut HashSet<Name>) -> Few<'a, Name> {
    let mut intern = |name: &str| match names.get(name) {
        Some(known) => Arc::clone(known),
        None => {
            let new: Name = name.into();
            names.insert(Arc::clone(&new));
            new
        }
    };
    let values = cells.names().into_iter().flatten().map(|name| name.map(&mut intern)).collect();
    Few { cells, values }
}

/// How bad a severity is; none is least.
pub(crate) fn rank(severity: Option<&str>) -> u8 {
    match severity {
        Some("high") => 4,
        Some("medium") => 3,
        Some("low") => 2,
        Some("info") => 1,
        _ => 0,
    }
}

/// Severity that makes an event, as long as nobody configures it otherwise.
pub(crate) const FLAGGED: u8 = 3;
