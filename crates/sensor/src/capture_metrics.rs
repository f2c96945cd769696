//! What capture counts, from the NIC to the workers' rings.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use offport_capture::xdp::{PortInfo, Snapshot};

/// Help texts.
pub(crate) fn describe() {
    for (name, help) in [
        ("offport_xdp_packets_total", "Packets that reached the XDP program, by interface and queue"),
        ("offport_xdp_bytes_total", "Bytes that reached the XDP program, by interface and queue"),
        ("offport_xdp_redirected_packets_total", "Packets that the XDP program handed to a worker's socket"),
        ("offport_xdp_shunted_packets_total", "Packets of shunted flows: counted in the kernel and dropped"),
        ("offport_xdp_shunted_bytes_total", "Bytes, of frames, of shunted flows"),
        ("offport_shunt_inserts_total", "Flows entered into the shunt table"),
        ("offport_shunt_failed_total", "Flows that there was no room for in the shunt table"),
        ("offport_shunt_removed_total", "Entries of the shunt table that were freed"),
        ("offport_xdp_fragments_total", "Fragments among the packets handed on"),
        ("offport_xdp_tunnelled_packets_total", "Packets out of a tunnel among the packets handed on"),
        ("offport_xdp_unreached_packets_total", "Packets handed on whose headers lie beyond what XDP reads"),
        ("offport_socket_packets_total", "Packets handed to a worker, by interface, queue and worker"),
        ("offport_socket_bytes_total", "Bytes handed to a worker, by interface, queue and worker"),
        ("offport_fill_ring_empty_total", "Times that the kernel found a fill ring empty"),
        ("offport_nic_packets_total", "Packets that the interface counts as received"),
        ("offport_nic_dropped_total", "Losses that interface and driver count, by counter"),
        ("offport_batches_total", "Batches that a worker took; packets by batches is the batch size"),
        ("offport_wakeups_total", "Returns of a worker from sleep"),
        ("offport_spins_total", "Waits that a worker did not sleep in, because packets came soon"),
        ("offport_joined_packets_total", "Packets of several frames that were put together"),
        ("offport_sink_lines_total", "Lines written to a file, by sink"),
        ("offport_sink_lines_lost_total", "Lines that a file did not take, by sink"),
        ("offport_reloads_total", "Times that the configuration was read anew, by result"),
        ("offport_steering_moves_total", "Slots given to another worker, by what became of it"),
        ("offport_refills_postponed_total", "Times that a fill ring was in another worker's hands"),
    ] {
        describe_counter!(name, help);
    }
    for (name, help) in [
        ("offport_interface_up", "Whether the interface is there and open"),
        ("offport_link_up", "Whether the interface is open and its link is up, with a carrier"),
        ("offport_shunt_entries", "Entries of the shunt table in use"),
        ("offport_shunt_capacity", "Entries of the shunt table; 0 when flows are not shunted"),
        ("offport_steering_slots", "Slots whose new flows go to a worker"),
        ("offport_steering_slots_moving", "Slots that have flows of a former worker still"),
        ("offport_steering_pinned", "Hashes of flows that stay with the former worker of their slot"),
        ("offport_signatures", "Signatures in force"),
        ("offport_frames", "Packet memory of a queue, in frames"),
        ("offport_frames_free", "Frames in the pool: neither in a ring nor in a worker's cache"),
        (
            "offport_capture_mode_info",
            "How an interface's queue is bound: what was got, not what was asked for",
        ),
    ] {
        describe_gauge!(name, help);
    }
}

/// Publishes the counters.
pub(crate) fn publish(snapshot: &Snapshot) {
    for interface in &snapshot.interfaces {
        let name = interface.interface.as_str();
        let label = || name.to_owned();
        for (name, is_so) in
            [("offport_interface_up", interface.open), ("offport_link_up", interface.running)]
        {
            gauge!(name, "interface" => label()).set(f64::from(u8::from(is_so)));
        }
        if let Some(nic) = interface.nic {
            counter!("offport_nic_packets_total", "interface" => label()).absolute(nic.packets);
            for (kind, value) in [("errors", nic.errors), ("dropped", nic.dropped), ("fifo", nic.fifo)] {
                counter!("offport_nic_dropped_total", "interface" => label(), "counter" => kind)
                    .absolute(value);
            }
        }
        for (driver, value) in &interface.driver {
            counter!("offport_nic_dropped_total", "interface" => label(), "counter" => format!("driver:{driver}"))
                .absolute(*value);
        }
        for port in &interface.ports {
            self::port(name, port);
        }
    }
    let shunts = &snapshot.shunts;
    for (name, value) in [
        ("offport_shunt_inserts_total", shunts.inserts),
        ("offport_shunt_failed_total", shunts.failed),
        ("offport_shunt_removed_total", shunts.removed),
    ] {
        counter!(name).absolute(value);
    }
    gauge!("offport_shunt_entries").set(shunts.entries as f64);
    gauge!("offport_shunt_capacity").set(shunts.capacity as f64);
    // They are of no port's: as the interface is attached to before its sockets are there, a packet or two mostly.
    for (name, value) in [
        ("offport_xdp_packets_total", snapshot.unassigned.packets),
        ("offport_xdp_bytes_total", snapshot.unassigned.bytes),
    ] {
        counter!(name, "interface" => "none", "queue" => "none").absolute(value);
    }
    let mut refused = [("queue_unassigned", snapshot.unassigned.packets)].to_vec();
    for port in snapshot.interfaces.iter().flat_map(|interface| &interface.ports) {
        for (reason, value) in port.xdp.iter().filter(|(reason, _)| is_loss(reason)) {
            match refused.iter_mut().find(|(other, _)| *other == reason) {
                Some((_, sum)) => *sum += value,
                None => refused.push((reason, value)),
            }
        }
    }
    for (reason, value) in refused {
        counter!("offport_packets_dropped_total", "stage" => "xdp", "reason" => reason).absolute(value);
    }
    let sockets =
        || snapshot.interfaces.iter().flat_map(|interface| &interface.ports).flat_map(|port| &port.workers);
    for (reason, value) in [
        ("rx_dropped", sockets().map(|socket| socket.rx_dropped).sum()),
        ("rx_ring_full", sockets().map(|socket| socket.rx_ring_full).sum()),
        ("invalid_descriptor", sockets().map(|socket| socket.rx_invalid).sum()),
        ("oversized", snapshot.receivers.iter().map(|receiver| receiver.oversized).sum::<u64>()),
    ] {
        counter!("offport_packets_dropped_total", "stage" => "socket", "reason" => reason).absolute(value);
    }
    for (worker, receiver) in snapshot.receivers.iter().enumerate() {
        let worker = worker.to_string();
        for (name, value) in [
            ("offport_batches_total", receiver.batches),
            ("offport_wakeups_total", receiver.wakeups),
            ("offport_spins_total", receiver.spins),
            ("offport_joined_packets_total", receiver.joined),
            ("offport_refills_postponed_total", receiver.refill_postponed),
        ] {
            counter!(name, "worker" => worker.clone()).absolute(value);
        }
    }
}

/// Publishes how each (interface, queue) is bound: 1. What `was` so before and is no more is 0, since a series cannot be
/// taken back.
pub(crate) fn publish_modes(was: &[PortInfo], bound: &[PortInfo]) {
    for (ports, value) in [(was, 0.0), (bound, 1.0)] {
        for port in ports {
            gauge!("offport_capture_mode_info", "interface" => port.interface.clone(),
                "queue" => port.queue.to_string(), "mode" => port.mode.name(),
                "zero_copy" => port.zero_copy.to_string(), "huge_pages" => port.huge_pages.to_string(),
                "multi_buffer" => port.multi_buffer.to_string())
            .set(value);
        }
    }
}

/// Which of the XDP program's counters are packets that went no further.
fn is_loss(reason: &str) -> bool {
    !matches!(
        reason,
        "packets"
            | "bytes"
            | "redirected"
            | "shunted_packets"
            | "shunted_bytes"
            | "fragments"
            | "tunnelled"
            | "unreached"
    )
}

fn port(interface: &str, port: &offport_capture::xdp::PortStatistics) {
    let queue = port.queue.to_string();
    for (name, value) in [
        ("offport_xdp_packets_total", port.xdp.packets),
        ("offport_xdp_bytes_total", port.xdp.bytes),
        ("offport_xdp_redirected_packets_total", port.xdp.redirected),
        ("offport_xdp_shunted_packets_total", port.xdp.shunted_packets),
        ("offport_xdp_shunted_bytes_total", port.xdp.shunted_bytes),
        ("offport_xdp_fragments_total", port.xdp.fragments),
        ("offport_xdp_tunnelled_packets_total", port.xdp.tunnelled),
        ("offport_xdp_unreached_packets_total", port.xdp.unreached),
    ] {
        counter!(name, "interface" => interface.to_owned(), "queue" => queue.clone()).absolute(value);
    }
    for (name, value) in [("offport_frames", port.frames), ("offport_frames_free", port.frames_free)] {
        gauge!(name, "interface" => interface.to_owned(), "queue" => queue.clone()).set(value as f64);
    }
    // The ring is shared, so every worker shows the same number.
    let empty = port.workers.iter().map(|socket| socket.fill_ring_empty).max().unwrap_or(0);
    counter!("offport_fill_ring_empty_total", "interface" => interface.to_owned(), "queue" => queue.clone())
        .absolute(empty);
    for (worker, socket) in port.workers.iter().enumerate() {
        for (name, value) in
            [("offport_socket_packets_total", socket.packets), ("offport_socket_bytes_total", socket.bytes)]
        {
            counter!(name, "interface" => interface.to_owned(), "queue" => queue.clone(),
                "worker" => worker.to_string())
            .absolute(value);
        }
    }
}
