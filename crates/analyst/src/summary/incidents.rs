//! Flagged flows that are alike, for people: one line for a client that tries a thousand times.

use std::collections::HashMap;
use std::net::IpAddr;

use super::flagged::FlaggedFlow;

/// Flagged flows of the same client, server, port, protocol and verdict.
#[derive(Debug)]
pub(super) struct Incident<'a> {
    /// The earliest of the severest.
    pub(super) first: &'a FlaggedFlow,
    /// How many.
    pub(super) flows: u64,
    pub(super) bytes_up: u64,
    pub(super) bytes_down: u64,
}

type Alike<'a> = (IpAddr, IpAddr, u16, &'static str, Option<&'static str>, &'static str);

/// Severest first, then those with the most bytes. `flagged` is sorted by severity and time.
pub(super) fn incidents(flagged: &[FlaggedFlow]) -> Vec<Incident<'_>> {
    let mut places: HashMap<Alike<'_>, usize> = HashMap::new();
    let mut incidents: Vec<Incident<'_>> = Vec::new();
    for flow in flagged {
        let alike =
            (flow.client.ip, flow.server.ip, flow.server.port, flow.transport, flow.protocol, flow.verdict);
        let place = *places.entry(alike).or_insert_with(|| {
            incidents.push(Incident { first: flow, flows: 0, bytes_up: 0, bytes_down: 0 });
            incidents.len() - 1
        });
        if let Some(incident) = incidents.get_mut(place) {
            incident.flows += 1;
            incident.bytes_up += flow.bytes_up;
            incident.bytes_down += flow.bytes_down;
        }
    }
    let weight = |incident: &Incident<'_>| (incident.first.severity, incident.bytes_up + incident.bytes_down);
    incidents.sort_by_key(|incident| std::cmp::Reverse(weight(incident)));
    incidents
}
