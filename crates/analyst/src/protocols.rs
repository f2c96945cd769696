//! `offport protocols`: what can be told apart.

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::Context as _;
use offport_engine::VERDICT_TRANSPORTS;
use offport_fingerprint::{Known, Proof, Protocol, catalogue};
use offport_wire::Transport;
use serde::Serialize;

use crate::cli::Protocols;
use crate::exit::Exit;
use crate::output::Stdout;
use crate::ports::reserved;
use crate::settings::Settings;
use crate::terminal::Style;

#[derive(Serialize)]
struct Row {
    protocol: &'static str,
    /// What it is looked for on.
    transports: Vec<&'static str>,
    /// Whose first packet tells it (`neither`: another flow does); of those that can be told in two ways, of both.
    told_by: Vec<&'static str>,
    /// The strongest proof that there can be.
    proof: Option<&'static str>,
    /// Ports that are reserved for it, as in `443/tcp`.
    ports: Vec<String>,
}

fn is_told(protocol: Protocol, transport: Transport) -> bool {
    ways(protocol).any(|known| known.is_on(transport))
}

fn ways(protocol: Protocol) -> impl Iterator<Item = Known> {
    catalogue().filter(move |known| known.protocol == protocol)
}

pub(crate) fn run(args: &Protocols, out: &mut Stdout) -> anyhow::Result<Exit> {
    let settings = Settings::load(args.config.as_deref())?;
    let signatures = &settings.engine.signatures;
    let is_signed = |protocol, transport| {
        signatures
            .iter()
            .any(|(named, signature)| named == protocol && signature.transports().contains(&transport))
    };
    let reserved = reserved(&settings.policy);
    let own = Protocol::own().filter(|&own| signatures.iter().any(|(named, _)| named == own));
    let rows = Protocol::ALL.iter().copied().chain(own).map(|protocol| Row {
        protocol: protocol.name(),
        transports: VERDICT_TRANSPORTS
            .into_iter()
            .filter(|&transport| is_told(protocol, transport) || is_signed(protocol, transport))
            .filter_map(|transport| transport.name())
            .collect(),
        told_by: ways(protocol)
            .map(|known| known.sides.name())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        proof: ways(protocol).map(|known| known.strongest).max().map(Proof::name),
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
            .map(|row| {
                let proof = row.proof.unwrap_or_default().to_owned();
                vec![
                    row.protocol.to_owned(),
                    row.transports.join(", "),
                    row.told_by.join(", "),
                    proof,
                    row.ports.join(", "),
                ]
            })
            .collect();
        Style::detect(false).table(
            &["Protocol", "On", "Told by", "Proof", "Reserved ports"],
            &[1, 2, 3, 4],
            rows,
        )
    };
    out.write_all(text.as_bytes()).context("standard output")?;
    Ok(Exit::Clean)
}
