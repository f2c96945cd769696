//! Whatever the policy and the flow: there is a judgement, and its parts agree with one another.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use jiff::civil::date;
use offport_fingerprint::{Breach, Proof, Protocol, Speaker};
use offport_policy::{
    AllowRule, Facts, HostRule, Policy, PortRange, PortRule, Reason, Sections, Seen, Severity, Verdict,
};
use offport_wire::{Timestamp, Transport};
use proptest::prelude::*;

fn protocol() -> impl Strategy<Value = Protocol> {
    prop::sample::select(Protocol::ALL)
}

fn protocols() -> impl Strategy<Value = Vec<Protocol>> {
    prop::collection::vec(protocol(), 0..4)
}

fn transport() -> impl Strategy<Value = Transport> {
    prop_oneof![
        5 => Just(Transport::TCP),
        5 => Just(Transport::UDP),
        1 => Just(Transport::SCTP),
        1 => any::<u8>().prop_map(Transport),
    ]
}

/// Well-known ports often, any port sometimes.
fn port() -> impl Strategy<Value = u16> {
    prop_oneof![3 => prop::sample::select(vec![0, 22, 53, 80, 102, 443, 5060, 8080, 50_022]), 1 => any::<u16>()]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 2]>().prop_map(|[a, b]| Ipv4Addr::new(10, 0, a % 2, b % 4).into()),
        any::<u32>().prop_map(|address| Ipv4Addr::from(address).into()),
        any::<u8>().prop_map(|a| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, u16::from(a % 4)).into()),
        any::<u128>().prop_map(|address| Ipv6Addr::from(address).into()),
    ]
}

fn network() -> impl Strategy<Value = IpNet> {
    (address(), any::<prop::sample::Index>()).prop_map(|(address, len)| {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        IpNet::new(address, len.index(longest + 1) as u8).unwrap().trunc()
    })
}

fn port_rule() -> impl Strategy<Value = PortRule> {
    (port(), 0u16..10, transport(), protocols(), protocols(), any::<bool>()).prop_map(
        |(first, more, transport, expects, tolerates, open)| PortRule {
            ports: PortRange { first, last: first.saturating_add(more) },
            transport,
            tolerates: tolerates.into_iter().filter(|protocol| !expects.contains(protocol)).collect(),
            expects,
            open,
        },
    )
}

fn host_rule() -> impl Strategy<Value = HostRule> {
    let only = || prop::option::of(protocols());
    (network(), only(), only(), protocols(), protocols()).prop_map(
        |(network, may_serve, may_speak, must_not_serve, must_not_speak)| HostRule {
            may_serve,
            may_speak,
            must_not_serve,
            must_not_speak,
            ..HostRule::new(network, "some hosts")
        },
    )
}

fn allow_rule() -> impl Strategy<Value = AllowRule> {
    let verdicts = prop::collection::vec(prop::sample::select(Verdict::ALL), 0..3);
    let networks = (prop::option::of(network()), prop::option::of(network()));
    (networks, prop::option::of(port()), prop::option::of(transport()), protocols(), verdicts, any::<bool>())
        .prop_map(|((client, server), port, transport, protocols, verdicts, expires)| AllowRule {
            client,
            server,
            ports: port.map(PortRange::one),
            transport,
            protocols,
            verdicts,
            reason: "some reason".to_owned(),
            expires: expires.then(|| date(2001, 1, 1)),
        })
}

fn sections() -> impl Strategy<Value = Sections> {
    (
        any::<bool>(),
        0u64..2000,
        prop::collection::vec(port_rule(), 0..6),
        prop::collection::vec(host_rule(), 0..6),
        prop::collection::vec(allow_rule(), 0..3),
    )
        .prop_map(|(default_ports, large_output, ports, hosts, allow)| Sections {
            default_ports,
            large_output,
            ports,
            hosts,
            allow,
            ..Sections::default()
        })
}

fn seen() -> impl Strategy<Value = Seen> {
    let proof = prop::sample::select(vec![Proof::Heuristic, Proof::Banner, Proof::Structure]);
    prop_oneof![
        4 => (protocol(), proof).prop_map(|(protocol, proof)| Seen::Identified(protocol, proof)),
        2 => Just(Seen::NotRecognised),
        1 => (protocol(), prop::sample::select(Breach::ALL))
            .prop_map(|(protocol, breach)| Seen::Broken(protocol, breach)),
        1 => Just(Seen::TooLittle),
    ]
}

fn facts() -> impl Strategy<Value = Facts> {
    (
        transport(),
        (address(), any::<u16>(), address(), port()),
        seen(),
        any::<((bool, bool), u64)>(),
        (0u64..3000, 0u64..3000),
    )
        .prop_map(
            |(transport, (client, client_port, server, server_port), seen, (begins, time), payload)| Facts {
                transport,
                client,
                client_port,
                server,
                server_port,
                seen,
                first: Speaker::Client,
                midstream: begins.0,
                subflow: begins.1,
                client_payload: payload.0,
                server_payload: payload.1,
                time: Timestamp::from_nanos(time),
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_judgement_agrees_with_itself(sections in sections(), flows in prop::collection::vec(facts(), 1..8)) {
        let policy = Policy::new(&sections).unwrap();
        for facts in &flows {
            agrees(&policy, facts)?;
        }
    }
}

fn agrees(policy: &Policy, facts: &Facts) -> Result<(), TestCaseError> {
    let judgement = policy.judge(facts);
    let expected = policy.expected(facts.transport, facts.server_port);
    let reserved = !expected.is_empty();
    let has = |reason| judgement.reasons.contains(reason);
    let weak = matches!(facts.seen, Seen::Identified(_, Proof::Heuristic));

    prop_assert_eq!(judgement.expected, expected);
    prop_assert_eq!(judgement.direction, policy.direction(facts.client, facts.server));
    prop_assert!(judgement.reasons.iter().next().is_some(), "no verdict without a reason");
    prop_assert!(judgement.rule.is_none_or(|rule| !policy.rule_name(rule).is_empty()));

    let fits = match (judgement.verdict, facts.seen) {
        (Verdict::Expected, Seen::Identified(protocol, proof)) => {
            expected.contains(protocol) && proof > Proof::Heuristic && has(Reason::PortExpects)
        }
        (Verdict::Mismatch, Seen::Identified(protocol, _)) => {
            reserved && !expected.contains(protocol) && has(Reason::PortReserved)
        }
        (Verdict::Unrecognised, Seen::NotRecognised | Seen::Broken(..)) => {
            reserved && has(Reason::NoKnownProtocol) && has(Reason::PortReserved)
        }
        (Verdict::Imposter, Seen::Broken(..)) => reserved && has(Reason::BreaksRules),
        (Verdict::Forbidden, seen) => {
            seen != Seen::TooLittle && (has(Reason::ClientMayNotSpeak) || has(Reason::ServerMayNotServe))
        }
        (Verdict::Displaced, Seen::Identified(..)) => !reserved && has(Reason::PortUnreserved),
        (Verdict::Unknown, Seen::NotRecognised | Seen::Broken(..)) => {
            has(Reason::NoKnownProtocol)
                && has(if reserved { Reason::PortOpen } else { Reason::PortUnreserved })
        }
        (Verdict::Unknown, Seen::Identified(_, Proof::Heuristic)) => reserved && has(Reason::PortOpen),
        (Verdict::Undecided, Seen::TooLittle) => has(Reason::TooLittlePayload),
        (Verdict::Undecided, Seen::NotRecognised | Seen::Broken(..)) => {
            facts.midstream && has(Reason::Midstream) || facts.subflow && has(Reason::Subflow)
        }
        (Verdict::Undecided, Seen::Identified(_, Proof::Heuristic)) => reserved && has(Reason::WeakProof),
        _ => false,
    };
    prop_assert!(fits, "{:?} for {:?}", judgement, facts);

    if (facts.midstream || facts.subflow) && judgement.verdict.is_alarm() {
        let identified = matches!(facts.seen, Seen::Identified(..));
        prop_assert!(identified, "accused on a guess: {:?}", judgement);
    }
    if weak {
        prop_assert!(judgement.severity < Severity::High && judgement.verdict != Verdict::Expected);
        prop_assert!(has(Reason::WeakProof));
    }
    if matches!(judgement.verdict, Verdict::Expected | Verdict::Undecided) {
        prop_assert_eq!(judgement.severity, Severity::None);
    }
    if has(Reason::Allowed) {
        prop_assert_eq!(judgement.severity, Severity::None);
        let rule = policy.rule_name(judgement.rule.unwrap());
        prop_assert!(rule.starts_with("allow: "));
    }
    if judgement.verdict.is_alarm() && judgement.severity == Severity::None {
        prop_assert!(has(Reason::Allowed), "an alarm is only silent if somebody said so");
    }

    let explanation = policy.explain(facts);
    prop_assert_eq!(explanation.judgement, judgement);
    let outcome = format!("{}, severity {}\n", judgement.verdict.name(), judgement.severity.name());
    prop_assert!(explanation.to_string().ends_with(&outcome));
    Ok(())
}
