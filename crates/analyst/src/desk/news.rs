//! What of a host is new: not there in a time before.
//!
//! Few things are asked about (the services of a host, the peers that are shown), and most of them are not new. So the time before is
//! searched from the latest on, hour, two hours, four hours and so on, only for what is still to be found.

use std::net::IpAddr;
use std::time::Duration;

use offport_evidence::flows::{Cells, Filter, FlowQuery, FlowStore};
use offport_wire::Timestamp;

use super::host::{Peer, Service};
use super::tally::Set;
use super::when::before;

/// What is searched at first, and at a time at most.
const STEPS: [Duration; 2] = [Duration::from_secs(3_600), Duration::from_secs(86_400)];
const COLUMNS: [&str; 5] =
    ["source_ip", "destination_ip", "destination_port", "network_transport", "network_protocol"];

/// Whether it serves, port, transport, protocol.
type Key = (bool, Option<u16>, String, Option<String>);

#[derive(Clone, Debug, Default)]
struct Wanted {
    services: Set<Key>,
    peers: Set<IpAddr>,
}

/// Marks what is not found in the records from `from` on and before `to`.
pub(crate) fn mark(
    store: &FlowStore,
    host: IpAddr,
    (from, to): (Timestamp, Timestamp),
    services: [&mut Vec<Service>; 2],
    peers: &mut [Peer],
) -> anyhow::Result<()> {
    let mut wanted = Wanted { services: Set::default(), peers: peers.iter().map(|peer| peer.ip).collect() };
    for (serves, services) in [true, false].into_iter().zip(&services) {
        wanted.services.extend(services.iter().map(|service| key(serves, service)));
    }
    let mut end = Timestamp::from_nanos(to.as_nanos().saturating_sub(1));
    let [mut step, longest] = STEPS;
    while end >= from && !(wanted.services.is_empty() && wanted.peers.is_empty()) {
        let begin = before(end, step).max(from);
        step = (step * 2).min(longest);
        let query = FlowQuery { time: Some((begin, end)), filter: wanted.filter(host) };
        let found =
            store.scan(&query, &COLUMNS, Wanted::default, |found, batch| found.add(host, batch, &wanted))?;
        for part in found {
            part.services.iter().for_each(|key| _ = wanted.services.remove(key));
            part.peers.iter().for_each(|peer| _ = wanted.peers.remove(peer));
        }
        if begin <= from {
            break;
        }
        end = Timestamp::from_nanos(begin.as_nanos() - 1);
    }
    for (serves, services) in [true, false].into_iter().zip(services) {
        services
            .iter_mut()
            .for_each(|service| service.is_new = wanted.services.contains(&key(serves, service)));
    }
    peers.iter_mut().for_each(|peer| peer.is_new = wanted.peers.contains(&peer.ip));
    Ok(())
}

fn key(serves: bool, service: &Service) -> Key {
    (serves, service.port, service.transport.clone(), service.protocol.clone())
}

impl Wanted {
    /// As narrow as what is wanted: ports, or other ends.
    fn filter(&self, host: IpAddr) -> Filter {
        let hosts = vec![host.into()];
        if self.services.is_empty() {
            return Filter {
                hosts,
                others: self.peers.iter().map(|&peer| peer.into()).collect(),
                ..Filter::default()
            };
        }
        let ports: Option<Vec<u16>> = self.services.iter().map(|(_, port, ..)| *port).collect();
        match ports {
            Some(ports) if self.peers.is_empty() => Filter { hosts, ports, ..Filter::default() },
            _ => Filter { hosts, ..Filter::default() },
        }
    }

    /// What of `wanted` is in a batch.
    fn add(&mut self, host: IpAddr, batch: &arrow_array::RecordBatch, wanted: &Self) {
        let [source, destination, port, transport, protocol] = COLUMNS.map(|name| Cells::of(batch, name));
        let mut looked_at = Set::default();
        for row in 0..batch.num_rows() {
            // Most rows are like one before.
            let what = (
                source.key(row),
                destination.key(row),
                port.number(row),
                transport.key(row),
                protocol.key(row),
            );
            if !looked_at.insert(what) {
                continue;
            }
            let [Some(source), Some(destination)] =
                [source, destination].map(|cells| cells.text(row).and_then(|ip| ip.parse::<IpAddr>().ok()))
            else {
                continue;
            };
            let serves = destination == host;
            let peer = if serves { source } else { destination };
            if wanted.peers.contains(&peer) {
                self.peers.insert(peer);
            }
            let port = port.number(row).and_then(|port| u16::try_from(port).ok());
            let transport = transport.text(row).unwrap_or("ip").to_owned();
            let key = (serves, port, transport, protocol.text(row).map(str::to_owned));
            if wanted.services.contains(&key) {
                self.services.insert(key);
            }
        }
    }
}
