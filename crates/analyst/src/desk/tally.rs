//! Records added up, each flow once.
//!
//! A flow that goes on has several records, each with totals so far: the last one counts. So what is not over is kept aside until
//! all have been seen. Flows are told apart by what their ids are made of, start, ends and ports: ids are the dearest column to read.

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use offport_evidence::flows::{Cells, FlowQuery, FlowStore, Memo};
use offport_wire::Timestamp;

/// The columns that are read.
pub(crate) const COLUMNS: [&str; 13] = [
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
    pub(crate) source_port: Option<u16>,
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
    made: Made,
    going_on: Map<u64, Flow>,
    /// Flows that are over and may have had records before.
    over: Set<u64>,
}

/// Shorter flows have one record, but for flagged ones: the shortest active timeout.
const ONE_RECORD: std::time::Duration = std::time::Duration::from_secs(1);

impl<S: Sum> Tally<S> {
    /// Adds to a sum of nothing.
    pub(crate) fn new(sum: S, names: &Names) -> Self {
        Self {
            sum,
            names: names.clone(),
            made: Made::default(),
            going_on: Map::default(),
            over: Set::default(),
        }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        let cells = |name| Cells::of(batch, name);
        let (start, end) = (cells("event_start"), cells("event_end"));
        let ports = ["source_port", "destination_port"].map(cells);
        let (up, down) = (cells("source_bytes"), cells("destination_bytes"));
        let rows = batch.num_rows();
        let [sources, destinations] = ["source_ip", "destination_ip"].map(cells);
        let few = ["network_transport", "network_protocol", "offport_verdict"].map(cells);
        let (severities, actions) = (cells("offport_severity"), cells("event_action"));
        let Self { sum, names, made, going_on, over } = self;
        made.begin([sources, destinations], few, severities, rows);
        for row in 0..rows {
            let [source_port, port] =
                ports.map(|port| port.number(row).and_then(|port| u16::try_from(port).ok()));
            let (Some(source), Some(destination)) =
                (made.ends[0].of(sources, row, address), made.ends[1].of(destinations, row, address))
            else {
                continue;
            };
            let (Some(source), Some(destination)) = (source, destination) else { continue };
            let mut name = |number: usize| {
                let made = made.few[number].of(few[number], row, |name| names.number(name));
                made.unwrap_or_default()
            };
            let flow = Flow {
                start: start.time(row).unwrap_or_default(),
                end: end.time(row).unwrap_or_default(),
                source,
                destination,
                source_port,
                port,
                transport: name(0),
                protocol: name(1),
                verdict: name(2),
                severity: made.severities.of(severities, row, |name| rank(Some(name))).unwrap_or_default(),
                up: up.count(row),
                down: down.count(row),
            };
            if actions.text(row) != Some("flow_end") {
                keep_later(going_on, flow.key(), flow);
                continue;
            }
            if flow.severity > 0 || flow.end.since(flow.start) >= ONE_RECORD {
                over.insert(flow.key());
            }
            sum.add(&flow);
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
    /// What tells it from others: packets of one batch have one time, so that a browser's connections may begin at the same
    /// moment. The ends without their order: who is the client may have been guessed wrong at first.
    fn key(&self) -> u64 {
        let (source, destination) = ((self.source, self.source_port), (self.destination, self.port));
        let ends = (source.min(destination), source.max(destination));
        FixedState::with_seed(1).hash_one((self.start, ends, self.transport))
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

/// What was made of the names of a file.
#[derive(Debug, Default)]
struct Made {
    ends: [Memo<Option<IpAddr>>; 2],
    /// Transport, protocol, verdict.
    few: [Memo<Name>; 3],
    severities: Memo<u8>,
}

impl Made {
    fn begin(&mut self, ends: [Cells<'_>; 2], few: [Cells<'_>; 3], severities: Cells<'_>, rows: usize) {
        self.ends.iter_mut().zip(ends).for_each(|(memo, cells)| memo.begin(cells, rows));
        self.few.iter_mut().zip(few).for_each(|(memo, cells)| memo.begin(cells, rows));
        self.severities.begin(severities, rows);
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
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

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, TimestampMicrosecondArray};

    use super::*;

    #[derive(Default)]
    struct All(Vec<(Option<u16>, u64)>);

    impl Sum for All {
        fn add(&mut self, flow: &Flow) {
            self.0.push((flow.source_port, flow.up));
        }

        fn merge(&mut self, other: Self) {
            self.0.extend(other.0);
        }
    }

    /// Records of flows of one moment between two hosts: client's port, second of the end, whether it is over, bytes.
    fn batch(records: &[(i32, i64, bool, i64)]) -> RecordBatch {
        let names = |name: &str| -> ArrayRef {
            Arc::new(records.iter().map(|_| name).collect::<DictionaryArray<Int32Type>>())
        };
        let action = records.iter().map(|record| if record.2 { "flow_end" } else { "flow_interim" });
        let bytes: ArrayRef = Arc::new(records.iter().map(|record| record.3).collect::<Int64Array>());
        let times = |of: fn(&(i32, i64, bool, i64)) -> i64| -> ArrayRef {
            Arc::new(
                records
                    .iter()
                    .map(of)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(Some)
                    .collect::<TimestampMicrosecondArray>(),
            )
        };
        RecordBatch::try_from_iter([
            ("event_start", times(|_| 1_000_000)),
            ("event_end", times(|record| 1_000_000 * (1 + record.1))),
            ("event_action", Arc::new(action.collect::<DictionaryArray<Int32Type>>()) as ArrayRef),
            ("source_ip", names("10.0.0.1")),
            ("source_port", Arc::new(records.iter().map(|record| record.0).collect::<Int32Array>())),
            ("source_bytes", Arc::clone(&bytes)),
            ("destination_ip", names("10.0.0.2")),
            ("destination_port", Arc::new(records.iter().map(|_| 80).collect::<Int32Array>())),
            ("destination_bytes", bytes),
            ("network_transport", names("tcp")),
        ])
        .unwrap()
    }

    /// What is added up of batches that two threads were shown in turn.
    fn sum(batches: &[RecordBatch]) -> Vec<(Option<u16>, u64)> {
        let names = Names::default();
        let mut parts = vec![Tally::new(All::default(), &names), Tally::new(All::default(), &names)];
        batches.iter().enumerate().for_each(|(number, batch)| parts[number % 2].add(batch));
        let All(mut all) = Tally::total(parts).unwrap();
        all.sort_unstable();
        all
    }

    #[test]
    fn the_last_record_of_each_flow_counts() {
        let (one, other) = (Some(1), Some(2));
        let interims = [(1, 60, false, 10), (1, 120, false, 20), (2, 60, false, 7)];
        assert_eq!(sum(&[batch(&interims)]), [(one, 20), (other, 7)]);
        let end = [(1, 150, true, 25)];
        assert_eq!(
            sum(&[batch(&interims), batch(&end)]),
            [(one, 25), (other, 7)],
            "of the same moment, and not the same"
        );
        assert_eq!(
            sum(&[batch(&end), batch(&interims)]),
            [(one, 25), (other, 7)],
            "in whatever order they are read"
        );
        assert_eq!(sum(&[batch(&[(1, 0, true, 1), (2, 0, true, 2)])]), [(one, 1), (other, 2)]);
    }
}
