//! Which records are wanted.

use std::collections::BTreeSet;
use std::net::IpAddr;

use arrow_array::{BooleanArray, RecordBatch};
use ipnet::IpNet;
use offport_wire::{FlowId, Timestamp};

use super::cells::Cells;

/// Wanted records: those for which everything holds that is set. Lists that are empty are not set; of one that is, one
/// entry has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Either end is in one of these.
    pub hosts: Vec<IpNet>,
    /// The client is.
    pub sources: Vec<IpNet>,
    /// The server is.
    pub destinations: Vec<IpNet>,
    /// The server's port.
    pub ports: Vec<u16>,
    /// `network.transport`.
    pub transports: Vec<String>,
    /// `network.protocol`; `none`: not recognised.
    pub protocols: Vec<String>,
    /// `offport.verdict`.
    pub verdicts: Vec<String>,
    /// `offport.severity`.
    pub severities: Vec<String>,
    /// `network.direction`.
    pub directions: Vec<String>,
    /// Both ends together have sent so many bytes at least.
    pub min_bytes: u64,
    /// These flows.
    pub ids: BTreeSet<FlowId>,
}

/// The name of no protocol.
const NONE: &str = "none";

impl Filter {
    /// Columns that are looked at.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        let all = [
            ("source_ip", !self.hosts.is_empty() || !self.sources.is_empty()),
            ("destination_ip", !self.hosts.is_empty() || !self.destinations.is_empty()),
            ("destination_port", !self.ports.is_empty()),
            ("network_transport", !self.transports.is_empty()),
            ("network_protocol", !self.protocols.is_empty()),
            ("offport_verdict", !self.verdicts.is_empty()),
            ("offport_severity", !self.severities.is_empty()),
            ("network_direction", !self.directions.is_empty()),
            ("network_bytes", self.min_bytes > 0),
            ("offport_flow_id", !self.ids.is_empty()),
        ];
        all.into_iter().filter_map(|(name, is_set)| is_set.then_some(name)).collect()
    }

    /// For each row, whether it is wanted.
    pub(crate) fn matches(&self, batch: &RecordBatch) -> BooleanArray {
        let mut wanted = vec![true; batch.num_rows()];
        let source = Cells::of(batch, "source_ip");
        let destination = Cells::of(batch, "destination_ip");
        if !self.hosts.is_empty() {
            let [is_source, is_destination] =
                [source, destination].map(|cells| by_name(cells, |ip| is_in(&self.hosts, ip)));
            for (row, wanted) in wanted.iter_mut().enumerate() {
                *wanted = is_source(row) || is_destination(row);
            }
        }
        for (nets, cells) in [(&self.sources, source), (&self.destinations, destination)] {
            keep(&mut wanted, nets, by_name(cells, |ip| is_in(nets, ip)));
        }
        let port = Cells::of(batch, "destination_port");
        keep(&mut wanted, &self.ports, |row| {
            port.number(row).is_some_and(|port| self.ports.iter().any(|&wanted| i64::from(wanted) == port))
        });
        for (names, column) in [
            (&self.transports, "network_transport"),
            (&self.verdicts, "offport_verdict"),
            (&self.severities, "offport_severity"),
            (&self.directions, "network_direction"),
        ] {
            keep(
                &mut wanted,
                names,
                by_name(Cells::of(batch, column), |name| names.iter().any(|wanted| wanted == name)),
            );
        }
        let protocol = Cells::of(batch, "network_protocol");
        let is_named = by_name(protocol, |name| self.protocols.iter().any(|wanted| wanted == name));
        let or_none = self.protocols.iter().any(|name| name == NONE);
        keep(&mut wanted, &self.protocols, |row| is_named(row) || or_none && protocol.text(row).is_none());
        if self.min_bytes > 0 {
            let bytes = Cells::of(batch, "network_bytes");
            wanted
                .iter_mut()
                .enumerate()
                .for_each(|(row, wanted)| *wanted &= bytes.count(row) >= self.min_bytes);
        }
        if !self.ids.is_empty() {
            let id = Cells::of(batch, "offport_flow_id");
            for (row, wanted) in wanted.iter_mut().enumerate() {
                *wanted &=
                    id.text(row).and_then(|id| id.parse().ok()).is_some_and(|id| self.ids.contains(&id));
            }
        }
        wanted.into()
    }

    /// The only addresses that either end may have; `None`: there are too many to tell.
    pub(crate) fn addresses(&self) -> Option<Vec<IpAddr>> {
        single(&self.hosts)
    }

    /// The earliest start that a wanted record can have.
    pub(crate) fn earliest(&self) -> Timestamp {
        self.ids.first().map_or(Timestamp::ZERO, |id| id.start())
    }
}

/// The addresses of networks of one address each.
pub(crate) fn single(nets: &[IpNet]) -> Option<Vec<IpAddr>> {
    let is_one = |net: &IpNet| net.prefix_len() == net.max_prefix_len();
    (!nets.is_empty() && nets.iter().all(is_one)).then(|| nets.iter().map(IpNet::addr).collect())
}

fn is_in(nets: &[IpNet], ip: &str) -> bool {
    ip.parse::<IpAddr>().is_ok_and(|ip| nets.iter().any(|net| net.contains(&ip)))
}

fn keep<T>(wanted: &mut [bool], set: &[T], holds: impl Fn(usize) -> bool) {
    if !set.is_empty() {
        wanted.iter_mut().enumerate().for_each(|(row, wanted)| *wanted &= holds(row));
    }
}

/// Looks at each of the few names once.
fn by_name<'a>(cells: Cells<'a>, holds: impl Fn(&str) -> bool) -> impl Fn(usize) -> bool + 'a {
    let names =
        cells.names().map(|names| names.iter().map(|name| name.is_some_and(&holds)).collect::<Vec<_>>());
    move |row| names.as_ref().zip(cells.key(row)).is_some_and(|(names, key)| names[key])
}
