//! `offport protocols`: what can be told apart.

use std::io::Write as _;

use anyhow::Context as _;
use offport_engine::VERDICT_TRANSPORTS;
use offport_fingerprint::{Protocol, is_probed};
use offport_policy::Policy;
use serde::Serialize;

use crate::cli::Protocols;
use crate::exit::Exit;
use crate::output::Stdout;
use crate::ports::reserved;
use crate::terminal::Style;

#[derive(Serialize)]
struct Row {
    protocol: &'static str,
    /// What it is looked for on.
    transports: Vec<&'static str>,
    /// Ports that the built-in table reserves for it, as in `443/tcp`.
    ports: Vec<String>,
}

pub(crate) fn run(args: &Protocols, out: &mut Stdout) -> anyhow::Result<Exit> {
    let reserved = reserved(&Policy::default());
    let rows = Protocol::ALL.iter().map(|&protocol| Row {
        protocol: protocol.name(),
        transports: VERDICT_TRANSPORTS
            .into_iter()
            .filter(|&transport| is_probed(protocol, transport))
            .filter_map(|transport| transport.name())
            .collect(),
        ports: reserved
            .iter()
            .filter(|row| row.expects.contains(&protocol.name()))
            .map(ToString::to_string)
            .collect(),
    });
    let text = if args.names {
        rows.map(|row| format!("{}\n", row.protocol)).collect()
    } else if args.json {
        serde_json::to_string(&rows.collect::<Vec<_>>())? + "\n"
    } else {
        let rows = rows
            .map(|row| vec![row.protocol.to_owned(), row.transports.join(", "), row.ports.join(", ")])
            .collect();
        Style::detect(false).table(&["Protocol", "On", "Reserved ports"], &[1, 2], rows)
    };
    out.write_all(text.as_bytes()).context("standard output")?;
    Ok(Exit::Clean)
}
