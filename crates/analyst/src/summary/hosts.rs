//! Who sent and received how much.

use std::collections::HashMap;
use std::net::IpAddr;

use offport_engine::FlowRecord;
use serde::Serialize;

/// Hosts that are told apart at most (some 100 MB); a scan of the whole address space must not take all memory.
const MAX_HOSTS: usize = 1 << 20;

/// The hosts.
#[derive(Clone, Debug, Serialize)]
pub struct Talkers {
    /// Different addresses.
    pub hosts: u64,
    /// Flow ends whose address came after more than 1,048,576 others and is not counted.
    pub hosts_omitted: u64,
    /// Those with the most bytes, sent and received.
    pub by_bytes: Vec<Host>,
    /// Those with the most flagged flows, as client or server.
    pub by_flagged: Vec<Host>,
}

/// One host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Its address.
    pub ip: IpAddr,
    /// Bytes that it sent.
    pub bytes_sent: u64,
    /// Bytes that it received.
    pub bytes_received: u64,
    /// Its flows, as client or server.
    pub flows: u64,
    /// Flagged ones among them.
    pub flagged: u64,
}

impl Host {
    /// Both directions.
    pub fn bytes(&self) -> u64 {
        self.bytes_sent + self.bytes_received
    }
}

#[derive(Debug, Default)]
pub(super) struct Hosts {
    known: HashMap<IpAddr, Host>,
    omitted: u64,
}

impl Hosts {
    pub(super) fn flow(&mut self, record: &FlowRecord, flagged: bool) {
        let (client, server) = (&record.client, &record.server);
        self.end(client.ip, client.bytes, server.bytes, flagged);
        if client.ip != server.ip {
            self.end(server.ip, server.bytes, client.bytes, flagged);
        }
    }

    pub(super) fn into_talkers(self, top: usize) -> Talkers {
        let all: Vec<Host> = self.known.into_values().collect();
        let flagged: Vec<Host> = all.iter().filter(|host| host.flagged > 0).copied().collect();
        Talkers {
            hosts: all.len() as u64,
            hosts_omitted: self.omitted,
            by_bytes: first(all, top, |host| (host.bytes(), host.flagged)),
            by_flagged: first(flagged, top, |host| (host.flagged, host.bytes())),
        }
    }

    fn end(&mut self, ip: IpAddr, sent: u64, received: u64, flagged: bool) {
        if self.known.len() >= MAX_HOSTS && !self.known.contains_key(&ip) {
            self.omitted += 1;
            return;
        }
        let host = self.known.entry(ip).or_insert(Host {
            ip,
            bytes_sent: 0,
            bytes_received: 0,
            flows: 0,
            flagged: 0,
        });
        host.bytes_sent += sent;
        host.bytes_received += received;
        host.flows += 1;
        host.flagged += u64::from(flagged);
    }
}

/// The `top` hosts with the largest keys; equal ones by address.
fn first<K: Ord>(mut hosts: Vec<Host>, top: usize, key: impl Fn(&Host) -> K) -> Vec<Host> {
    hosts.sort_by(|one, other| key(other).cmp(&key(one)).then(one.ip.cmp(&other.ip)));
    hosts.truncate(top);
    hosts
}
