//! What happened in a time, at a glance: verdicts over time, and who was flagged with whom.

use offport_evidence::flows::{Filter, FlowQuery, FlowStore};
use offport_wire::Timestamp;

use super::pairs::{Flagged, Pair, Pairs};
use super::row::{Latest, Row};
use super::slices::Slices;
use super::tally::{self, Names};

/// What the store says.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    pub(crate) slices: Slices,
    /// The worst first.
    pub(crate) pairs: Vec<(Pair, Flagged)>,
    pub(crate) pairs_total: usize,
}

impl Overview {
    /// Of a time, in so many slices, with so many pairs.
    pub(crate) fn new(
        store: &FlowStore,
        range: (Timestamp, Timestamp),
        slices: usize,
        pairs: usize,
    ) -> anyhow::Result<Self> {
        let query = FlowQuery { time: Some(range), filter: Filter::default() };
        let names = Names::default();
        let nothing = || (Slices::new(range, slices), Pairs::default());
        let (slices, sums) = tally::sum(store, &query, &names, nothing)?;
        let (pairs, pairs_total) = sums.top(pairs, &names);
        Ok(Self { slices: slices.named(&names), pairs, pairs_total })
    }
}

/// The latest sessions that were flagged.
pub(crate) fn latest_flagged(
    store: &FlowStore,
    range: (Timestamp, Timestamp),
    limit: usize,
) -> anyhow::Result<Vec<Row>> {
    let severities = vec!["medium".to_owned(), "high".to_owned()];
    let query = FlowQuery { time: Some(range), filter: Filter { severities, ..Filter::default() } };
    Latest { limit, key: |row| row.end.as_nanos(), whole: false }.find(store, &query)
}
