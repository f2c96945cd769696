//! Sums of counters over workers.

use crate::counters::Counters;

impl std::ops::AddAssign<&Self> for Counters {
    /// Sums over workers, gauges too.
    fn add_assign(&mut self, other: &Self) {
        // Named one by one, so that a new counter cannot be forgotten here.
        let Self {
            received,
            received_bytes,
            taken_over,
            processed,
            dropped,
            table_full,
            abandoned,
            held,
            fragments,
            reassembled,
            handed_over,
            hand_over_failed,
            verdicts,
            verdict_bytes,
            observed,
            expected,
            proofs,
            decided_after,
            decided_after_sum,
            rejudged,
            breaches,
            watched,
            watching,
            watch_lost,
            watch_limit,
            data_ports,
            data_ports_limit,
            data_flows,
            mptcp_subflows,
            outcomes_limit,
            flagged,
            events_flagged,
            events_ended,
            events_suppressed,
            events_limited,
            ends_limited,
            events_waiting,
            suppress_limit,
            keep_missed,
            keep_spared,
            records,
            flow,
        } = self;
        *received += other.received;
        *received_bytes += other.received_bytes;
        *taken_over += other.taken_over;
        *processed += other.processed;
        add(dropped, &other.dropped);
        *table_full += other.table_full;
        *abandoned += other.abandoned;
        *held += other.held;
        *fragments += other.fragments;
        *reassembled += other.reassembled;
        *handed_over += other.handed_over;
        *hand_over_failed += other.hand_over_failed;
        add(verdicts.as_flattened_mut(), other.verdicts.as_flattened());
        add(
            verdict_bytes.as_flattened_mut().as_flattened_mut(),
            other.verdict_bytes.as_flattened().as_flattened(),
        );
        add(observed, &other.observed);
        add(expected, &other.expected);
        add(proofs, &other.proofs);
        add(decided_after, &other.decided_after);
        *decided_after_sum += other.decided_after_sum;
        *rejudged += other.rejudged;
        add(breaches, &other.breaches);
        *watched += other.watched;
        *watching += other.watching;
        *watch_lost += other.watch_lost;
        *watch_limit += other.watch_limit;
        add(data_ports, &other.data_ports);
        *data_ports_limit += other.data_ports_limit;
        *data_flows += other.data_flows;
        *mptcp_subflows += other.mptcp_subflows;
        *outcomes_limit += other.outcomes_limit;
        *flagged += other.flagged;
        *events_flagged += other.events_flagged;
        *events_ended += other.events_ended;
        *events_suppressed += other.events_suppressed;
        *events_limited += other.events_limited;
        *ends_limited += other.ends_limited;
        *events_waiting += other.events_waiting;
        *suppress_limit += other.suppress_limit;
        *keep_missed += other.keep_missed;
        *keep_spared += other.keep_spared;
        *records += other.records;
        *flow += &other.flow;
    }
}

fn add(sum: &mut [u64], other: &[u64]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_balanced() {
        let mut sum = Counters { received: 3, processed: 1, held: 1, ..Counters::default() };
        sum.dropped[2] = 1;
        sum.verdicts[1][0] = 4;
        let other = sum;
        sum += &other;
        assert_eq!((sum.received, sum.dropped[2], sum.verdicts[1][0]), (6, 2, 8));
        assert!(sum.is_balanced());
    }
}
