//! `offport ports`: what ports are reserved for.

use std::fmt;
use std::io::Write as _;

use anyhow::Context as _;
use offport_engine::VERDICT_TRANSPORTS;
use offport_policy::Policy;
use serde::Serialize;

use crate::cli::Ports;
use crate::exit::Exit;
use crate::output::Stdout;
use crate::settings::Settings;
use crate::terminal::Style;

/// Ports next to one another that are reserved for the same; `Display` is `443/tcp` or `6881-6889/tcp`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reserved {
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) transport: &'static str,
    pub(crate) expects: Vec<&'static str>,
}

impl fmt::Display for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, transport, .. } = self;
        if first == last { write!(f, "{first}/{transport}") } else { write!(f, "{first}-{last}/{transport}") }
    }
}

pub(crate) fn run(args: &Ports, out: &mut Stdout) -> anyhow::Result<Exit> {
    let reserved = reserved(&Settings::load(args.config.as_deref())?.policy);
    let text = if args.json {
        serde_json::to_string(&reserved)? + "\n"
    } else {
        let rows = reserved.iter().map(|row| vec![row.to_string(), row.expects.join(", ")]).collect();
        Style::detect(false).table(&["Port", "Reserved for"], &[1], rows)
    };
    out.write_all(text.as_bytes()).context("standard output")?;
    Ok(Exit::Clean)
}

/// The effective table in the order of ports.
pub(crate) fn reserved(policy: &Policy) -> Vec<Reserved> {
    let mut table: Vec<Reserved> = Vec::new();
    for transport in VERDICT_TRANSPORTS {
        let name = transport.name().unwrap_or("ip");
        for port in 1..=u16::MAX {
            let expects: Vec<_> =
                policy.expected(transport, port).iter().map(|protocol| protocol.name()).collect();
            if expects.is_empty() {
                continue;
            }
            match table.last_mut() {
                Some(row) if row.transport == name && row.last + 1 == port && row.expects == expects => {
                    row.last = port;
                }
                _ => table.push(Reserved { first: port, last: port, transport: name, expects }),
            }
        }
    }
    table.sort_by_key(|row| (row.first, row.transport));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_next_to_one_another_are_one_row() {
        let table = reserved(&Policy::default());
        assert!(table.iter().any(|row| row.to_string() == "443/tcp" && row.expects.contains(&"tls")));
        let covered: usize = table.iter().map(|row| usize::from(row.last - row.first) + 1).sum();
        assert!(covered >= table.len());
    }
}
