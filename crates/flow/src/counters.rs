//! What the flow table counts.

/// Plain numbers of one tracker; gauges say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Flows that were started.
    pub created: u64,
    /// Flows in the tables now (gauge).
    pub active: u64,
    /// Flows that ended because both sides closed them.
    pub ended_fin: u64,
    /// Flows that ended by a reset.
    pub ended_rst: u64,
    /// Flows that ended by the idle timeout.
    pub ended_idle: u64,
    /// Flows that ended because the table was full.
    pub ended_evicted: u64,
    /// Flows that ended with the tracker.
    pub ended_shutdown: u64,
    /// Flows that were lost with the tracker: a panic left it unusable.
    pub ended_lost: u64,
    /// Interim reports.
    pub interim: u64,
    /// Room was made by ending a closed or reset flow before its time.
    pub evicted_closed: u64,
    /// Room was made by ending an idle flow.
    pub evicted_idle: u64,
    /// Room was made by ending a half-open flow.
    pub evicted_half_open: u64,
    /// Room was made by ending a flow that was never answered.
    pub evicted_unanswered: u64,
    /// Room was made by ending an open flow: the one that had been silent for longest.
    pub evicted_open: u64,
    /// Packets whose new flow was refused: the table was full of flagged flows.
    pub refused: u64,
    /// ICMP errors that quote a tracked flow.
    pub icmp_matched: u64,
    /// ICMP errors that quote none.
    pub icmp_unmatched: u64,
    /// Flows whose first payload is being assembled (gauge).
    pub undecided: u64,
    /// Flows that were settled early because all assembly buffers were in use.
    pub undecided_limit: u64,
    /// Flagged flows whose first payload is kept (gauge).
    pub heads: u64,
    /// Flagged flows whose first payload could not be kept until their end.
    pub heads_limit: u64,
    /// Side entries in use (gauge).
    pub extras: u64,
    /// Counts that were lost or are too low because no side entry was left.
    pub extras_limit: u64,
    /// Distinct paths in use (gauge).
    pub paths: u64,
    /// Flows whose path could not be kept.
    pub paths_limit: u64,
    /// Gaps in a first payload that were given up.
    pub gaps: u64,
    /// Flows that the kernel counts (gauge).
    pub shunted: u64,
    /// Packets that the kernel counted, and that were added to their flows.
    pub shunted_packets: u64,
    /// Bytes (IP total length) that the kernel counted, and that were added to their flows.
    pub shunted_bytes: u64,
    /// Packets that the kernel counted to a flow when that was over already.
    pub shunted_late: u64,
}

impl std::ops::AddAssign<&Self> for Counters {
    /// Sums over trackers, gauges too.
    fn add_assign(&mut self, other: &Self) {
        // Named one by one, so that a new counter cannot be forgotten here.
        let Self {
            created,
            active,
            ended_fin,
            ended_rst,
            ended_idle,
            ended_evicted,
            ended_shutdown,
            ended_lost,
            interim,
            evicted_closed,
            evicted_idle,
            evicted_half_open,
            evicted_unanswered,
            evicted_open,
            refused,
            icmp_matched,
            icmp_unmatched,
            undecided,
            undecided_limit,
            heads,
            heads_limit,
            extras,
            extras_limit,
            paths,
            paths_limit,
            gaps,
            shunted,
            shunted_packets,
            shunted_bytes,
            shunted_late,
        } = self;
        *created += other.created;
        *active += other.active;
        *ended_fin += other.ended_fin;
        *ended_rst += other.ended_rst;
        *ended_idle += other.ended_idle;
        *ended_evicted += other.ended_evicted;
        *ended_shutdown += other.ended_shutdown;
        *ended_lost += other.ended_lost;
        *interim += other.interim;
        *evicted_closed += other.evicted_closed;
        *evicted_idle += other.evicted_idle;
        *evicted_half_open += other.evicted_half_open;
        *evicted_unanswered += other.evicted_unanswered;
        *evicted_open += other.evicted_open;
        *refused += other.refused;
        *icmp_matched += other.icmp_matched;
        *icmp_unmatched += other.icmp_unmatched;
        *undecided += other.undecided;
        *undecided_limit += other.undecided_limit;
        *heads += other.heads;
        *heads_limit += other.heads_limit;
        *extras += other.extras;
        *extras_limit += other.extras_limit;
        *paths += other.paths;
        *paths_limit += other.paths_limit;
        *gaps += other.gaps;
        *shunted += other.shunted;
        *shunted_packets += other.shunted_packets;
        *shunted_bytes += other.shunted_bytes;
        *shunted_late += other.shunted_late;
    }
}
