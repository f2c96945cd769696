//! A flow that does not exist, from the command line.

use anyhow::Context as _;
use offport_engine::VERDICT_TRANSPORTS;
use offport_fingerprint::{Proof, Protocol, Speaker};
use offport_policy::{Facts, Seen};
use offport_wire::Transport;

use crate::cli::Explain;
use crate::run::Misuse;
use crate::settings;

/// Any port that no service has.
const CLIENT_PORT: u16 = 50_000;

pub(super) fn facts(args: &Explain) -> anyhow::Result<Facts> {
    // clap asks for them together.
    let (port, client, server) = (args.port.as_deref(), args.client, args.server);
    let port = port.context("--port is missing")?;
    let (server_port, transport) = parse_port(port)?;
    let (client, server) = (client.context("--client is missing")?, server.context("--server is missing")?);
    if client.is_ipv4() != server.is_ipv4() {
        return Err(Misuse("--client and --server are of different address families".into()).into());
    }
    let seen = match &args.protocol {
        Some(name) => Seen::Identified(parse_protocol(name)?, Proof::Structure),
        None => Seen::NotRecognised,
    };
    Ok(Facts {
        transport,
        client,
        client_port: CLIENT_PORT,
        server,
        server_port,
        seen,
        first: Speaker::Client,
        midstream: args.midstream,
        subflow: args.subflow,
        client_payload: args.up,
        server_payload: args.down,
        time: settings::now(),
    })
}

fn parse_protocol(name: &str) -> Result<Protocol, Misuse> {
    Protocol::from_name(&name.to_ascii_lowercase())
        .ok_or_else(|| Misuse(format!("{name} is no protocol that can be told apart: see offport protocols")))
}

fn parse_port(text: &str) -> Result<(u16, Transport), Misuse> {
    let wrong = || Misuse(format!("{text} is no server port: write it as 443/tcp (or udp, sctp)"));
    let (port, name) = text.split_once('/').ok_or_else(wrong)?;
    let transport = VERDICT_TRANSPORTS.into_iter().find(|transport| transport.name() == Some(name));
    match (port.parse(), transport) {
        (Ok(port), Some(transport)) if port > 0 => Ok((port, transport)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_a_transport() {
        assert_eq!(parse_port("443/tcp").unwrap(), (443, Transport::TCP));
        assert_eq!(parse_port("53/udp").unwrap(), (53, Transport::UDP));
        for wrong in ["443", "0/tcp", "70000/tcp", "53/icmp", "/tcp", "x/udp"] {
            assert!(parse_port(wrong).is_err(), "{wrong}");
        }
    }
}
