//! Who is flagged, who is busiest.

use std::cmp::Reverse;
use std::net::IpAddr;

use offport_evidence::flows::{FlowQuery, FlowStore};
use offport_wire::Timestamp;
use serde::Serialize;

use super::args::HostSort;
use super::tally::{FLAGGED, Flow, Map, Names, Sum, of_rank, sum};

/// A host, and what is known of its flows.
#[derive(Debug, Serialize)]
pub(crate) struct HostRow {
    pub(crate) host: IpAddr,
    pub(crate) flows: u64,
    /// Flows that were flagged, as client and as server.
    pub(crate) flagged: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worst: Option<String>,
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
    #[serde(serialize_with = "super::text::serialize_time")]
    pub(crate) last_seen: Timestamp,
}

#[derive(Debug, Default)]
struct Part {
    flows: u64,
    flagged: u64,
    worst: u8,
    out: u64,
    into: u64,
    last: Timestamp,
}

#[derive(Debug, Default)]
struct Hosts(Map<IpAddr, Part>);

impl Sum for Hosts {
    fn add(&mut self, flow: &Flow) {
        let ends = [(flow.source, flow.up, flow.down), (flow.destination, flow.down, flow.up)];
        // A host that talks to itself is one.
        let many = if flow.source == flow.destination { 1 } else { 2 };
        for (ip, out, into) in ends.into_iter().take(many) {
            let part = self.0.entry(ip).or_default();
            part.flows += 1;
            part.flagged += u64::from(flow.severity >= FLAGGED);
            part.worst = part.worst.max(flow.severity);
            part.out += out;
            part.into += into;
            part.last = part.last.max(flow.end);
        }
    }

    fn merge(&mut self, other: Self) {
        for (ip, part) in other.0 {
            let known = self.0.entry(ip).or_default();
            known.flows += part.flows;
            known.flagged += part.flagged;
            known.worst = known.worst.max(part.worst);
            known.out += part.out;
            known.into += part.into;
            known.last = known.last.max(part.last);
        }
    }
}

/// The first hosts in that order, and how many there are.
pub(crate) fn hosts(
    store: &FlowStore,
    query: &FlowQuery,
    sort: HostSort,
    top: usize,
) -> anyhow::Result<(Vec<HostRow>, usize)> {
    let names = Names::default();
    let Hosts(hosts) = sum(store, query, &names, Hosts::default)?;
    let total = hosts.len();
    let mut hosts: Vec<_> = hosts.into_iter().collect();
    hosts.sort_by_key(|(ip, part)| {
        let bytes = part.out + part.into;
        let key = match sort {
            HostSort::Flagged => (part.flagged, bytes),
            HostSort::Bytes => (bytes, part.flows),
            HostSort::Out => (part.out, bytes),
            HostSort::Flows => (part.flows, bytes),
        };
        (Reverse(key), *ip)
    });
    let row = |(host, part): (IpAddr, Part)| HostRow {
        host,
        flows: part.flows,
        flagged: part.flagged,
        worst: of_rank(part.worst),
        bytes_out: part.out,
        bytes_in: part.into,
        last_seen: part.last,
    };
    Ok((hosts.into_iter().take(top).map(row).collect(), total))
}
