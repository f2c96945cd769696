//! What the workers count.

use std::fmt::Write as _;

use metrics::{counter, describe_counter, describe_gauge, gauge};
use offport_engine::{Counters, EndReason, VERDICT_TRANSPORTS};
use offport_fingerprint::{Breach, Proof, Protocol};
use offport_policy::{NetworkDirection, Verdict};
use offport_wire::Drop;

/// One worker at one moment.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSample<'a> {
    /// Its index.
    pub worker: u16,
    /// Its counters.
    pub counters: &'a Counters,
    /// Seconds that it was at work, not waiting.
    pub busy_seconds: f64,
    /// Whether it runs on a core of its own.
    pub pinned: bool,
    /// How often it began anew.
    pub restarts: u64,
    /// Records that did not fit the ring to the control thread.
    pub records_lost: u64,
    /// Events that did not fit the ring to the control thread.
    pub events_lost: u64,
    /// First payloads, to be described, that did not fit the ring to the control thread.
    pub descriptions_lost: u64,
}

pub(super) fn describe() {
    for (name, help) in [
        ("offport_packets_received_total", "Packets that a worker received"),
        ("offport_bytes_received_total", "Bytes on the wire of the packets that a worker received"),
        ("offport_packets_processed_total", "Packets that were counted to a flow"),
        (
            "offport_worker_restarts_total",
            "Times that a worker began anew, after a panic or since the clock was set back",
        ),
        ("offport_packets_taken_over_total", "Packets, as reassembled datagrams, from another worker"),
        (
            "offport_packets_handed_over_total",
            "Packets, as reassembled datagrams, that went to another worker",
        ),
        ("offport_packets_dropped_total", "Packets without effect, by stage and reason"),
        ("offport_fragments_received_total", "IP fragments"),
        ("offport_datagrams_reassembled_total", "Datagrams put together from fragments"),
        ("offport_flows_created_total", "Flows started"),
        ("offport_flows_ended_total", "Flows ended, by reason"),
        ("offport_flows_evicted_total", "Flows that made room in a full table, by what they were"),
        ("offport_flows_judged_total", "Flows that were given a verdict"),
        ("offport_flows_observed_total", "Judged flows by the protocol that they speak"),
        ("offport_flows_expected_total", "Judged flows by the protocols that their port is reserved for"),
        ("offport_verdict_bytes_total", "IP bytes of ended flows by verdict, direction and sender"),
        ("offport_identifications_total", "Identified flows by the strength of the proof"),
        ("offport_icmp_errors_total", "ICMP errors by whether they quote a tracked flow"),
        ("offport_payload_gaps_total", "Gaps in a first payload that were given up"),
        ("offport_limit_reached_total", "Times a bounded buffer was full, by buffer"),
        ("offport_records_written_total", "Flow records that workers put out"),
        ("offport_records_lost_total", "Flow records that did not fit the ring to the control thread"),
        (
            "offport_descriptions_lost_total",
            "Flows without description: their first payload did not fit the ring",
        ),
        ("offport_events_raised_total", "Events raised, by phase"),
        ("offport_events_suppressed_total", "Flagged flows that another event stands for"),
        ("offport_events_limited_total", "Events withheld by the rate limit, by phase"),
        ("offport_events_lost_total", "Events that did not fit the ring to the control thread"),
        (
            "offport_shunted_packets_total",
            "Packets that the kernel counted, and that were added to their flows",
        ),
        (
            "offport_shunted_bytes_total",
            "IP bytes that the kernel counted, and that were added to their flows",
        ),
        (
            "offport_shunted_late_packets_total",
            "Packets that the kernel counted to flows that were over already",
        ),
        (
            "offport_flows_rejudged_total",
            "Flows that were judged twice: they broke a rule, or were named late",
        ),
        ("offport_breaches_total", "Flows that broke a rule of what they began as, by rule"),
        ("offport_flows_watched_total", "Flows that were held to the rules of what they began as"),
        ("offport_watches_lost_total", "Watched flows that were given up because data was missing"),
        ("offport_data_ports_named_total", "Data ports that FTP control connections have named, by address"),
        ("offport_data_flows_total", "Flows that were named by their FTP data port"),
        (
            "offport_mptcp_subflows_total",
            "Judged flows that are subflows of Multipath TCP connections, by the option MP_JOIN",
        ),
        ("offport_flows_flagged_total", "Flows of a severity that makes an event"),
    ] {
        describe_counter!(name, help);
    }
    for (name, help) in [
        ("offport_packets_held", "Fragments that wait for the rest of their datagram"),
        ("offport_flows_active", "Flows in the table"),
        ("offport_flows_shunted", "Flows whose packets the kernel counts"),
        ("offport_buffers_in_use", "Entries of a bounded buffer in use, by buffer"),
        ("offport_events_waiting", "Flagged flows that suppression holds back until its window ends"),
        ("offport_worker_pinned", "Whether a worker runs on a core of its own"),
    ] {
        describe_gauge!(name, help);
    }
}

/// Publishes per worker what is told apart by worker, and the sums of the rest. Returns the sums.
pub(super) fn publish(workers: &[WorkerSample<'_>]) -> Option<Counters> {
    let mut total: Option<Counters> = None;
    let (mut records_lost, mut events_lost, mut descriptions_lost) = (0, 0, 0);
    for sample in workers {
        per_worker(sample);
        records_lost += sample.records_lost;
        events_lost += sample.events_lost;
        descriptions_lost += sample.descriptions_lost;
        match &mut total {
            None => total = Some(*sample.counters),
            Some(total) => *total += sample.counters,
        }
    }
    counter!("offport_records_lost_total").absolute(records_lost);
    counter!("offport_events_lost_total").absolute(events_lost);
    counter!("offport_descriptions_lost_total").absolute(descriptions_lost);
    if let Some(total) = &total {
        packets(total);
        flows(total);
        verdicts(total);
        events(total);
        limits(total);
    }
    total
}

fn per_worker(sample: &WorkerSample<'_>) {
    let worker = sample.worker.to_string();
    let counters = sample.counters;
    for (name, value) in [
        ("offport_packets_received_total", counters.received),
        ("offport_bytes_received_total", counters.received_bytes),
        ("offport_packets_processed_total", counters.processed),
        ("offport_packets_taken_over_total", counters.taken_over),
        ("offport_packets_handed_over_total", counters.handed_over),
        ("offport_worker_restarts_total", sample.restarts),
    ] {
        counter!(name, "worker" => worker.clone()).absolute(value);
    }
    gauge!("offport_packets_held", "worker" => worker.clone()).set(counters.held as f64);
    gauge!("offport_flows_active", "worker" => worker.clone()).set(counters.flow.active as f64);
    gauge!("offport_flows_shunted", "worker" => worker.clone()).set(counters.flow.shunted as f64);
    gauge!("offport_worker_pinned", "worker" => worker).set(f64::from(u8::from(sample.pinned)));
}

fn packets(total: &Counters) {
    for reason in Drop::ALL {
        counter!("offport_packets_dropped_total", "stage" => "worker", "reason" => reason.label())
            .absolute(total.dropped[reason.index()]);
    }
    for (reason, value) in [
        ("table_full", total.table_full),
        ("hand_over_full", total.hand_over_failed),
        ("restart", total.abandoned),
    ] {
        counter!("offport_packets_dropped_total", "stage" => "worker", "reason" => reason).absolute(value);
    }
    counter!("offport_fragments_received_total").absolute(total.fragments);
    counter!("offport_datagrams_reassembled_total").absolute(total.reassembled);
    counter!("offport_icmp_errors_total", "flow" => "tracked").absolute(total.flow.icmp_matched);
    counter!("offport_icmp_errors_total", "flow" => "unknown").absolute(total.flow.icmp_unmatched);
}

fn flows(total: &Counters) {
    let flow = &total.flow;
    counter!("offport_flows_created_total").absolute(flow.created);
    for (reason, value) in [
        (EndReason::Fin, flow.ended_fin),
        (EndReason::Rst, flow.ended_rst),
        (EndReason::Idle, flow.ended_idle),
        (EndReason::Evicted, flow.ended_evicted),
        (EndReason::Shutdown, flow.ended_shutdown),
    ] {
        counter!("offport_flows_ended_total", "reason" => reason.name()).absolute(value);
    }
    counter!("offport_flows_ended_total", "reason" => "lost").absolute(flow.ended_lost);
    for (class, value) in [
        ("closed", flow.evicted_closed),
        ("idle", flow.evicted_idle),
        ("half_open", flow.evicted_half_open),
        ("unanswered", flow.evicted_unanswered),
        ("open", flow.evicted_open),
    ] {
        counter!("offport_flows_evicted_total", "class" => class).absolute(value);
    }
    counter!("offport_payload_gaps_total").absolute(flow.gaps);
    counter!("offport_shunted_packets_total").absolute(flow.shunted_packets);
    counter!("offport_shunted_bytes_total").absolute(flow.shunted_bytes);
    counter!("offport_shunted_late_packets_total").absolute(flow.shunted_late);
}

fn verdicts(total: &Counters) {
    for verdict in Verdict::ALL {
        for (at, transport) in VERDICT_TRANSPORTS.iter().enumerate() {
            let transport = transport.name().unwrap_or("other");
            counter!("offport_flows_judged_total", "verdict" => verdict.name(), "transport" => transport)
                .absolute(total.verdicts[verdict.index()][at]);
        }
        for direction in NetworkDirection::ALL {
            for (sender, name) in ["client", "server"].into_iter().enumerate() {
                let value = total.verdict_bytes[verdict.index()][direction.index()][sender];
                counter!("offport_verdict_bytes_total", "verdict" => verdict.name(),
                    "network_direction" => direction.name(), "sender" => name)
                .absolute(value);
            }
        }
    }
    // A series appears with its first flow: most sites see a fraction of the protocols.
    for (name, values) in
        [("offport_flows_observed_total", &total.observed), ("offport_flows_expected_total", &total.expected)]
    {
        for (at, &value) in values.iter().enumerate().filter(|&(_, &value)| value > 0) {
            let protocol = Protocol::from_index(at).map_or("none", Protocol::name);
            counter!(name, "protocol" => protocol).absolute(value);
        }
    }
    for (proof, value) in Proof::ALL.into_iter().zip(total.proofs) {
        counter!("offport_identifications_total", "proof" => proof.name()).absolute(value);
    }
}

fn events(total: &Counters) {
    counter!("offport_records_written_total").absolute(total.records);
    counter!("offport_evidence_packets_lost_total", "reason" => "no_frame").absolute(total.keep_missed);
    counter!("offport_evidence_packets_lost_total", "reason" => "busy").absolute(total.keep_spared);
    counter!("offport_flows_rejudged_total").absolute(total.rejudged);
    for (breach, value) in Breach::ALL.iter().zip(total.breaches) {
        counter!("offport_breaches_total", "breach" => breach.name()).absolute(value);
    }
    counter!("offport_flows_watched_total").absolute(total.watched);
    counter!("offport_watches_lost_total").absolute(total.watch_lost);
    for (address, value) in ["own", "foreign"].into_iter().zip(total.data_ports) {
        counter!("offport_data_ports_named_total", "address" => address).absolute(value);
    }
    counter!("offport_data_flows_total").absolute(total.data_flows);
    counter!("offport_mptcp_subflows_total").absolute(total.mptcp_subflows);
    counter!("offport_flows_flagged_total").absolute(total.flagged);
    counter!("offport_events_raised_total", "phase" => "flagged").absolute(total.events_flagged);
    counter!("offport_events_raised_total", "phase" => "ended").absolute(total.events_ended);
    counter!("offport_events_suppressed_total").absolute(total.events_suppressed);
    counter!("offport_events_limited_total", "phase" => "flagged").absolute(total.events_limited);
    counter!("offport_events_limited_total", "phase" => "ended").absolute(total.ends_limited);
    gauge!("offport_events_waiting").set(total.events_waiting as f64);
}

fn limits(total: &Counters) {
    let flow = &total.flow;
    for (buffer, value) in [
        ("first_payload", flow.undecided_limit),
        ("flagged_payload", flow.heads_limit),
        ("flow_extras", flow.extras_limit),
        ("paths", flow.paths_limit),
        ("watched", total.watch_limit),
        ("data_ports", total.data_ports_limit),
        ("outcomes", total.outcomes_limit),
        ("suppression", total.suppress_limit),
    ] {
        counter!("offport_limit_reached_total", "buffer" => buffer).absolute(value);
    }
    for (buffer, value) in [
        ("first_payload", flow.undecided),
        ("flagged_payload", flow.heads),
        ("flow_extras", flow.extras),
        ("watched", total.watching),
        ("paths", flow.paths),
    ] {
        gauge!("offport_buffers_in_use", "buffer" => buffer).set(value as f64);
    }
}

/// Appends `offport_worker_busy_seconds_total`: the recorder's counters are whole numbers, seconds of work are not.
pub(super) fn write_busy(workers: &[WorkerSample<'_>], text: &mut String) {
    const NAME: &str = "offport_worker_busy_seconds_total";
    let _ = writeln!(text, "# HELP {NAME} Time that a worker was at work, not waiting");
    let _ = writeln!(text, "# TYPE {NAME} counter");
    for sample in workers {
        let _ = writeln!(text, "{NAME}{{worker=\"{}\"}} {:.6}", sample.worker, sample.busy_seconds);
    }
}
