//! What is spoken, and on which ports.

use std::cmp::Reverse;

use super::tally::{FLAGGED, Flow, Map, Name, Names, Sum};

/// A protocol's flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpokenRow {
    /// `None`: not recognised, or nothing said.
    pub(crate) protocol: Option<String>,
    pub(crate) flows: u64,
    pub(crate) flagged: u64,
    pub(crate) up: u64,
    pub(crate) down: u64,
    /// Port and transport of its servers with so many flows, most first.
    pub(crate) ports: Vec<(Option<u16>, String, u64)>,
}

#[derive(Debug, Default)]
struct Part {
    flows: u64,
    flagged: u64,
    up: u64,
    down: u64,
    ports: Map<(Option<u16>, Name), u64>,
}

/// All protocols.
#[derive(Debug, Default)]
pub(crate) struct Spoken(Map<Name, Part>);

impl Sum for Spoken {
    fn add(&mut self, flow: &Flow) {
        let part = self.0.entry(flow.protocol).or_default();
        part.flows += 1;
        part.flagged += u64::from(flow.severity >= FLAGGED);
        part.up += flow.up;
        part.down += flow.down;
        *part.ports.entry((flow.port, flow.transport)).or_default() += 1;
    }

    fn merge(&mut self, other: Self) {
        for (protocol, other) in other.0 {
            let part = self.0.entry(protocol).or_default();
            part.flows += other.flows;
            part.flagged += other.flagged;
            part.up += other.up;
            part.down += other.down;
            for (port, flows) in other.ports {
                *part.ports.entry(port).or_default() += flows;
            }
        }
    }
}

impl Spoken {
    /// Those with most bytes first; at most so many ports of each.
    pub(crate) fn rows(self, ports: usize, names: &Names) -> Vec<SpokenRow> {
        let mut rows: Vec<_> =
            self.0.into_iter().map(|(protocol, part)| row(names, protocol, part, ports)).collect();
        rows.sort_by_cached_key(|row| (Reverse((row.up + row.down, row.flows)), row.protocol.clone()));
        rows
    }
}

fn row(names: &Names, protocol: Name, part: Part, most: usize) -> SpokenRow {
    let Part { flows, flagged, up, down, ports } = part;
    let mut ports: Vec<_> = ports.into_iter().collect();
    ports.sort_by_key(|&((port, transport), flows)| (Reverse(flows), port, transport));
    ports.truncate(most);
    let transport = |number| names.name(number).unwrap_or_else(|| "ip".to_owned());
    let ports = ports.into_iter().map(|((port, number), flows)| (port, transport(number), flows)).collect();
    SpokenRow { protocol: names.name(protocol), flows, flagged, up, down, ports }
}

#[cfg(test)]
mod tests {
    use offport_wire::Timestamp;

    use super::*;

    #[test]
    fn protocols_are_added_up_with_their_ports() {
        let names = Names::default();
        let (tcp, ssh) = (names.number("tcp"), names.number("ssh"));
        let flow = |protocol, port, severity, up| Flow {
            start: Timestamp::ZERO,
            end: Timestamp::ZERO,
            source: [10, 0, 0, 1].into(),
            destination: [192, 0, 2, 1].into(),
            source_port: Some(40_000),
            port: Some(port),
            transport: tcp,
            protocol,
            verdict: 0,
            severity,
            up,
            down: 0,
        };
        let (mut one, mut other) = (Spoken::default(), Spoken::default());
        one.add(&flow(ssh, 22, 0, 10));
        one.add(&flow(0, 80, 4, 1));
        other.add(&flow(ssh, 443, 4, 10));
        other.add(&flow(ssh, 22, 0, 10));
        one.merge(other);
        let rows = one.rows(1, &names);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].protocol.as_deref(), rows[0].flows, rows[0].flagged), (Some("ssh"), 3, 1));
        assert_eq!(rows[0].ports, [(Some(22), "tcp".to_owned(), 2)]);
        assert_eq!((rows[1].protocol.as_deref(), rows[1].up), (None, 1));
    }
}
