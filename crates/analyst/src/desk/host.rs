//! What a host serves and uses, with whom, and what is new.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use offport_config::Config;

use offport_evidence::flows::{Filter, FlowQuery, FlowStore};
use offport_wire::Timestamp;
use serde::Serialize;

use super::news;
use super::row::{Latest, Row};
use super::tally::{COLUMNS, FLAGGED, Flow, Map, Name, Names, Set, Sum, Tally, of_rank};
use super::when::before;

/// What the desk knows of a host.
#[derive(Debug, Serialize)]
pub(crate) struct HostReport {
    pub(crate) host: IpAddr,
    /// What was asked for.
    #[serde(serialize_with = "super::text::serialize_time")]
    pub(crate) from: Timestamp,
    #[serde(serialize_with = "super::text::serialize_time")]
    pub(crate) to: Timestamp,
    /// The first and the last packet of its flows in that time.
    #[serde(serialize_with = "super::text::serialize_time", skip_serializing_if = "is_zero")]
    pub(crate) first_seen: Timestamp,
    #[serde(serialize_with = "super::text::serialize_time", skip_serializing_if = "is_zero")]
    pub(crate) last_seen: Timestamp,
    pub(crate) flows: u64,
    /// IP bytes that it sent and received.
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) flagged: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inventory: Option<Inventory>,
    pub(crate) verdicts: Vec<VerdictRow>,
    pub(crate) serves: Vec<Service>,
    pub(crate) uses: Vec<Service>,
    pub(crate) peers: Vec<Peer>,
    /// How many there are in all.
    pub(crate) peers_total: u64,
    /// From when on it was compared; absent: there is nothing to compare with.
    #[serde(serialize_with = "super::text::serialize_time", skip_serializing_if = "is_zero")]
    pub(crate) compared_from: Timestamp,
    /// The latest flagged sessions.
    #[serde(skip)]
    pub(crate) sessions: Vec<Row>,
}

fn is_zero(time: &Timestamp) -> bool {
    *time == Timestamp::ZERO
}

/// What the configuration says of a host.
#[derive(Debug, Serialize)]
pub(crate) struct Inventory {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    pub(crate) network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) may_serve: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) may_speak: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) must_not_serve: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) must_not_speak: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct VerdictRow {
    pub(crate) verdict: String,
    pub(crate) flows: u64,
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
}

/// A protocol on a port.
#[derive(Debug, Serialize)]
pub(crate) struct Service {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    pub(crate) transport: String,
    /// Absent: not recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<String>,
    pub(crate) flows: u64,
    pub(crate) peers: u64,
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worst: Option<String>,
    pub(crate) is_new: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Peer {
    pub(crate) ip: IpAddr,
    pub(crate) flows: u64,
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worst: Option<String>,
    pub(crate) is_new: bool,
}

/// Server or client, port, transport, protocol.
type ServiceKey = (bool, Option<u16>, Name, Name);

#[derive(Debug, Default)]
struct Part {
    flows: u64,
    out: u64,
    into: u64,
    worst: u8,
    peers: Set<IpAddr>,
}

impl Part {
    fn add(&mut self, (out, into): (u64, u64), severity: u8) {
        self.flows += 1;
        self.out += out;
        self.into += into;
        self.worst = self.worst.max(severity);
    }

    fn merge(&mut self, other: Self) {
        self.flows += other.flows;
        self.out += other.out;
        self.into += other.into;
        self.worst = self.worst.max(other.worst);
        self.peers.extend(other.peers);
    }
}

/// All of a host's flows in a time.
#[derive(Debug)]
struct HostSum {
    host: IpAddr,
    first: Option<Timestamp>,
    last: Timestamp,
    flagged: u64,
    services: Map<ServiceKey, Part>,
    peers: Map<IpAddr, Part>,
    verdicts: Map<Name, Part>,
}

impl HostSum {
    fn new(host: IpAddr) -> Self {
        Self {
            host,
            first: None,
            last: Timestamp::ZERO,
            flagged: 0,
            services: Map::default(),
            peers: Map::default(),
            verdicts: Map::default(),
        }
    }
}

impl Sum for HostSum {
    fn add(&mut self, flow: &Flow) {
        let serves = flow.destination == self.host;
        let (peer, bytes) = match serves {
            true => (flow.source, (flow.down, flow.up)),
            false => (flow.destination, (flow.up, flow.down)),
        };
        self.first = Some(self.first.map_or(flow.start, |first| first.min(flow.start)));
        self.last = self.last.max(flow.end);
        self.flagged += u64::from(flow.severity >= FLAGGED);
        let service = self.services.entry((serves, flow.port, flow.transport, flow.protocol)).or_default();
        service.add(bytes, flow.severity);
        service.peers.insert(peer);
        self.peers.entry(peer).or_default().add(bytes, flow.severity);
        self.verdicts.entry(flow.verdict).or_default().add(bytes, flow.severity);
    }

    fn merge(&mut self, other: Self) {
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
        self.flagged += other.flagged;
        other.services.into_iter().for_each(|(key, part)| self.services.entry(key).or_default().merge(part));
        other.peers.into_iter().for_each(|(key, part)| self.peers.entry(key).or_default().merge(part));
        other.verdicts.into_iter().for_each(|(key, part)| self.verdicts.entry(key).or_default().merge(part));
    }
}

/// What is asked of a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) host: IpAddr,
    pub(crate) time: (Timestamp, Timestamp),
    pub(crate) compare: Duration,
    /// Rows of each list.
    pub(crate) top: usize,
}

impl HostReport {
    pub(crate) fn new(store: &FlowStore, config: &Config, question: Question) -> anyhow::Result<Self> {
        let Question { host, time: (from, to), compare, top } = question;
        let filter = Filter { hosts: vec![host.into()], ..Filter::default() };
        let query = FlowQuery { time: Some((from, to)), filter: filter.clone() };
        let names = Names::default();
        let parts = store.scan(&query, &COLUMNS, || Tally::new(HostSum::new(host), &names), Tally::add)?;
        let sum = Tally::total(parts).unwrap_or_else(|| HostSum::new(host));
        let mut serves = services(&sum, &names, true);
        let mut uses = services(&sum, &names, false);
        let mut peers = peers(&sum, top);
        let compared_from = before(from, compare);
        let is_comparable = !compare.is_zero() && store.earliest()?.is_some_and(|earliest| earliest < from);
        if is_comparable {
            news::mark(store, host, (compared_from, from), [&mut serves, &mut uses], &mut peers)?;
        }
        let latest = Latest { limit: top, key: |row| row.end.as_nanos(), whole: false };
        let severities = vec!["medium".to_owned(), "high".to_owned()];
        let flagged = FlowQuery { time: Some((from, to)), filter: Filter { severities, ..filter } };
        let sessions = if sum.flagged > 0 { latest.find(store, &flagged)? } else { Vec::new() };
        let all = |count: fn(&Part) -> u64| sum.peers.values().map(count).sum();
        let mut verdicts: Vec<_> = sum
            .verdicts
            .iter()
            .map(|(&verdict, part)| VerdictRow {
                verdict: names.name(verdict).unwrap_or_else(|| "no_payload".to_owned()),
                flows: part.flows,
                bytes_out: part.out,
                bytes_in: part.into,
            })
            .collect();
        verdicts.sort_by_key(|row| Reverse(row.flows));
        Ok(Self {
            host,
            from,
            to,
            first_seen: sum.first.unwrap_or_default(),
            last_seen: sum.last,
            flows: all(|part| part.flows),
            bytes_out: all(|part| part.out),
            bytes_in: all(|part| part.into),
            flagged: sum.flagged,
            inventory: Inventory::of(config, host),
            verdicts,
            serves,
            uses,
            peers,
            peers_total: sum.peers.len() as u64,
            compared_from: if is_comparable { compared_from } else { Timestamp::ZERO },
            sessions,
        })
    }
}

/// What is worth a look stands first; `info` is not.
fn alarm(part: &Part) -> u8 {
    part.worst.max(1)
}

fn services(sum: &HostSum, names: &Names, serves: bool) -> Vec<Service> {
    let mut services: Vec<_> = sum.services.iter().filter(|((role, ..), _)| *role == serves).collect();
    services.sort_by_key(|(key, part)| {
        (Reverse(alarm(part)), Reverse(part.out + part.into), key.1, names.name(key.3))
    });
    let service = |(key, part): (&ServiceKey, &Part)| Service {
        port: key.1,
        transport: names.name(key.2).unwrap_or_else(|| "ip".to_owned()),
        protocol: names.name(key.3),
        flows: part.flows,
        peers: part.peers.len() as u64,
        bytes_out: part.out,
        bytes_in: part.into,
        worst: of_rank(part.worst),
        is_new: false,
    };
    services.into_iter().map(service).collect()
}

fn peers(sum: &HostSum, top: usize) -> Vec<Peer> {
    let mut peers: Vec<_> = sum.peers.iter().collect();
    peers.sort_by_key(|&(&ip, part)| (Reverse(alarm(part)), Reverse(part.out + part.into), ip));
    let peer = |(&ip, part): (&IpAddr, &Part)| Peer {
        ip,
        flows: part.flows,
        bytes_out: part.out,
        bytes_in: part.into,
        worst: of_rank(part.worst),
        is_new: false,
    };
    peers.into_iter().take(top).map(peer).collect()
}

impl Inventory {
    /// Of the longest prefix that holds the address.
    fn of(config: &Config, host: IpAddr) -> Option<Self> {
        let holding = config.policy.hosts.iter().filter(|rule| rule.network.contains(&host));
        let rule = holding.max_by_key(|rule| rule.network.prefix_len())?;
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let names = |protocols: &[offport_fingerprint::Protocol]| -> Vec<String> {
            protocols.iter().map(|protocol| protocol.name().to_owned()).collect()
        };
        Some(Self {
            name: given(&rule.name),
            role: given(&rule.role),
            network: rule.network.to_string(),
            may_serve: rule.may_serve.as_deref().map(names),
            may_speak: rule.may_speak.as_deref().map(names),
            must_not_serve: names(&rule.must_not_serve),
            must_not_speak: names(&rule.must_not_speak),
        })
    }
}
