//! What can be told apart, and how: for people.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::identify::transports;
use crate::name::Protocol;
pub use crate::probe::Sides;
use crate::probe::{Probe, Transports};
use crate::protocols::PROBES;

/// One way to tell a protocol; some have two.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What it is called.
    pub protocol: Protocol,
    /// Whose first packet tells it.
    pub sides: Sides,
    /// The strongest proof that there can be.
    pub strongest: Proof,
    transports: Transports,
}

impl Known {
    /// Whether it is looked for on `transport`.
    pub fn is_on(&self, transport: Transport) -> bool {
        transports(transport).is_some_and(|transport| self.transports.contains(transport))
    }
}

/// What no probe tells: an FTP control connection names its data ports ([`crate::DataPort`]).
const NAMED: Known = Known {
    protocol: Protocol::FtpData,
    sides: Sides::Neither,
    strongest: Proof::Banner,
    transports: Transports::TCP,
};

/// Every protocol that can be told, in the order in which they are asked about.
pub fn catalogue() -> impl Iterator<Item = Known> {
    let probed = PROBES.iter().map(|probe| {
        let &Probe { protocol, transports, sides, strongest, .. } = probe;
        Known { protocol, sides, strongest, transports }
    });
    probed.chain([NAMED])
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::{env, fs};

    use super::*;

    const TRANSPORTS: [(Transport, &str); 3] =
        [(Transport::TCP, "TCP"), (Transport::UDP, "UDP"), (Transport::SCTP, "SCTP")];

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocols")
    }

    /// The files of the probes, in their order, and of what is named.
    fn files() -> Vec<String> {
        let table = fs::read_to_string(folder().join("mod.rs")).unwrap();
        let probes = table.lines().filter_map(|line| line.trim().strip_suffix("::PROBE,"));
        probes.chain(["../watch/data_port"]).map(str::to_owned).collect()
    }

    /// The first comment of a file: its first line, and the rest.
    fn comment(file: &str) -> (String, String) {
        let text = fs::read_to_string(folder().join(file).with_extension("rs")).unwrap();
        let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let paragraphs: Vec<String> = lines
            .collect::<Vec<_>>()
            .split(|line| line.is_empty())
            .filter(|paragraph| !paragraph.is_empty())
            .map(|paragraph| paragraph.join(" ").replace('|', "\\|"))
            .collect();
        let [what, rest @ ..] = &paragraphs[..] else { panic!("{file} says nothing of itself") };
        (what.clone(), rest.join(" "))
    }

    #[test]
    fn the_page_is_that_of_the_code() {
        let mut rows = Vec::new();
        for (known, file) in catalogue().zip(files()) {
            let (what, how) = comment(&file);
            assert!(!how.is_empty(), "{file} does not say what proves it");
            let on: Vec<_> = TRANSPORTS
                .iter()
                .filter(|(transport, _)| known.is_on(*transport))
                .map(|(_, name)| *name)
                .collect();
            let (sides, packets) = (known.sides.name(), known.sides.packets());
            let (name, on, proof) = (known.protocol.name(), on.join(", "), known.strongest.name());
            rows.push(format!("| `{name}` | {on} | {sides} | {packets} | {proof} | {what} {how} |\n"));
        }
        assert_eq!(rows.len(), catalogue().count());
        rows.sort();
        let mut page = format!(
            "# Protocols\n\n\
            {} protocols are told apart, all but one by the first payload of a flow. This page is written from the code, from what the\n\
            probes say of themselves (`crates/fingerprint/src/protocols`); `offport protocols` shows the list with the ports\n\
            that are reserved for each.\n\n\
            - **told by**: the side whose first packet is enough; `both`: one side's words explain the other's; `neither`: another\n\
              flow tells it. A capture that has one side only, or begins midstream, is judged by what there is.\n\
            - **packets**: payload packets at the least. A message that is cut into more takes as many as it is cut into.\n\
            - **proof**: the strongest there can be. `structure`: lengths, counts and types that agree through the message;\n\
              `banner`: a magic or a command that the specification fixes; `heuristic`: plausible, and other protocols could\n\
              look alike: such a name makes no flow `expected` on a reserved port, nor a `mismatch` of high severity.\n\n\
            | name | on | told by | packets | proof | what it is, where that is said, what proves it |\n|---|---|---|---|---|---|\n",
            Protocol::ALL.len()
        );
        rows.iter().for_each(|row| page.write_str(row).unwrap());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocols.md");
        if env::var_os("OFFPORT_BLESS").is_some() {
            fs::write(path, page).unwrap();
        } else {
            let written = fs::read_to_string(path).unwrap_or_default();
            assert!(written == page, "docs/protocols.md is out of date: OFFPORT_BLESS=1 writes it");
        }
    }

    #[test]
    fn every_name_is_told_by_something() {
        for &protocol in Protocol::ALL {
            assert!(catalogue().any(|known| known.protocol == protocol), "{protocol}");
        }
    }
}
