//! `offportd doctor`: what machine and interfaces can do, as a table or as JSON lines.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use offport_capture::xdp::doctor::{Finding, Health, examine_interface, examine_machine};

use crate::FINDING;

/// Examines and prints. The exit code says whether something does not work.
pub(crate) fn doctor(interfaces: &[String], json: bool) -> anyhow::Result<ExitCode> {
    let mut sections = vec![("this machine".to_owned(), examine_machine())];
    for name in interfaces {
        sections.push((name.clone(), examine_interface(name)));
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
