//! Who was flagged with whom.

use std::cmp::Reverse;
use std::net::IpAddr;

use offport_wire::Timestamp;

use super::tally::{FLAGGED, Flow, Map, Name, Names, Sum};

/// Client, server, the server's port and transport, what is spoken, and the verdict. While they are added up, the last three are
/// numbers of names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair<N = Option<String>> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) port: Option<u16>,
    pub(crate) transport: N,
    pub(crate) protocol: N,
    pub(crate) verdict: N,
}

/// Its flagged flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Flagged {
    pub(crate) flows: u64,
    /// See [`super::tally::rank`].
    pub(crate) worst: u8,
    pub(crate) up: u64,
    pub(crate) down: u64,
    pub(crate) last: Timestamp,
}

/// All flagged pairs.
#[derive(Debug, Default)]
pub(crate) struct Pairs(Map<Pair<Name>, Flagged>);

impl Sum for Pairs {
    fn add(&mut self, flow: &Flow) {
        if flow.severity < FLAGGED {
            return;
        }
        let pair = Pair {
            source: flow.source,
            destination: flow.destination,
            port: flow.port,
            transport: flow.transport,
            protocol: flow.protocol,
            verdict: flow.verdict,
        };
        self.0.entry(pair).or_default().add(Flagged {
            flows: 1,
            worst: flow.severity,
            up: flow.up,
            down: flow.down,
            last: flow.end,
        });
    }

    fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(pair, flagged)| self.0.entry(pair).or_default().add(flagged));
    }
}

impl Flagged {
    fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.worst = self.worst.max(other.worst);
        self.up += other.up;
        self.down += other.down;
        self.last = self.last.max(other.last);
    }
}

impl Pairs {
    /// The worst first, then those with most flows and bytes; and how many there are.
    pub(crate) fn top(self, most: usize, names: &Names) -> (Vec<(Pair, Flagged)>, usize) {
        let total = self.0.len();
        let mut pairs: Vec<_> = self.0.into_iter().collect();
        pairs.sort_by_key(|(pair, flagged)| {
            let weight = (flagged.worst, flagged.flows, flagged.up + flagged.down);
            (Reverse(weight), pair.source, pair.destination, pair.port, pair.protocol, pair.verdict)
        });
        pairs.truncate(most);
        (pairs.into_iter().map(|(pair, flagged)| (pair.named(names), flagged)).collect(), total)
    }
}

impl Pair<Name> {
    fn named(self, names: &Names) -> Pair {
        let Self { source, destination, port, transport, protocol, verdict } = self;
        let [transport, protocol, verdict] = [transport, protocol, verdict].map(|number| names.name(number));
        Pair { source, destination, port, transport, protocol, verdict }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(host: u8, severity: u8, up: u64) -> Flow {
        Flow {
            start: Timestamp::ZERO,
            end: Timestamp::from_nanos(up),
            source: [10, 0, 0, host].into(),
            destination: [192, 0, 2, 1].into(),
            source_port: Some(40_000),
            port: Some(80),
            transport: 1,
            protocol: 0,
            verdict: 2,
            severity,
            up,
            down: 1,
        }
    }

    #[test]
    fn the_worst_stand_first_and_what_is_not_flagged_nowhere() {
        let (mut one, mut other) = (Pairs::default(), Pairs::default());
        for flow in [flow(1, 3, 900), flow(1, 3, 100), flow(3, 2, 5_000)] {
            one.add(&flow);
        }
        for flow in [flow(1, 3, 7), flow(2, 4, 10)] {
            other.add(&flow);
        }
        one.merge(other);
        let (pairs, total) = one.top(10, &Names::default());
        let shown: Vec<_> = pairs
            .iter()
            .map(|(pair, flagged)| {
                (pair.source.to_string(), flagged.flows, flagged.up, flagged.last.as_nanos())
            })
            .collect();
        assert_eq!(total, 2);
        assert_eq!(shown, [("10.0.0.2".to_owned(), 1, 10, 10), ("10.0.0.1".to_owned(), 3, 1_007, 900)]);
    }
}
