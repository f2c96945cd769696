//! The table of verdicts, row by row, as an analyst would put the questions.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::IpAddr;

use jiff::civil::date;
use offport_fingerprint::{Breach, Proof, Protocol, Speaker};
use offport_policy::{
    AllowRule, Facts, HostRule, Judgement, NetworkDirection, Policy, PortRange, PortRule, Reason, Sections,
    Seen, Severity, Verdict,
};
use offport_wire::{Timestamp, Transport};

const OUTSIDE: &str = "198.51.100.7";
const DATABASE: &str = "10.217.145.233";

/// A flow from `DATABASE` to the outside on a TCP port.
fn facts(port: u16, seen: Seen) -> Facts {
    Facts {
        transport: Transport::TCP,
        client: address(DATABASE),
        client_port: 50_000,
        server: address(OUTSIDE),
        server_port: port,
        seen,
        first: Speaker::Client,
        midstream: false,
        subflow: false,
        client_payload: 100,
        server_payload: 0,
        // 2026-01-01
        time: Timestamp::from_nanos(1_767_225_600_000_000_000),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn proven(protocol: Protocol) -> Seen {
    Seen::Identified(protocol, Proof::Structure)
}

fn broken(protocol: Protocol) -> Seen {
    Seen::Broken(protocol, Breach::TlsRecord)
}

fn guessed(protocol: Protocol) -> Seen {
    Seen::Identified(protocol, Proof::Heuristic)
}

fn judge(facts: &Facts) -> (Verdict, Severity) {
    let Judgement { verdict, severity, .. } = Policy::default().judge(facts);
    (verdict, severity)
}

fn reasons(judgement: &Judgement) -> Vec<Reason> {
    judgement.reasons.iter().collect()
}

#[test]
fn raw_data_from_a_database_server_on_port_80() {
    let policy = Policy::default();
    let judgement = policy.judge(&facts(80, Seen::NotRecognised));
    assert_eq!((judgement.verdict, judgement.severity), (Verdict::Unrecognised, Severity::High));
    assert_eq!(judgement.direction, NetworkDirection::Outbound);
    assert_eq!(reasons(&judgement), [Reason::PortReserved, Reason::NoKnownProtocol, Reason::LeavesHome]);
    assert_eq!(policy.rule_name(judgement.rule.unwrap()), "port 80/tcp: http, websocket");
    assert!(judgement.expected.contains(Protocol::Http));
}

#[test]
fn a_policy_that_succeeds_another_calls_rules_as_that_one_did() {
    let host = |name: &str| HostRule { name: name.to_owned(), ..databases() };
    let first = with(|sections| {
        sections.allow.push(backup());
        sections.hosts.extend([host("one"), host("two"), host("two")]);
    });
    let mut sections = Sections { default_ports: false, ..Sections::default() };
    sections.hosts.extend([host("three"), host("two"), host("two"), host("two")]);
    let second = first.successor(&sections).unwrap();
    let names: Vec<&str> = first.rule_names().collect();
    assert_eq!(
        second.rule_names().collect::<Vec<_>>()[..names.len()],
        names,
        "what was judged keeps its rule's name"
    );
    let added: Vec<&str> = second.rule_names().skip(names.len()).collect();
    assert_eq!(added, ["inventory: three", "inventory: two"]);

    let third = second.successor(&sections).unwrap();
    assert_eq!(third.rule_names().len(), second.rule_names().len(), "the same again takes no more");
    let (usual, flow) = (Policy::default(), facts(80, Seen::NotRecognised));
    let same = usual.successor(&Sections::default()).unwrap();
    assert_eq!(same.judge(&flow), usual.judge(&flow), "the same rules have the same ids");

    // All names since the first policy count.
    let room = Policy::MAX_RULES - names.len();
    let of = |hosts: usize| Sections {
        hosts: (0..hosts).map(|number| host(&format!("host {number}"))).collect(),
        default_ports: false,
        ..Sections::default()
    };
    assert!(Policy::new(&of(room + 1)).is_ok());
    assert!(first.successor(&of(room + 1)).is_err());
    assert_eq!(first.successor(&of(room)).unwrap().rule_names().len(), Policy::MAX_RULES);
}

#[test]
fn every_row_of_the_table_of_verdicts() {
    use Protocol::*;
    let cases = [
        (80, proven(Http), Verdict::Expected, Severity::None),
        (443, proven(Tls), Verdict::Expected, Severity::None),
        (443, proven(Ssh), Verdict::Mismatch, Severity::High),
        (443, proven(Http), Verdict::Mismatch, Severity::High),
        (80, proven(Tls), Verdict::Mismatch, Severity::High),
        (53, Seen::NotRecognised, Verdict::Unrecognised, Severity::High),
        (22, Seen::NotRecognised, Verdict::Unrecognised, Severity::High),
        (25, Seen::NotRecognised, Verdict::Unrecognised, Severity::High),
        (443, broken(Tls), Verdict::Imposter, Severity::High),
        (443, broken(Ssh), Verdict::Unrecognised, Severity::High),
        // Unreserved ports: one up for leaving home.
        (50022, proven(Ssh), Verdict::Displaced, Severity::Low),
        (50022, Seen::NotRecognised, Verdict::Unknown, Severity::Low),
        (50022, broken(Tls), Verdict::Unknown, Severity::Low),
        (80, Seen::TooLittle, Verdict::Undecided, Severity::None),
        (50022, Seen::TooLittle, Verdict::Undecided, Severity::None),
        // Tolerated: common practice, though not what the port is for.
        (443, proven(Stun), Verdict::Mismatch, Severity::Low),
        (8080, proven(Tls), Verdict::Mismatch, Severity::Low),
        // Open: MMS on the port of S7 looks like nothing; SSH there is still wrong.
        (102, Seen::NotRecognised, Verdict::Unknown, Severity::Low),
        (102, proven(S7comm), Verdict::Expected, Severity::None),
        (102, proven(Ssh), Verdict::Mismatch, Severity::Medium),
    ];
    for (port, seen, verdict, severity) in cases {
        assert_eq!(judge(&facts(port, seen)), (verdict, severity), "{port} {seen:?}");
    }
}

#[test]
fn a_guess_neither_clears_nor_accuses() {
    use Protocol::*;
    assert_eq!(judge(&facts(80, guessed(Http))), (Verdict::Undecided, Severity::None));
    assert_eq!(judge(&facts(80, guessed(Rtp))), (Verdict::Mismatch, Severity::Medium));
    assert_eq!(judge(&facts(102, guessed(Rtp))), (Verdict::Unknown, Severity::Low));
    assert_eq!(judge(&facts(50_022, guessed(Rtp))), (Verdict::Displaced, Severity::Low));
}

#[test]
fn what_begins_like_the_ports_protocol_and_breaks_its_rules_at_once() {
    use Protocol::*;
    let attempted = |protocol| Seen::Identified(protocol, Proof::Attempt);
    assert_eq!(judge(&facts(445, attempted(Smb))), (Verdict::Imposter, Severity::Medium));
    assert_eq!(judge(&facts(80, attempted(Smb))), (Verdict::Mismatch, Severity::Medium));
    assert_eq!(judge(&facts(50_022, attempted(Smb))), (Verdict::Displaced, Severity::Low));
    let midstream = Facts { midstream: true, ..facts(445, attempted(Smb)) };
    assert_eq!(judge(&midstream), (Verdict::Undecided, Severity::None));
    let judgement = Policy::default().judge(&facts(445, attempted(Smb)));
    assert!(judgement.reasons.contains(Reason::BreaksRules) && judgement.reasons.contains(Reason::WeakProof));
}

#[test]
fn midstream_is_never_accused_on_a_guess() {
    let midstream = |port, seen| judge(&Facts { midstream: true, ..facts(port, seen) });
    assert_eq!(midstream(80, Seen::NotRecognised), (Verdict::Undecided, Severity::None));
    assert_eq!(midstream(80, broken(Protocol::Http)), (Verdict::Undecided, Severity::None));
    assert_eq!(midstream(80, guessed(Protocol::Rtp)), (Verdict::Undecided, Severity::None));
    assert_eq!(midstream(50_022, Seen::NotRecognised), (Verdict::Undecided, Severity::None));
    assert_eq!(midstream(80, proven(Protocol::Ssh)), (Verdict::Mismatch, Severity::High));
}

#[test]
fn a_subflow_is_judged_as_midstream_is_but_for_its_reason() {
    let seen = [
        Seen::NotRecognised,
        Seen::TooLittle,
        broken(Protocol::Http),
        guessed(Protocol::Rtp),
        Seen::Identified(Protocol::Http, Proof::Attempt),
        proven(Protocol::Http),
        proven(Protocol::Ssh),
    ];
    for (port, seen) in [80, 4_500, 50_022].into_iter().flat_map(|port| seen.map(|seen| (port, seen))) {
        let midstream = Policy::default().judge(&Facts { midstream: true, ..facts(port, seen) });
        let subflow = Policy::default().judge(&Facts { subflow: true, ..facts(port, seen) });
        assert_eq!((subflow.verdict, subflow.severity), (midstream.verdict, midstream.severity), "{seen:?}");
        assert!(!subflow.reasons.contains(Reason::Midstream) && !midstream.reasons.contains(Reason::Subflow));
        let why = |reason| if reason == Reason::Midstream { Reason::Subflow } else { reason };
        let mut expected: Vec<_> = reasons(&midstream).into_iter().map(why).collect();
        expected.sort_unstable();
        assert_eq!(reasons(&subflow), expected, "{port} {seen:?}");
    }
    let raw = Policy::default().judge(&Facts { subflow: true, ..facts(80, Seen::NotRecognised) });
    assert_eq!((raw.verdict, raw.severity), (Verdict::Undecided, Severity::None));
    assert_eq!(reasons(&raw), [Reason::NoKnownProtocol, Reason::Subflow]);
}

#[test]
fn direction_moves_severity() {
    let run = |client: &str, server: &str, seen| {
        let facts = Facts { client: address(client), server: address(server), ..facts(80, seen) };
        let judgement = Policy::default().judge(&facts);
        (judgement.direction, judgement.severity)
    };
    use NetworkDirection::*;
    let raw = Seen::NotRecognised;
    assert_eq!(run("10.0.0.1", OUTSIDE, raw), (Outbound, Severity::High));
    assert_eq!(run(OUTSIDE, "10.0.0.1", raw), (Inbound, Severity::High));
    assert_eq!(run(OUTSIDE, "203.0.113.1", raw), (External, Severity::High));
    assert_eq!(run("10.0.0.1", "192.168.1.1", raw), (Internal, Severity::Medium));
    assert_eq!(run("fd00::1", "fe80::1", raw), (Internal, Severity::Medium));
    assert_eq!(run("10.0.0.1", "239.1.2.3", raw).0, Internal);
    assert_eq!(run("0.0.0.0", "255.255.255.255", raw).0, Internal);
    assert_eq!(run("::ffff:10.0.0.1", OUTSIDE, raw).0, Outbound);
}

#[test]
fn a_large_output_raises_what_is_unknown_but_not_what_is_merely_displaced() {
    let sent = |client_payload, seen| judge(&Facts { client_payload, ..facts(50_022, seen) }).1;
    assert_eq!(sent(64 << 20, Seen::NotRecognised), Severity::Low);
    assert_eq!(sent((64 << 20) + 1, Seen::NotRecognised), Severity::Medium);
    assert_eq!(sent(1 << 40, proven(Protocol::Tls)), Severity::Low);
    let answered = Facts {
        client: address(OUTSIDE),
        server: address(DATABASE),
        server_payload: 1 << 30,
        ..facts(50_022, Seen::NotRecognised)
    };
    assert_eq!(judge(&answered).1, Severity::Low, "a home server that pours data out");
}

fn with(change: impl FnOnce(&mut Sections)) -> Policy {
    let mut sections = Sections::default();
    change(&mut sections);
    Policy::new(&sections).unwrap()
}

fn databases() -> HostRule {
    HostRule {
        may_serve: Some(vec![Protocol::Postgresql]),
        may_speak: Some(vec![Protocol::Dns, Protocol::Tls]),
        must_not_speak: vec![Protocol::Ssh],
        ..HostRule::new("10.217.0.0/16".parse().unwrap(), "db-servers")
    }
}

#[test]
fn host_rules_go_before_the_port() {
    let policy = with(|sections| sections.hosts.push(databases()));
    let verdict = |facts: &Facts| {
        let judgement = policy.judge(facts);
        (judgement.verdict, judgement.rule.map(|rule| policy.rule_name(rule)).unwrap_or_default())
    };
    let forbidden = (Verdict::Forbidden, "inventory: db-servers");
    assert_eq!(verdict(&facts(443, proven(Protocol::Tls))), (Verdict::Expected, "port 443/tcp: tls"));
    assert_eq!(verdict(&facts(22, proven(Protocol::Ssh))), forbidden);
    assert_eq!(verdict(&facts(80, proven(Protocol::Http))), forbidden, "not in may_speak");
    assert_eq!(verdict(&facts(50_022, Seen::NotRecognised)), forbidden, "not in may_speak either");
    let served = |seen| Facts { client: address("10.1.1.1"), server: address(DATABASE), ..facts(8000, seen) };
    assert_eq!(verdict(&served(proven(Protocol::Http))), forbidden);
    assert_eq!(verdict(&served(proven(Protocol::Postgresql))).0, Verdict::Mismatch);
    assert_eq!(verdict(&served(Seen::TooLittle)).0, Verdict::Undecided);
}

#[test]
fn a_breach_within_home_stays_high_and_a_guessed_one_is_medium() {
    let policy = with(|sections| sections.hosts.push(databases()));
    let served = |seen| Facts { client: address("10.1.1.1"), server: address(DATABASE), ..facts(8000, seen) };
    assert_eq!(policy.judge(&served(proven(Protocol::Http))).severity, Severity::High);
    assert_eq!(policy.judge(&served(guessed(Protocol::Rtp))).severity, Severity::Medium);
    let tolerated = facts(443, proven(Protocol::Stun));
    assert_eq!(
        policy.judge(&tolerated).severity,
        Severity::High,
        "the port's tolerance does not bind a host rule"
    );
}

#[test]
fn midstream_on_an_unknown_port_breaks_no_host_rule() {
    let policy = with(|sections| sections.hosts.push(databases()));
    for (midstream, subflow) in [(true, false), (false, true)] {
        let begins_anywhere = |port| Facts { midstream, subflow, ..facts(port, proven(Protocol::Ssh)) };
        assert_eq!(policy.judge(&begins_anywhere(50_022)).verdict, Verdict::Displaced);
        assert_eq!(policy.judge(&begins_anywhere(22)).verdict, Verdict::Forbidden);
    }
}

#[test]
fn the_longest_prefix_is_the_one_that_counts() {
    let policy = with(|sections| {
        sections.hosts.push(databases());
        sections.hosts.push(HostRule::new(format!("{DATABASE}/32").parse().unwrap(), "test host"));
    });
    assert_eq!(policy.judge(&facts(22, proven(Protocol::Ssh))).verdict, Verdict::Expected);
}

fn backup() -> AllowRule {
    AllowRule {
        client: Some("10.217.0.0/16".parse().unwrap()),
        server: Some("198.51.100.0/24".parse().unwrap()),
        ports: Some(PortRange::one(443)),
        transport: Some(Transport::TCP),
        protocols: vec![Protocol::Ssh],
        verdicts: vec![Verdict::Mismatch],
        reason: "backup to vendor".to_owned(),
        expires: Some(date(2026, 1, 1)),
    }
}

#[test]
fn an_exception_keeps_the_verdict_and_takes_the_severity() {
    let policy = with(|sections| sections.allow.push(backup()));
    let flow = facts(443, proven(Protocol::Ssh));
    let judgement = policy.judge(&flow);
    assert_eq!((judgement.verdict, judgement.severity), (Verdict::Mismatch, Severity::None));
    assert!(judgement.reasons.contains(Reason::Allowed));
    assert_eq!(policy.rule_name(judgement.rule.unwrap()), "allow: backup to vendor");

    let others = [
        Facts { client: address("10.1.1.1"), ..flow },
        Facts { server: address("203.0.113.1"), ..flow },
        Facts { server_port: 80, ..flow },
        Facts { seen: proven(Protocol::Socks), ..flow },
        Facts { seen: Seen::NotRecognised, ..flow },
    ];
    for other in others {
        assert_eq!(policy.judge(&other).severity, Severity::High, "{other:?}");
    }
}

#[test]
fn an_exception_holds_to_the_end_of_its_last_day() {
    let policy = with(|sections| sections.allow.push(backup()));
    let at = |nanos| Facts { time: Timestamp::from_nanos(nanos), ..facts(443, proven(Protocol::Ssh)) };
    const MIDNIGHT: u64 = 1_767_312_000_000_000_000;
    assert_eq!(policy.judge(&at(MIDNIGHT - 1)).severity, Severity::None);
    assert_eq!(policy.judge(&at(MIDNIGHT)).severity, Severity::High);
    assert_eq!(policy.expired(Timestamp::from_nanos(MIDNIGHT - 1)).count(), 0);
    assert_eq!(
        policy.expired(Timestamp::from_nanos(MIDNIGHT)).collect::<Vec<_>>(),
        ["allow: backup to vendor"]
    );
}

#[test]
fn port_entries_replace_extend_and_remove() {
    let rule = |ports, expects: &[Protocol]| PortRule {
        ports,
        transport: Transport::TCP,
        expects: expects.to_vec(),
        tolerates: Vec::new(),
        open: false,
    };
    let policy = with(|sections| {
        sections.ports.push(rule(PortRange::one(8080), &[]));
        sections.ports.push(rule(PortRange::one(443), &[Protocol::Ssh]));
        sections.ports.push(rule(PortRange { first: 7000, last: 7010 }, &[Protocol::Redis]));
    });
    let verdict = |port, protocol| policy.judge(&facts(port, proven(protocol))).verdict;
    assert_eq!(verdict(8080, Protocol::Ssh), Verdict::Displaced);
    assert_eq!(verdict(443, Protocol::Ssh), Verdict::Expected);
    assert_eq!(verdict(443, Protocol::Tls), Verdict::Mismatch);
    assert_eq!(verdict(7010, Protocol::Redis), Verdict::Expected);
    assert_eq!(verdict(7011, Protocol::Redis), Verdict::Displaced);
    assert!(!policy.is_service_port(Transport::TCP, 8080) && policy.is_service_port(Transport::TCP, 7005));

    let empty = with(|sections| sections.default_ports = false);
    assert!(empty.expected(Transport::TCP, 80).is_empty());
    assert!(empty.is_service_port(Transport::UDP, 80) && !empty.is_service_port(Transport::ICMP, 80));
}

#[test]
fn the_default_policy_is_the_default_sections() {
    assert!(Policy::default().expected(Transport::UDP, 53).contains(Protocol::Dns));
    assert!(Policy::default().is_service_port(Transport::TCP, 5432));
}

#[test]
fn an_explanation_reads_from_port_to_verdict() {
    let policy = with(|sections| {
        sections.hosts.push(HostRule { must_not_speak: vec![], may_speak: None, ..databases() });
        sections.allow.push(AllowRule { expires: None, ..backup() });
    });
    assert_eq!(
        policy.explain(&facts(443, proven(Protocol::Ssh))).to_string(),
        "port       rule \"port 443/tcp: tls\", tolerates stun\n\
         seen       speaks ssh (proof: structure): mismatch\n\
         host       the client is in db-servers: it may speak ssh\n\
         severity   mismatch starts at high\n\
         direction  leaves a home network, one up: high\n\
         allow      covered by \"allow: backup to vendor\": none\n\
         verdict    mismatch, severity none\n"
    );
}
