//! `[policy]`: home networks, severities, ports, hosts and exceptions.

use std::collections::BTreeMap;

use offport_fingerprint::Protocol;
use offport_policy::{AllowRule, HostRule, PortRange, PortRule, Sections, Severities, Verdict};
use offport_wire::Transport;

use crate::config::elsewhere;
use crate::parse::{boolean, bytes, choice, day, list, network, one_or_list, ports, protocol, text, words};
use crate::problem::Level;
use crate::reader::{Problems, Table, Value};

const KEYS: &[&str] =
    &["home_networks", "default_ports", "large_output", "severity", "port", "host", "allow"];
const SEVERITY_KEYS: &[&str] =
    &["expected", "mismatch", "unrecognised", "imposter", "forbidden", "displaced", "unknown", "undecided"];
const PORT_KEYS: &[&str] = &["port", "transport", "expects", "tolerates", "open"];
const HOST_KEYS: &[&str] =
    &["network", "name", "role", "may_serve", "may_speak", "must_not_serve", "must_not_speak"];
const ALLOW_KEYS: &[&str] =
    &["reason", "client", "server", "port", "transport", "protocol", "verdict", "expires"];

/// Its tables with their keys.
pub(crate) const TABLES: [(&str, &[&str]); 5] = [
    ("policy", KEYS),
    ("policy.severity", SEVERITY_KEYS),
    ("policy.port", PORT_KEYS),
    ("policy.host", HOST_KEYS),
    ("policy.allow", ALLOW_KEYS),
];

pub(crate) fn read(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Sections> {
    let table = value.table(problems)?;
    table.only(KEYS, elsewhere("policy"), problems);
    let default = Sections::default();
    Some(Sections {
        home_networks: table.read("home_networks", problems, list(network)).unwrap_or(default.home_networks),
        default_ports: table.read("default_ports", problems, boolean).unwrap_or(default.default_ports),
        large_output: table.read("large_output", problems, bytes(0, 1 << 60)).unwrap_or(default.large_output),
        severity: table.read("severity", problems, severities).unwrap_or(default.severity),
        ports: table.read("port", problems, port_rules).unwrap_or_default(),
        hosts: table.read("host", problems, host_rules).unwrap_or_default(),
        allow: table.read("allow", problems, allow_rules).unwrap_or_default(),
    })
}

fn severities(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Severities> {
    let table = value.table(problems)?;
    table.only(SEVERITY_KEYS, |_| None, problems);
    let mut severities = Severities::default();
    for &verdict in Verdict::ALL {
        if let Some(severity) = table.read(verdict.name(), problems, choice) {
            severities.set(verdict, severity);
        }
    }
    Some(severities)
}

fn port_rules(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Vec<PortRule>> {
    let mut rules: Vec<PortRule> = Vec::new();
    // Where the ports of each rule stand, in step with `rules`.
    let mut places: Vec<usize> = Vec::new();
    for table in value.tables(problems)? {
        table.only(PORT_KEYS, |_| None, problems);
        let range: Option<PortRange> = table.require("port", problems, "say which: port = 8080", ports);
        let transports: Option<Vec<Transport>> =
            table.require("transport", problems, "say which: transport = \"tcp\"", one_or_list(choice));
        let remedy = "name the protocols, or write expects = [] to reserve the port for nothing";
        let expects: Option<Vec<Protocol>> = table.require("expects", problems, remedy, list(protocol));
        let tolerates = table.read("tolerates", problems, list(protocol)).unwrap_or_default();
        let open = table.read("open", problems, boolean).unwrap_or(false);
        let (Some(range), Some(transports), Some(expects)) = (range, transports, expects) else { continue };
        overlap(&table, ("expects", &expects), ("tolerates", &tolerates), problems);
        if expects.is_empty() && (open || !tolerates.is_empty()) {
            let message = "without effect: the port is reserved for nothing";
            let key = if open { "open" } else { "tolerates" };
            warn(&table, key, problems, message, "remove it, or name what the port expects");
        }
        for transport in transports {
            let same = |rule: &&PortRule| rule.transport == transport && rule.ports.overlaps(range);
            if let Some(index) = rules.iter().position(|rule| same(&rule)) {
                let first = rules.get(index).map_or(range, |rule| rule.ports);
                let (line, _) = problems.place(places.get(index).copied().unwrap_or_default());
                let name = transport.name().unwrap_or_default();
                let message = format!("port {first}/{name} already has an entry on line {line}");
                error(&table, "port", problems, &message, "join the two");
                continue;
            }
            places.push(place(&table, "port"));
            rules.push(PortRule {
                ports: range,
                transport,
                expects: expects.clone(),
                tolerates: tolerates.clone(),
                open,
            });
        }
    }
    Some(rules)
}

fn host_rules(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Vec<HostRule>> {
    let mut rules = Vec::new();
    let mut places = BTreeMap::new();
    for table in value.tables(problems)? {
        table.only(HOST_KEYS, |_| None, problems);
        let networks =
            table.require("network", problems, "say which: network = \"10.1.2.0/24\"", one_or_list(network));
        let name = table.require("name", problems, "give it a name: name = \"db-servers\"", words);
        let role = table.read("role", problems, text).unwrap_or_default();
        let protocols = |key: &str, problems: &mut Problems<'_>| table.read(key, problems, list(protocol));
        let may_serve: Option<Vec<Protocol>> = protocols("may_serve", problems);
        let may_speak = protocols("may_speak", problems);
        let must_not_serve = protocols("must_not_serve", problems).unwrap_or_default();
        let must_not_speak = protocols("must_not_speak", problems).unwrap_or_default();
        let list = |option: &Option<Vec<Protocol>>| option.clone().unwrap_or_default();
        overlap(&table, ("may_serve", &list(&may_serve)), ("must_not_serve", &must_not_serve), problems);
        overlap(&table, ("may_speak", &list(&may_speak)), ("must_not_speak", &must_not_speak), problems);
        let (Some(networks), Some(name)) = (networks, name) else { continue };
        for network in networks {
            let at = place(&table, "network");
            if let Some(&earlier) = places.get(&network) {
                let (line, _) = problems.place(earlier);
                let message = format!("{network} already has an entry on line {line}");
                error(&table, "network", problems, &message, "join the two");
                continue;
            }
            places.insert(network, at);
            rules.push(HostRule {
                network,
                name: name.clone(),
                role: role.clone(),
                may_serve: may_serve.clone(),
                may_speak: may_speak.clone(),
                must_not_serve: must_not_serve.clone(),
                must_not_speak: must_not_speak.clone(),
            });
        }
    }
    Some(rules)
}

fn allow_rules(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Vec<AllowRule>> {
    let mut rules = Vec::new();
    for table in value.tables(problems)? {
        table.only(ALLOW_KEYS, |_| None, problems);
        let remedy = "say why it is allowed: reason = \"nightly backup to the vendor\"";
        let reason = table.require("reason", problems, remedy, words);
        let client = table.read("client", problems, network);
        let server = table.read("server", problems, network);
        let ports = table.read("port", problems, ports);
        let transport = table.read("transport", problems, choice);
        let protocols = table.read("protocol", problems, one_or_list(protocol)).unwrap_or_default();
        let verdicts = table.read("verdict", problems, one_or_list(choice)).unwrap_or_default();
        let expires = table.read("expires", problems, day);
        let criteria = ["client", "server", "port", "transport", "protocol", "verdict"];
        if !criteria.iter().any(|key| table.value(key).is_some()) {
            let remedy = format!("narrow it with one or more of {}", criteria.join(", "));
            problems.add(Level::Error, table.at.start, &table.key, "allows every flow", remedy);
        }
        let Some(reason) = reason else { continue };
        let rule = AllowRule { client, server, ports, transport, protocols, verdicts, reason, expires };
        if let Some(day) = rule.expires.filter(|_| rule.is_expired(problems.now)) {
            let message = format!("expired: it held until {day} and no longer applies");
            warn(&table, "expires", problems, &message, "remove the entry, or agree on a new day");
        }
        rules.push(rule);
    }
    Some(rules)
}

/// A protocol in both of two lists that exclude one another.
fn overlap(table: &Table<'_>, a: (&str, &[Protocol]), b: (&str, &[Protocol]), problems: &mut Problems<'_>) {
    for protocol in a.1.iter().filter(|protocol| b.1.contains(protocol)) {
        let message = format!("{protocol} is in {} too", a.0);
        error(table, b.0, problems, &message, "take it out of one of the two");
    }
}

fn error(table: &Table<'_>, key: &str, problems: &mut Problems<'_>, message: &str, remedy: &str) {
    problems.add(Level::Error, place(table, key), &format!("{}.{key}", table.key), message, remedy);
}

fn warn(table: &Table<'_>, key: &str, problems: &mut Problems<'_>, message: &str, remedy: &str) {
    problems.add(Level::Warning, place(table, key), &format!("{}.{key}", table.key), message, remedy);
}

fn place(table: &Table<'_>, key: &str) -> usize {
    table.value(key).map_or(table.at.start, |value| value.at.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_a_severity_key() {
        let names: Vec<&str> = Verdict::ALL.iter().map(|verdict| verdict.name()).collect();
        assert_eq!(SEVERITY_KEYS, names);
    }
}
