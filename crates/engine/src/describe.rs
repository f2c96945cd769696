//! A tracked flow in the terms of the other stages: exchange, facts, record.

use std::net::IpAddr;

use offport_fingerprint::{Exchange, Side, Speaker};
use offport_flow::{End, Flow};
use offport_policy::{Facts, Seen};
use offport_wire::Direction;

use crate::outcome::Outcome;
use crate::record::{Action, EndReason, Endpoint, FlowRecord, TcpState, TcpSummary};

/// Address and port of client and server.
pub(crate) fn ends(flow: &Flow<'_>) -> [(IpAddr, u16); 2] {
    let (low, high) = (flow.key.low(), flow.key.high());
    match flow.client_direction {
        Direction::LowToHigh => [low, high],
        Direction::HighToLow => [high, low],
    }
}

/// What identification looks at.
pub fn exchange<'a>(flow: &Flow<'a>) -> Exchange<'a> {
    let [(_, client_port), (_, server_port)] = ends(flow);
    Exchange {
        transport: flow.transport(),
        client: side(&flow.client),
        server: side(&flow.server),
        first: speaker(flow),
        client_port,
        server_port,
        midstream: flow.begins_anywhere(),
    }
}

/// What the policy judges.
pub(crate) fn facts(flow: &Flow<'_>, seen: Seen) -> Facts {
    let [(client, client_port), (server, server_port)] = ends(flow);
    Facts {
        transport: flow.transport(),
        client,
        client_port,
        server,
        server_port,
        seen,
        first: speaker(flow),
        midstream: flow.midstream,
        subflow: flow.subflow,
        client_payload: flow.client.payload,
        server_payload: flow.server.payload,
        time: flow.last,
    }
}

/// What is written of it.
pub(crate) fn record(
    flow: &Flow<'_>,
    outcome: Option<&Outcome>,
    action: Action,
    reason: EndReason,
    worker: u16,
) -> FlowRecord {
    let [client, server] = ends(flow);
    let path = flow.path.map(|path| path.seen_from(flow.client_direction));
    let macs = path.and_then(|path| path.link.macs);
    let endpoint = |(ip, port): (IpAddr, u16), side: &offport_flow::Side<'_>, mac| Endpoint {
        ip,
        port,
        mac,
        packets: side.packets,
        bytes: side.bytes,
        payload: side.payload,
    };
    let has_ports = flow.transport().has_ports();
    let without_ports = |(ip, port)| (ip, if has_ports { port } else { 0 });
    FlowRecord {
        action,
        reason,
        start: flow.start,
        end: flow.last,
        transport: flow.transport(),
        client: endpoint(without_ports(client), &flow.client, macs.map(|(source, _)| source)),
        server: endpoint(without_ports(server), &flow.server, macs.map(|(_, destination)| destination)),
        domain: flow.key.domain(),
        vlan: path.and_then(|path| path.link.vlan),
        inner_vlan: path.and_then(|path| path.link.inner_vlan),
        tunnel: path.and_then(|path| path.tunnel),
        protocol: outcome.and_then(Outcome::protocol),
        breach: outcome.and_then(Outcome::breach),
        judgement: outcome.map(|outcome| outcome.judgement),
        decided_after: outcome.map_or(0, |outcome| outcome.decided_after),
        tcp: flow.tcp.map(|tcp| TcpSummary {
            state: state(tcp.state),
            midstream: flow.midstream,
            subflow: flow.subflow,
            retransmitted: tcp.retransmitted,
            out_of_order: tcp.out_of_order,
        }),
        icmp_errors: flow.icmp_errors,
        shunted_packets: flow.shunted_packets,
        shunted_bytes: flow.shunted_bytes,
        interface: path.map_or(0, |path| path.interface),
        worker,
    }
}

/// The reason that a record of a flow's end gives.
pub(crate) const fn reason(end: End) -> EndReason {
    match end {
        End::Fin => EndReason::Fin,
        End::Rst => EndReason::Rst,
        End::Idle => EndReason::Idle,
        End::Evicted => EndReason::Evicted,
        End::Shutdown => EndReason::Shutdown,
    }
}

fn side<'a>(side: &offport_flow::Side<'a>) -> Side<'a> {
    let first = &side.first;
    Side {
        bytes: first.bytes,
        ends: first.ends,
        first_len: first.first_len,
        total: side.payload,
        closed: first.closed,
    }
}

fn speaker(flow: &Flow<'_>) -> Speaker {
    match flow.first_payload {
        Some(direction) if direction != flow.client_direction => Speaker::Server,
        _ => Speaker::Client,
    }
}

const fn state(state: offport_flow::TcpState) -> TcpState {
    match state {
        offport_flow::TcpState::SynSent => TcpState::SynSent,
        offport_flow::TcpState::SynReceived => TcpState::SynReceived,
        offport_flow::TcpState::Established => TcpState::Established,
        offport_flow::TcpState::Closing => TcpState::Closing,
        offport_flow::TcpState::Closed => TcpState::Closed,
        offport_flow::TcpState::Reset => TcpState::Reset,
    }
}
