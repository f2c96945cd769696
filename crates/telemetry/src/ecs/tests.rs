//! Golden files of the output contract, `tests/golden/`: run with `OFFPORT_BLESS=1` to write them anew.

use std::path::Path;

use offport_engine::{Action, EndReason, Endpoint, EventPhase, Head, TcpState, TcpSummary};
use offport_fingerprint::{Description, Field, Proof, Protocol, ProtocolSet};
use offport_policy::{Judgement, NetworkDirection, Reason, Reasons, RuleId, Severity, Verdict};
use offport_wire::{Domain, Timestamp, Transport, Tunnel, TunnelKind};

use super::*;

fn golden(name: &str, line: &[u8]) {
    let value: serde_json::Value = serde_json::from_slice(line).unwrap();
    assert_no_empty_string(&value, name);
    let pretty = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("OFFPORT_BLESS").is_some() {
        std::fs::write(&path, &pretty).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(pretty, expected, "{name} differs: OFFPORT_BLESS=1 writes it anew");
}

/// Absent means unknown; nothing is ever an empty string.
fn assert_no_empty_string(value: &serde_json::Value, name: &str) {
    match value {
        serde_json::Value::String(text) => assert!(!text.is_empty(), "{name} has an empty string"),
        serde_json::Value::Array(items) => items.iter().for_each(|item| assert_no_empty_string(item, name)),
        serde_json::Value::Object(fields) => {
            fields.values().for_each(|field| assert_no_empty_string(field, name));
        }
        _ => {}
    }
}

pub(crate) fn incident() -> FlowRecord {
    let endpoint = |ip: &str, port, mac, packets, bytes| Endpoint {
        ip: ip.parse().unwrap(),
        port,
        mac: Some([2, 0, 0, 0, 0, mac]),
        packets,
        bytes,
        payload: bytes - 52 * packets,
    };
    FlowRecord {
        action: Action::End,
        reason: EndReason::Fin,
        start: Timestamp::from_nanos(1_764_000_000_000_001_000),
        end: Timestamp::from_nanos(1_764_000_002_500_001_999),
        transport: Transport::TCP,
        client: endpoint("10.217.145.233", 51234, 1, 12, 9_000),
        server: endpoint("198.51.100.7", 80, 2, 9, 468),
        domain: Domain::NONE,
        vlan: None,
        inner_vlan: None,
        tunnel: None,
        protocol: None,
        breach: None,
        judgement: Some(Judgement {
            verdict: Verdict::Unrecognised,
            severity: Severity::High,
            reasons: [Reason::PortReserved, Reason::NoKnownProtocol].into_iter().fold(
                Reasons::default(),
                |mut reasons, reason| {
                    reasons.insert(reason);
                    reasons
                },
            ),
            expected: ProtocolSet::from_iter([Protocol::Http, Protocol::Websocket]),
            rule: Some(RuleId(0)),
            direction: NetworkDirection::Outbound,
        }),
        decided_after: 1,
        tcp: Some(TcpSummary {
            state: TcpState::Closed,
            midstream: false,
            subflow: false,
            retransmitted: 1,
            out_of_order: 0,
        }),
        icmp_errors: 0,
        shunted_packets: 0,
        shunted_bytes: 0,
        interface: 0,
        worker: 1,
    }
}

fn live() -> Formatter {
    Formatter {
        evidence: None,
        observer: Some("tap-1".to_owned()),
        interfaces: vec!["eth1".to_owned()],
        log_file: None,
        rules: vec!["port 80/tcp".to_owned()],
    }
}

#[test]
fn flow_at_its_end() {
    let mut line = Vec::new();
    live().record(&incident(), &Description::NONE, &mut line);
    golden("flow_end.json", &line);
}

#[test]
fn flow_in_a_tunnel_offline_without_payload() {
    let record = FlowRecord {
        action: Action::Interim,
        reason: EndReason::ActiveTimeout,
        client: Endpoint { ip: "2001:db8::1".parse().unwrap(), mac: None, ..incident().client },
        server: Endpoint { ip: "2001:db8::2".parse().unwrap(), mac: None, ..incident().server },
        domain: Domain::overlay(2, 5000),
        vlan: Some(100),
        inner_vlan: Some(7),
        tunnel: Some(Tunnel {
            kind: TunnelKind::Vxlan,
            id: Some(5000),
            source: Some("192.0.2.1".parse().unwrap()),
            destination: Some("192.0.2.2".parse().unwrap()),
        }),
        protocol: None,
        judgement: None,
        decided_after: 0,
        tcp: incident().tcp.map(|tcp| TcpSummary { subflow: true, ..tcp }),
        icmp_errors: 2,
        shunted_packets: 5,
        shunted_bytes: 7_500,
        ..incident()
    };
    let names = Formatter { log_file: Some("captures/a.pcap".to_owned()), ..Formatter::default() };
    let mut line = Vec::new();
    names.record(&record, &Description::NONE, &mut line);
    golden("flow_interim_tunnel.json", &line);
}

#[test]
fn icmp_has_no_ports_and_expected_has_no_severity() {
    let mut record = incident();
    record.transport = Transport::ICMP;
    record.tcp = None;
    record.judgement = None;
    let mut line = Vec::new();
    live().record(&record, &Description::NONE, &mut line);
    golden("flow_icmp.json", &line);
}

#[test]
fn event_of_raw_data_on_port_80() {
    let event = Event {
        phase: EventPhase::Flagged,
        record: incident(),
        client: Head::new(b"\x89\x00PGDMP\x01\x0e\r\nsecret\x1b[2J"),
        server: Head::EMPTY,
        repeats: 3,
    };
    let file = "/var/lib/offport/packets/0000000012-2025-11-24T160000Z.pcapng".to_owned();
    let keeping = Formatter { evidence: Some(Evidence { file: Some(file) }), ..live() };
    let mut line = Vec::new();
    keeping.event(&event, &event.describe(), &mut line);
    golden("event_flagged.json", &line);
}

#[test]
fn event_at_the_end_of_ssh_on_443() {
    let mut record = incident();
    record.protocol = Some((Protocol::Ssh, Proof::Banner));
    record.server.port = 443;
    if let Some(judgement) = &mut record.judgement {
        judgement.verdict = Verdict::Mismatch;
        judgement.expected = ProtocolSet::from_iter([Protocol::Tls]);
        judgement.rule = None;
    }
    let event = Event {
        phase: EventPhase::Ended,
        record,
        client: Head::new(b"SSH-2.0-OpenSSH_9.2\r\n"),
        server: Head::new(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        repeats: 0,
    };
    let mut line = Vec::new();
    live().event(&event, &event.describe(), &mut line);
    golden("event_ended.json", &line);
}

#[test]
fn flow_ids_tell_flows_apart() {
    let base = incident();
    let later = FlowRecord { start: Timestamp::from_nanos(1), ..base };
    let tagged = FlowRecord { domain: Domain::vlan(1, None), ..base };
    assert_eq!(base.id().to_string().len(), 20);
    let FlowRecord { client, server, .. } = base;
    assert_eq!(base.id(), FlowRecord { worker: 9, client: server, server: client, ..base }.id());
    assert_ne!(base.id(), later.id());
    assert_ne!(base.id(), tagged.id());
}

#[test]
fn eve_alert_and_flow() {
    let event = Event {
        phase: EventPhase::Flagged,
        record: incident(),
        client: Head::EMPTY,
        server: Head::new(b"\x00\x01raw"),
        repeats: 0,
    };
    let mut line = Vec::new();
    crate::eve::event(&live(), &event, &event.describe(), &mut line);
    golden("eve_alert.json", &line);
    line.clear();
    crate::eve::event(&live(), &Event { phase: EventPhase::Ended, ..event }, &Description::NONE, &mut line);
    golden("eve_flow.json", &line);
}

/// What a flow of `protocol` says that begins so, in its record and in an EVE alert of it.
fn described(name: &str, protocol: Protocol, transport: Transport, client: &[u8], server: &[u8]) {
    let mut record = incident();
    record.protocol = Some((protocol, Proof::Structure));
    record.transport = transport;
    let (client, server) = (Head::new(client), Head::new(server));
    let event = Event { phase: EventPhase::Flagged, record, client, server, repeats: 0 };
    let (mut flow, mut eve) = (Vec::new(), Vec::new());
    live().record(&record, &event.describe(), &mut flow);
    crate::eve::event(&live(), &event, &event.describe(), &mut eve);
    golden(&format!("described_{name}.json"), &flow);
    golden(&format!("described_{name}_eve.json"), &eve);
}

/// Two objects of one name would hide one another.
#[test]
fn what_is_described_stands_in_no_object_of_every_record() {
    for field in Field::ALL.iter().filter(|&&field| field != Field::NetworkApplication) {
        let (object, _) = field.name().split_once('.').unwrap();
        let own = ["@timestamp", "event", "source", "destination", "network", "tunnel", "observer", "log"];
        assert!(!own.contains(&object), "{}", field.name());
    }
}

#[test]
fn descriptions_of_http_ssh_and_dns() {
    described(
        "http",
        Protocol::Http,
        Transport::TCP,
        b"GET http://me:secret@x/a?b HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: \x1b]0;hi\x07\xff\"\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nServer: nginx\r\n\r\n",
    );
    described("ssh", Protocol::Ssh, Transport::TCP, b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-srv Debian-2");
    described(
        "dns",
        Protocol::Dns,
        Transport::UDP,
        b"\x1a\x2b\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x1c\0\x01",
        b"",
    );
}

#[test]
fn description_of_tls() {
    // TLS 1.2 with a server name, application protocols and one cipher suite; the answer is TLS 1.2 and `h2`.
    let client =
        b"\x16\x03\x01\0\x55\x01\0\0\x51\x03\x03AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x02\xc0\x2f\x01\0\0\x26\
        \0\0\0\x15\0\x13\0\0\x10r.teamviewer.com\0\x10\0\x05\0\x03\x02h2\0\x17\0\0";
    let server = b"\x16\x03\x03\0\x35\x02\0\0\x31\x03\x03BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\0\xc0\x2f\0\0\x09\
        \0\x10\0\x05\0\x03\x02h2";
    described("tls", Protocol::Tls, Transport::TCP, client, server);
}
