//! What the forwarders count. A sink that is off has no series.

use std::sync::atomic::Ordering;

use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::forward::{Forwarder, Reason};

pub(super) fn describe() {
    for (name, help) in [
        ("offport_forward_accepted_total", "Messages that a sink has taken charge of, by sink"),
        ("offport_forward_sent_total", "Messages that the other side has taken, by sink"),
        ("offport_forward_failed_total", "Attempts to send that failed, by sink"),
        ("offport_forward_retried_total", "Messages that were sent once more after a failure, by sink"),
        ("offport_forward_dropped_total", "Messages that were given up, by sink and reason"),
        ("offport_forward_spool_errors_total", "Writes to the spool that failed, by sink"),
    ] {
        describe_counter!(name, help);
    }
    for (name, help) in [
        ("offport_forward_waiting", "Messages that wait to be sent, by sink"),
        ("offport_forward_spooled_bytes", "Bytes of the messages that wait to be sent, by sink"),
        ("offport_forward_connected", "Whether the last attempt to send or to connect went well, by sink"),
    ] {
        describe_gauge!(name, help);
    }
}

/// Publishes what they count.
pub fn publish_forwarders<'a>(forwarders: impl IntoIterator<Item = &'a Forwarder>) {
    for forwarder in forwarders {
        let (sink, counts) = (forwarder.name(), forwarder.counts());
        for (name, count) in [
            ("offport_forward_accepted_total", &counts.accepted),
            ("offport_forward_sent_total", &counts.sent),
            ("offport_forward_failed_total", &counts.failed),
            ("offport_forward_retried_total", &counts.retried),
            ("offport_forward_spool_errors_total", &counts.spool_errors),
        ] {
            counter!(name, "sink" => sink).absolute(count.load(Ordering::Relaxed));
        }
        for reason in Reason::ALL {
            counter!("offport_forward_dropped_total", "sink" => sink, "reason" => reason.name())
                .absolute(counts.dropped_for(*reason));
        }
        for (name, value) in [
            ("offport_forward_waiting", &counts.waiting),
            ("offport_forward_spooled_bytes", &counts.spooled_bytes),
        ] {
            gauge!(name, "sink" => sink).set(value.load(Ordering::Relaxed) as f64);
        }
        let connected = counts.connected.load(Ordering::Relaxed);
        gauge!("offport_forward_connected", "sink" => sink).set(f64::from(u8::from(connected)));
    }
}
