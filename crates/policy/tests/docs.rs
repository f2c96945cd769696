//! `docs/verdicts.md` names every verdict and reason, and its lists are those of the code.
//!
//! `OFFPORT_BLESS=1` writes the lists anew.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use offport_fingerprint::{Breach, Protocol};
use offport_policy::{NetworkDirection, PortRule, Reason, Severities, Verdict};

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/verdicts.md")
}

#[test]
fn the_page_is_complete_and_its_lists_are_those_of_the_code() {
    let text = fs::read_to_string(page()).unwrap();
    has_rows(&text);
    let lists = [("protocols", protocols()), ("ports", ports()), ("breaches", breaches())];
    let written = lists.iter().fold(text.clone(), |text, (name, list)| replace(&text, name, list));
    if env::var_os("OFFPORT_BLESS").is_some() {
        fs::write(page(), written).unwrap();
    } else {
        assert!(written == text, "docs/verdicts.md is out of date: OFFPORT_BLESS=1 writes it");
    }
}

/// Every verdict, reason and direction has its row.
fn has_rows(text: &str) {
    for &verdict in Verdict::ALL {
        let severity = Severities::default().get(verdict).name();
        let row = text.lines().find(|line| line.starts_with(&format!("| `{}` |", verdict.name())));
        assert!(
            row.is_some_and(|row| row.ends_with(&format!("| {severity} |"))),
            "{}: {row:?}",
            verdict.name()
        );
    }
    for reason in Reason::ALL {
        assert!(text.contains(&format!("\n| `{}` |", reason.name())), "{} has no row", reason.name());
    }
    for direction in NetworkDirection::ALL {
        assert!(text.contains(&format!("| `{}` |", direction.name())), "{} has no row", direction.name());
    }
}

fn protocols() -> String {
    let names: Vec<String> = Protocol::ALL.iter().map(|protocol| format!("`{protocol}`")).collect();
    format!("{}\n", names.join(" "))
}

fn breaches() -> String {
    let row = |breach: &Breach| format!("| `{}` | {} |\n", breach.name(), breach.text());
    ["| breach | |\n|---|---|\n".to_owned()].into_iter().chain(Breach::ALL.iter().map(row)).collect()
}

fn ports() -> String {
    let mut rules: Vec<PortRule> = PortRule::built_in().collect();
    rules.sort_by_key(|rule| (rule.ports, rule.transport));
    let mut text = "| port | expects | tolerates | |\n|---|---|---|---|\n".to_owned();
    for rule in &rules {
        let list = |protocols: &[Protocol]| protocols.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
        let open = if rule.open { "open" } else { "" };
        let transport = rule.transport.name().unwrap();
        writeln!(
            text,
            "| {}/{transport} | {} | {} | {open} |",
            rule.ports,
            list(&rule.expects),
            list(&rule.tolerates)
        )
        .unwrap();
    }
    text
}

/// Puts `list` between the markers of `name`.
fn replace(text: &str, name: &str, list: &str) -> String {
    let (before, rest) = text.split_once(&format!("<!-- {name}:")).unwrap();
    let (marker, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once(&format!("<!-- end of {name} -->")).unwrap();
    format!("{before}<!-- {name}:{marker}-->\n{list}<!-- end of {name} -->{after}")
}
