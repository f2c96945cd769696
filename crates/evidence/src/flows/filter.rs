//! Which records are wanted.

use std::collections::BTreeSet;
use std::net::IpAddr;

use arrow_array::{Array as _, BooleanArray, RecordBatch, StringArray};
use ipnet::IpNet;
use offport_wire::{FlowId, Timestamp};

use super::cells::{Cells, is_same};
use super::scan::FlowQuery;

/// Wanted records: those for which everything holds that is set. Lists that are empty are not set; of one that is, one
/// entry has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Either end is in one of these.
    pub hosts: Vec<IpNet>,
    /// Either end is in one of these, too: of two hosts that talk to each other.
    pub others: Vec<IpNet>,
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
            ("source_ip", !(self.hosts.is_empty() && self.others.is_empty() && self.sources.is_empty())),
            (
                "destination_ip",
                !(self.hosts.is_empty() && self.others.is_empty() && self.destinations.is_empty()),
            ),
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
    fn matches(&self, batch: &RecordBatch, tables: &mut Tables<'_>) -> Vec<bool> {
        let mut wanted = vec![true; batch.num_rows()];
        let mut flags = |cells, rows, fits: &dyn Fn(&str) -> bool| tables.flags(cells, rows, fits);
        let source = Cells::of(batch, "source_ip");
        let destination = Cells::of(batch, "destination_ip");
        for nets in [&self.hosts, &self.others].into_iter().filter(|nets| !nets.is_empty()) {
            let [mut either, is_destination] =
                [source, destination].map(|cells| flags(cells, batch.num_rows(), &in_any(nets)));
            either.iter_mut().zip(is_destination).for_each(|(either, other)| *either |= other);
            wanted.iter_mut().zip(either).for_each(|(wanted, either)| *wanted &= either);
        }
        for (nets, cells) in [(&self.sources, source), (&self.destinations, destination)] {
            if !nets.is_empty() {
                keep(&mut wanted, &flags(cells, batch.num_rows(), &in_any(nets)));
            }
        }
        let port = Cells::of(batch, "destination_port");
        keep_if(&mut wanted, !self.ports.is_empty(), |row| {
            port.number(row).is_some_and(|port| self.ports.iter().any(|&wanted| i64::from(wanted) == port))
        });
        for (names, column) in [
            (&self.transports, "network_transport"),
            (&self.verdicts, "offport_verdict"),
            (&self.severities, "offport_severity"),
            (&self.directions, "network_direction"),
        ] {
            if !names.is_empty() {
                let is_one = |name: &str| names.iter().any(|wanted| wanted == name);
                keep(&mut wanted, &flags(Cells::of(batch, column), batch.num_rows(), &is_one));
            }
        }
        if !self.protocols.is_empty() {
            let protocol = Cells::of(batch, "network_protocol");
            let is_one = |name: &str| self.protocols.iter().any(|wanted| wanted == name);
            let mut named = flags(protocol, batch.num_rows(), &is_one);
            if self.protocols.iter().any(|name| name == NONE) {
                named.iter_mut().enumerate().for_each(|(row, named)| *named |= protocol.key(row).is_none());
            }
            keep(&mut wanted, &named);
        }
        let bytes = Cells::of(batch, "network_bytes");
        keep_if(&mut wanted, self.min_bytes > 0, |row| bytes.count(row) >= self.min_bytes);
        let id = Cells::of(batch, "offport_flow_id");
        keep_if(&mut wanted, !self.ids.is_empty(), |row| {
            id.text(row).and_then(|id| id.parse().ok()).is_some_and(|id| self.ids.contains(&id))
        });
        wanted
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

/// Whether an address, as it is written in records, is in one of these networks. Most questions are about single addresses,
/// which are compared as they are written.
fn in_any(nets: &[IpNet]) -> Box<dyn Fn(&str) -> bool + '_> {
    match single(nets) {
        Some(addresses) => {
            let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            Box::new(move |ip| texts.iter().any(|text| text == ip))
        }
        None => Box::new(|ip| ip.parse::<IpAddr>().is_ok_and(|ip| nets.iter().any(|net| net.contains(&ip)))),
    }
}

fn keep(wanted: &mut [bool], holds: &[bool]) {
    wanted.iter_mut().zip(holds).for_each(|(wanted, holds)| *wanted &= holds);
}

fn keep_if(wanted: &mut [bool], is_set: bool, holds: impl Fn(usize) -> bool) {
    if is_set {
        wanted.iter_mut().enumerate().for_each(|(row, wanted)| *wanted = *wanted && holds(row));
    }
}

/// Looks at the batches of a file, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    query: FlowQuery,
    tables: Vec<Table>,
}

/// For each name of a column, whether it fits.
#[derive(Debug)]
struct Table {
    names: StringArray,
    fits: Vec<bool>,
}

/// The tables of a file, in the order in which [`Filter::matches`] asks for them.
struct Tables<'t> {
    tables: &'t mut Vec<Table>,
    next: usize,
}

impl Matcher {
    pub(crate) fn new(query: FlowQuery) -> Self {
        Self { query, tables: Vec::new() }
    }

    /// For each row, whether it is wanted.
    pub(crate) fn wanted(&mut self, batch: &RecordBatch) -> BooleanArray {
        let mut wanted = self.query.filter.matches(batch, &mut Tables { tables: &mut self.tables, next: 0 });
        if let Some((from, to)) = self.query.time {
            let end = Cells::of(batch, "event_end");
            keep_if(&mut wanted, true, |row| end.time(row).is_some_and(|end| (from..=to).contains(&end)));
        }
        wanted.into()
    }
}

impl Tables<'_> {
    /// For each row whether its name fits. Each of the few names is looked at once.
    fn flags(&mut self, cells: Cells<'_>, rows: usize, fits: &dyn Fn(&str) -> bool) -> Vec<bool> {
        let number = self.next;
        self.next += 1;
        let Cells::Names(keys, names) = cells else { return vec![false; rows] };
        if !self.tables.get(number).is_some_and(|table| is_same(&table.names, names)) {
            let fits = names.iter().map(|name| name.is_some_and(fits)).collect();
            let table = Table { names: names.clone(), fits };
            match self.tables.get_mut(number) {
                Some(old) => *old = table,
                None => self.tables.push(table),
            }
        }
        let table = self.tables.get(number).map_or(&[][..], |table| &table.fits);
        let fits = |key: &i32| table.get(*key as usize).copied().unwrap_or_default();
        let mut flags: Vec<bool> = keys.values().iter().map(fits).collect();
        if keys.null_count() > 0 {
            flags.iter_mut().enumerate().for_each(|(row, flag)| *flag &= keys.is_valid(row));
        }
        flags
    }
}
