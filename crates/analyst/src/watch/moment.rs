//! What is shown: the store's last hour, say, and the sensor's rates, at one moment.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use offport_wire::Timestamp;
use serde::Serialize;

use crate::desk::overview::Overview;
use crate::desk::pairs::{Flagged, Pair};
use crate::desk::place::Place;
use crate::desk::slices::Part;
use crate::desk::tally::of_rank;
use crate::desk::text::serialize_time;
use crate::desk::when::before;
use crate::live::scrape::Health;
use crate::settings::now;

/// Store and sensor at a moment.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) time: Timestamp,
    pub(super) last: Duration,
    /// Or why it cannot be read.
    pub(super) store: Result<Overview, String>,
    pub(super) health: Health,
}

/// How the sensor is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Sensor {
    /// Where it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    pub(super) state: State,
    /// Why it is not ready, or not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) packets_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bits_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lost_per_second: Option<f64>,
    /// The part of its time that the busiest worker works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) busiest_worker: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ready,
    NotReady,
    NotReached,
    /// Its configuration switches its listener off.
    NotAsked,
}

/// Flows of a verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct VerdictRow {
    pub(super) verdict: String,
    /// Judged per second, by the sensor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) per_second: Option<f64>,
    pub(super) flows: u64,
    pub(super) flagged: u64,
    pub(super) bytes: u64,
}

/// A flagged pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PairRow {
    source: std::net::IpAddr,
    destination: std::net::IpAddr,
    port: Option<u16>,
    transport: Option<String>,
    protocol: Option<String>,
    verdict: Option<String>,
    severity: Option<String>,
    flows: u64,
    bytes_up: u64,
    bytes_down: u64,
    #[serde(serialize_with = "serialize_time")]
    last_seen: Timestamp,
}

/// One object of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    #[serde(serialize_with = "serialize_time")]
    time: Timestamp,
    /// Of the verdicts and pairs, up to `time`.
    seconds: u64,
    sensor: Sensor,
    /// Why the store cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    verdicts: Vec<VerdictRow>,
    pairs: Vec<PairRow>,
    pairs_total: usize,
}

impl Moment {
    /// Now.
    pub(super) fn new(place: &Place, last: Duration, pairs: usize, health: Health) -> Self {
        let time = now();
        let store = place
            .check()
            .and_then(|()| Overview::new(&place.flows(), (before(time, last), time), 1, pairs))
            .map_err(|why| format!("{why:#}"));
        Self { time, last, store, health }
    }

    /// Why nothing at all can be shown.
    pub(super) fn nothing(&self) -> Option<String> {
        let store = self.store.as_ref().err()?;
        let sensor = match self.sensor() {
            Sensor { state: State::Ready | State::NotReady, .. } => return None,
            Sensor { address: Some(address), why: Some(why), .. } => {
                format!("the sensor at {address}: {why}")
            }
            _ => "no sensor is asked (--sensor)".to_owned(),
        };
        Some(format!("{store}; {sensor}"))
    }

    pub(super) fn sensor(&self) -> Sensor {
        let health = &self.health;
        let reached = health.metrics().is_some();
        let (state, why) = match (&health.target, &health.not_ready) {
            (None, _) => (State::NotAsked, None),
            (Some(_), _) if !reached => {
                let why = health.failed.clone().unwrap_or_else(|| "has not answered yet".to_owned());
                (State::NotReached, Some(why))
            }
            (Some(_), Some(why)) => (State::NotReady, Some(why.clone())),
            (Some(_), None) => (State::Ready, None),
        };
        let per_second = |name| health.per_second(name, &[]);
        let busiest = health.metrics().and_then(|metrics| {
            const BUSY: &str = "offport_worker_busy_seconds_total";
            let workers = metrics.values(BUSY, "worker").into_iter();
            workers.filter_map(|worker| health.per_second(BUSY, &[("worker", worker)])).reduce(f64::max)
        });
        Sensor {
            address: health.target.clone(),
            state,
            why,
            packets_per_second: per_second("offport_packets_received_total"),
            bits_per_second: per_second("offport_bytes_received_total").map(|rate| rate * 8.0),
            lost_per_second: health.lost_per_second(),
            busiest_worker: busiest,
        }
    }

    /// Those with most flagged flows first, then those with most flows.
    pub(super) fn verdicts(&self) -> Vec<VerdictRow> {
        const JUDGED: &str = "offport_flows_judged_total";
        let mut parts: BTreeMap<String, Part> =
            self.store.as_ref().map(|overview| overview.slices.total()).unwrap_or_default();
        if let Some(metrics) = self.health.metrics() {
            let judged = metrics.values(JUDGED, "verdict").into_iter();
            for verdict in judged.filter(|name| metrics.sum(JUDGED, &[("verdict", name)]) > Some(0.0)) {
                parts.entry(verdict.to_owned()).or_default();
            }
        }
        let row = |(verdict, part): (String, Part)| VerdictRow {
            per_second: self.health.per_second(JUDGED, &[("verdict", &verdict)]),
            verdict,
            flows: part.flows,
            flagged: part.flagged,
            bytes: part.bytes,
        };
        let mut rows: Vec<_> = parts.into_iter().map(row).collect();
        rows.sort_by_key(|row| Reverse((row.flagged, row.flows)));
        rows
    }

    pub(super) fn pairs(&self) -> &[(Pair, Flagged)] {
        self.store.as_ref().map_or(&[], |overview| &overview.pairs)
    }

    pub(super) fn pairs_total(&self) -> usize {
        self.store.as_ref().map_or(0, |overview| overview.pairs_total)
    }

    pub(super) fn document(&self) -> Document {
        let pair = |(pair, flagged): &(Pair, Flagged)| PairRow {
            source: pair.source,
            destination: pair.destination,
            port: pair.port,
            transport: pair.transport.clone(),
            protocol: pair.protocol.clone(),
            verdict: pair.verdict.clone(),
            severity: of_rank(flagged.worst),
            flows: flagged.flows,
            bytes_up: flagged.up,
            bytes_down: flagged.down,
            last_seen: flagged.last,
        };
        Document {
            time: self.time,
            seconds: self.last.as_secs(),
            sensor: self.sensor(),
            store: self.store.as_ref().err().cloned(),
            verdicts: self.verdicts(),
            pairs: self.pairs().iter().map(pair).collect(),
            pairs_total: self.pairs_total(),
        }
    }
}

impl Sensor {
    /// In a line, for people.
    pub(super) fn headline(&self) -> String {
        let rate = |value: Option<f64>, unit: &str| match value {
            Some(value) => format!("{}{unit}", crate::number::short(value)),
            None => format!("–{unit}"),
        };
        let state = match self.state {
            State::Ready => "ready".to_owned(),
            State::NotReady => format!("not ready ({})", self.why.as_deref().unwrap_or_default()),
            State::NotReached => {
                return format!("sensor not reached: {}", self.why.as_deref().unwrap_or_default());
            }
            State::NotAsked => return "no sensor is asked: [http] is off, and no --sensor".to_owned(),
        };
        let busy = self.busiest_worker.map_or_else(|| "–".to_owned(), |part| format!("{:.0}", part * 100.0));
        format!(
            "{state} · {} · {} · lost {} · busiest worker {busy} %",
            rate(self.packets_per_second, " packets/s"),
            rate(self.bits_per_second, "bit/s"),
            rate(self.lost_per_second, "/s"),
        )
    }

    /// Whether it deserves a look.
    pub(super) fn is_unwell(&self) -> bool {
        self.state != State::Ready
            || self.lost_per_second > Some(0.0)
            || self.busiest_worker.is_some_and(|part| part >= 0.9)
    }
}
