//! Records added up, each flow once.
//!
//! A flow that goes on has several records, each with totals so far: the last one counts. So what is not over is kept aside until
//! all have been seen. Flows are told apart by their start, ends and port; their ids say no more, and are the dearest column to read.

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array as _, RecordBatch};
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use offport_evidence::flows::{Cells, FlowQuery, FlowStore};
use offport_wire::Timestamp;

/// The columns that are read.
pub(crate) const COLUMNS: [&str; 12] = [
    "event_start",
    "event_end",
    "event_action",
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

/// Hashes what is of this machine's own making.
pub(crate) type Map<K, V> = HashMap<K, V, FixedState>;
pub(crate) type Set<K> = HashSet<K, FixedState>;

/// Names by number, the same for all threads. 0 is no name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<Mutex<Vec<String>>>);

/// The number of a name.
pub(crate) type Name = u16;

/// What is added up of a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) port: Option<u16>,
    pub(crate) transport: Name,
    pub(crate) protocol: Name,
    pub(crate) verdict: Name,
    /// See [`rank`].
    pub(crate) severity: u8,
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

/// Two sums of the same flows, for one reading of the store.
impl<A: Sum, B: Sum> Sum for (A, B) {
    fn add(&mut self, flow: &Flow) {
        self.0.add(flow);
        self.1.add(flow);
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
        self.1.merge(other.1);
    }
}

/// What all flows that are asked for add up to, from a sum of nothing.
pub(crate) fn sum<S: Sum>(
    store: &FlowStore,
    query: &FlowQuery,
    names: &Names,
    nothing: impl Fn() -> S + Sync,
) -> anyhow::Result<S> {
    let parts = store.scan(query, &COLUMNS, || Tally::new(nothing(), names), Tally::add)?;
    Ok(Tally::total(parts).unwrap_or_else(nothing))
}

/// A sum of flows, on its way.
#[derive(Debug)]
pub(crate) struct Tally<S> {
    sum: S,
    names: Names,
    going_on: Map<u64, Flow>,
    /// Flows that are over and may have had records before.
    over: Set<u64>,
}

/// Shorter flows have one record, but for flagged ones: the shortest active timeout.
const ONE_RECORD: std::time::Duration = std::time::Duration::from_secs(1);

impl<S: Sum> Tally<S> {
    /// Adds to a sum of nothing.
    pub(crate) fn new(sum: S, names: &Names) -> Self {
        Self { sum, names: names.clone(), going_on: Map::default(), over: Set::default() }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        let cells = |name| Cells::of(batch, name);
        let (start, end, port) = (cells("event_start"), cells("event_end"), cells("destination_port"));
        let (up, down) = (cells("source_bytes"), cells("destination_bytes"));
        let rows = batch.num_rows();
        let addresses = |name| Few::new(cells(name), rows, |name: &str| name.parse::<IpAddr>().ok());
        let [sources, destinations] = ["source_ip", "destination_ip"].map(addresses);
        let names = &self.names;
        let few = |name| Few::new(cells(name), rows, |name: &str| Some(names.number(name)));
        let [transports, protocols, verdicts] =
            ["network_transport", "network_protocol", "offport_verdict"].map(few);
        let severities = Few::new(cells("offport_severity"), rows, |name: &str| Some(rank(Some(name))));
        let ends = Few::new(cells("event_action"), rows, |name: &str| Some(name == "flow_end"));
        for row in 0..rows {
            let (Some(source), Some(destination)) = (sources.of(row), destinations.of(row)) else { continue };
            let flow = Flow {
                start: start.time(row).unwrap_or_default(),
                end: end.time(row).unwrap_or_default(),
                source,
                destination,
                port: port.number(row).and_then(|port| u16::try_from(port).ok()),
                transport: transports.of(row).unwrap_or_default(),
                protocol: protocols.of(row).unwrap_or_default(),
                verdict: verdicts.of(row).unwrap_or_default(),
                severity: severities.of(row).unwrap_or_default(),
                up: up.count(row),
                down: down.count(row),
            };
            let is_over = ends.of(row).unwrap_or_default();
            if !is_over {
                keep_later(&mut self.going_on, flow.key(), flow);
                continue;
            }
            if flow.severity > 0 || flow.end.since(flow.start) >= ONE_RECORD {
                self.over.insert(flow.key());
            }
            self.sum.add(&flow);
        }
    }

    /// The sum of several.
    pub(crate) fn total(parts: Vec<Self>) -> Option<S> {
        let mut parts = parts.into_iter();
        let mut total = parts.next()?;
        for part in parts {
            total.sum.merge(part.sum);
            total.over.extend(part.over);
            part.going_on.into_iter().for_each(|(key, flow)| keep_later(&mut total.going_on, key, flow));
        }
        for (key, flow) in &total.going_on {
            if !total.over.contains(key) {
                total.sum.add(flow);
            }
        }
        Some(total.sum)
    }
}

fn keep_later(flows: &mut Map<u64, Flow>, key: u64, flow: Flow) {
    match flows.get_mut(&key) {
        Some(known) if known.end >= flow.end => {}
        Some(known) => *known = flow,
        None => _ = flows.insert(key, flow),
    }
}

impl Flow {
    /// What tells it from others. The ends without their order: who is the client may have been guessed wrong at first.
    fn key(&self) -> u64 {
        let (low, high) = (self.source.min(self.destination), self.source.max(self.destination));
        FixedState::with_seed(1).hash_one((self.start, low, high))
    }
}

impl Names {
    /// The number of a name, which it gets if it has none.
    pub(crate) fn number(&self, name: &str) -> Name {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        // There are some hundreds of protocols, and a handful of the others.
        Name::try_from(at + 1).unwrap_or_default()
    }

    /// The name with that number.
    pub(crate) fn name(&self, number: Name) -> Option<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(usize::from(number).checked_sub(1)?).cloned()
    }
}

/// A column of names, of each of which something is made.
struct Few<'a, T, F> {
    cells: Cells<'a>,
    of: F,
    /// Of all names; of files of which few rows are wanted, it is made row by row.
    values: Option<Vec<Option<T>>>,
}

impl<'a, T: Copy, F: Fn(&str) -> Option<T>> Few<'a, T, F> {
    fn new(cells: Cells<'a>, rows: usize, of: F) -> Self {
        let names = cells.names().filter(|names| names.len() < rows * 2);
        let values = names.map(|names| names.iter().map(|name| of(name?)).collect());
        Self { cells, of, values }
    }

    fn of(&self, row: usize) -> Option<T> {
        match &self.values {
            Some(values) => *values.get(self.cells.key(row)?)?,
            None => (self.of)(self.cells.text(row)?),
        }
    }
}

/// How bad a severity is; none is least.
pub(crate) fn rank(severity: Option<&str>) -> u8 {
    severity.and_then(|name| SEVERITIES.iter().position(|known| *known == name)).map_or(0, |at| at as u8 + 1)
}

/// The severity of a rank.
pub(crate) fn of_rank(rank: u8) -> Option<String> {
    SEVERITIES.get(usize::from(rank).checked_sub(1)?).map(|&name| name.to_owned())
}

const SEVERITIES: [&str; 4] = ["info", "low", "medium", "high"];

/// Severity that makes an event, as long as nobody configures it otherwise.
pub(crate) const FLAGGED: u8 = 3;
