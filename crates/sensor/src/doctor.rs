//! `offportd doctor`: what machine and interfaces can do, as a table or as JSON lines.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use offport_capture::xdp;
use offport_capture::xdp::doctor::{Finding, Health, examine_interface, examine_machine};

use crate::FINDING;
use crate::cores::Topology;

/// Columns that a table takes at the least.
const NARROWEST: u16 = 80;

/// Examines and prints. The exit code says whether something does not work.
pub(crate) fn doctor(interfaces: &[String], json: bool) -> anyhow::Result<ExitCode> {
    let mut sections = vec![("this machine".to_owned(), examine_machine())];
    for name in interfaces {
        sections.push((name.clone(), examine_interface(name)));
    }
    if !interfaces.is_empty() {
        sections.push(("layout".to_owned(), vec![layout(interfaces)]));
    }
    let mut out = std::io::stdout().lock();
    for (subject, findings) in &sections {
        if json {
            for finding in findings {
                writeln!(out, "{}", as_json(subject, finding))?;
            }
        } else {
            writeln!(out, "{subject}\n{}\n", table(findings))?;
        }
    }
    let worst = sections.iter().flat_map(|(_, findings)| findings).map(|finding| finding.health).max();
    Ok(if worst == Some(Health::Bad) { ExitCode::from(FINDING) } else { ExitCode::SUCCESS })
}

/// Workers and cores for these interfaces: what `offportd run` does on its own if the file does not say.
fn layout(interfaces: &[String]) -> Finding {
    let usable: Vec<_> =
        core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|id| id.id).collect();
    let nodes = interfaces.iter().filter_map(|name| xdp::numa_node(name)).collect();
    let topology = Topology::read(&usable);
    let queues: u32 = interfaces.iter().map(|name| xdp::receive_queues(name)).sum();
    let workers = topology.workers(&nodes);
    let mut cores = topology.order(&nodes);
    cores.truncate(workers);
    let nodes = match nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ") {
        nodes if nodes.is_empty() => String::new(),
        nodes => format!(" on NUMA node {nodes}, where the cards are"),
    };
    Finding {
        check: "workers",
        health: Health::Good,
        detail: format!("{workers} cores of their own{nodes}, core 0 left to the system; {queues} queues"),
        remedy: Some(format!("capture.workers = {workers}, capture.cores = {cores:?}")),
    }
}

fn as_json(subject: &str, finding: &Finding) -> serde_json::Value {
    let mut value = serde_json::json!({
        "subject": subject,
        "check": finding.check,
        "health": finding.health.name(),
        "detail": finding.detail,
    });
    if let Some(remedy) = &finding.remedy {
        value["remedy"] = remedy.as_str().into();
    }
    value
}

fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if !colours {
        table.force_no_tty();
    }
    // A terminal that does not know how wide it is says 0: apt's, where a package is being installed.
    if colours && table.width().is_some_and(|width| width < NARROWEST) {
        table.set_width(NARROWEST);
    }
    for finding in findings {
        let colour = match finding.health {
            Health::Good => Color::Green,
            Health::Warning => Color::Yellow,
            Health::Bad => Color::Red,
        };
        let mut health = Cell::new(finding.health.name());
        if colours {
            health = health.fg(colour);
        }
        let detail = match &finding.remedy {
            Some(remedy) => format!("{}\n→ {remedy}", finding.detail),
            None => finding.detail.clone(),
        };
        table.add_row(vec![Cell::new(finding.check), health, Cell::new(detail)]);
    }
    table
}
