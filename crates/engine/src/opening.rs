//! How a flow began, for those who describe it: its first payload leaves the worker when it is settled, for afterwards
//! it is not kept.

use std::net::IpAddr;

use offport_fingerprint::{Description, Exchange, Protocol, Speaker, describe, is_described};
use offport_flow::Flow;
use offport_policy::Seen;
use offport_wire::{FlowId, FlowKey, Timestamp, Transport};

use crate::community_id::community_id;
use crate::record::{Event, FlowRecord, Head};

/// What tells a flow from all others, those with the same ends included: its key, and the time of its first packet.
pub type FlowName = (FlowKey, Timestamp);

/// The first payload of a flow whose protocol says something worth reading. Fixed size, copyable.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Whose; that of its records.
    pub flow: FlowName,
    /// What it speaks, or pretends to.
    pub protocol: Protocol,
    /// First payload of the client.
    pub client: Head,
    /// First payload of the server.
    pub server: Head,
}

impl Opening {
    /// Of a flow that is being settled. `None` where there is nothing to describe.
    #[inline]
    pub fn of(flow: &Flow<'_>, seen: Seen) -> Option<Self> {
        let (Seen::Identified(protocol, _) | Seen::Broken(protocol, _)) = seen else { return None };
        let (client, server) = (&flow.client.first, &flow.server.first);
        if !is_described(protocol) || client.bytes.is_empty() && server.bytes.is_empty() {
            return None;
        }
        let flow = (flow.key, flow.start);
        Some(Self { flow, protocol, client: Head::of(client), server: Head::of(server) })
    }

    /// What it says. Allocates: not for the packet path.
    pub fn describe(&self) -> Description {
        describe(self.protocol, &exchange(self.flow.0.transport(), &self.client, &self.server))
    }
}

impl Event {
    /// What the payload that it carries says. Allocates: not for the packet path.
    pub fn describe(&self) -> Description {
        let Some((protocol, _)) = self.record.protocol else { return Description::default() };
        describe(protocol, &exchange(self.record.transport, &self.client, &self.server))
    }
}

impl FlowRecord {
    /// The flow's id.
    pub fn id(&self) -> FlowId {
        self.flow().map_or(FlowId::first_at(self.start), |(key, start)| FlowId::new(start, &key))
    }

    /// Community ID v1. `None` of a transport without ports: an ICMP flow's type and code are not part of its record, and the id
    /// needs them.
    pub fn community_id(&self) -> Option<String> {
        let [client, server] = [&self.client, &self.server].map(|end| (end.ip, end.port));
        self.transport.has_ports().then(|| community_id(self.transport, client, server)).flatten()
    }

    /// The flow that it is of, if its transport has ports. `None` cannot be: both ends are of one family.
    pub fn flow(&self) -> Option<FlowName> {
        let (client, server) = (&self.client, &self.server);
        let (key, _) = match (client.ip, server.ip) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                FlowKey::v4((one, client.port), (other, server.port), self.transport, self.domain)
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                FlowKey::v6((one, client.port), (other, server.port), self.transport, self.domain)
            }
            _ => return None,
        };
        Some((key, self.start))
    }
}

fn exchange<'a>(transport: Transport, client: &'a Head, server: &'a Head) -> Exchange<'a> {
    Exchange {
        transport,
        client: client.side(),
        server: server.side(),
        first: Speaker::Client,
        client_port: 0,
        server_port: 0,
        midstream: false,
    }
}

#[cfg(test)]
mod tests {
    use offport_fingerprint::{Breach, Field, Proof, Value};
    use offport_flow::{FirstPayload, Side};
    use offport_wire::{Direction, Domain};

    use super::*;

    fn flow<'a>(transport: Transport, client: FirstPayload<'a>, server: FirstPayload<'a>) -> Flow<'a> {
        let (key, client_direction) = FlowKey::v4(
            ([192, 0, 2, 1].into(), 40_000),
            ([192, 0, 2, 2].into(), 53),
            transport,
            Domain::NONE,
        );
        Flow {
            key,
            client_direction,
            role_certain: true,
            start: Timestamp::from_nanos(1_000),
            last: Timestamp::from_nanos(2_000),
            client: Side { first: client, ..Side::default() },
            server: Side { first: server, ..Side::default() },
            first_payload: Some(Direction::LowToHigh),
            midstream: false,
            subflow: false,
            tcp: None,
            icmp_errors: 0,
            shunted_packets: 0,
            shunted_bytes: 0,
            path: None,
            payload_packets: 1,
            label: None,
            flagged: false,
        }
    }

    const QUERY: &[u8] = b"\x1a\x2b\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x1c\0\x01";

    #[test]
    fn the_first_datagram_is_described_not_what_stands_behind_it() {
        // The first datagram is cut in its question; what follows would make it whole.
        let ends = [14, QUERY.len() as u16];
        let cut = FirstPayload { bytes: QUERY, ends: &ends, first_len: 14, ..FirstPayload::default() };
        let seen = Seen::Identified(Protocol::Dns, Proof::Structure);
        let opening = Opening::of(&flow(Transport::UDP, cut, FirstPayload::default()), seen).unwrap();
        assert_eq!(opening.describe().get(Field::DnsQuestionName), None);
        let ends = [QUERY.len() as u16];
        let whole = FirstPayload { ends: &ends, ..cut };
        let opening = Opening::of(&flow(Transport::UDP, whole, FirstPayload::default()), seen).unwrap();
        assert_eq!(opening.describe().get(Field::DnsQuestionName), Some(&Value::Text("a".to_owned())));
    }

    #[test]
    fn only_flows_with_something_to_say_leave_their_payload() {
        let bytes = FirstPayload { bytes: QUERY, ..FirstPayload::default() };
        let spoken = flow(Transport::UDP, FirstPayload::default(), bytes);
        let silent = flow(Transport::UDP, FirstPayload::default(), FirstPayload::default());
        let dns = Seen::Identified(Protocol::Dns, Proof::Structure);
        assert!(Opening::of(&spoken, dns).is_some());
        assert!(Opening::of(&spoken, Seen::Broken(Protocol::Tls, Breach::TlsRecord)).is_some());
        assert!(Opening::of(&silent, dns).is_none());
        assert!(Opening::of(&spoken, Seen::Identified(Protocol::Ntp, Proof::Structure)).is_none());
        assert!(Opening::of(&spoken, Seen::NotRecognised).is_none());
        assert!(Opening::of(&spoken, Seen::TooLittle).is_none());
    }

    #[test]
    fn a_flow_has_one_name_in_its_opening_and_in_its_records() {
        let bytes = FirstPayload { bytes: QUERY, ..FirstPayload::default() };
        let flow = flow(Transport::UDP, bytes, FirstPayload::default());
        let seen = Seen::Identified(Protocol::Dns, Proof::Structure);
        let opening = Opening::of(&flow, seen).unwrap();
        for flow in [flow, flow.swapped()] {
            let record = crate::describe::record(
                &flow,
                None,
                crate::record::Action::End,
                crate::record::EndReason::Idle,
                0,
            );
            assert_eq!(record.flow(), Some(opening.flow));
        }
    }
}
