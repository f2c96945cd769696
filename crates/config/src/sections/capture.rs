//! `[capture]`: where packets come from.

use std::time::Duration;

use crate::choice::choice;
use crate::parse::{boolean, choice, duration, integer, interface, list};
use crate::section::section;

choice! {
    /// How the XDP program is attached.
    XdpMode ("an attach mode") {
        /// In the driver if it can, in the stack otherwise.
        Auto = "auto",
        /// In the driver, or not at all.
        Native = "native",
        /// In the stack, after the kernel has built its packet buffer: works everywhere, slowly.
        Generic = "generic",
    }
}

choice! {
    /// How much something is wanted.
    Want ("a wish") {
        /// If it can be had; what was had is reported.
        Auto = "auto",
        /// Not getting it is an error.
        Require = "require",
        /// Not even if it can be had.
        Off = "off",
    }
}

choice! {
    /// Who chooses the worker of a packet.
    Steering ("a way of steering") {
        /// The XDP program, by a symmetric hash of the innermost 5-tuple.
        Flow = "flow",
        /// The network card: each worker reads its own queue.
        Rss = "rss",
    }
}

choice! {
    /// What the XDP program does with a frame that it cannot steer.
    OtherFrames ("an action") {
        /// Counts and drops it.
        Drop = "drop",
        /// Counts it and gives it to the host's network stack.
        Pass = "pass",
        /// Gives it to a worker, which counts it by what is wrong with it.
        Worker = "worker",
    }
}

choice! {
    /// What the XDP program does with a frame whose queue has no socket.
    NoSocket ("an action") {
        /// Counts and drops it.
        Drop = "drop",
        /// Counts it and gives it to the host's network stack.
        Pass = "pass",
    }
}

choice! {
    /// Frames longer than one buffer.
    MultiBuffer ("a choice") {
        /// Taken when the interface's MTU needs it.
        Auto = "auto",
        /// Taken.
        On = "on",
        /// Dropped by the kernel, and counted there.
        Off = "off",
    }
}

section! {
    /// Where packets come from, and how.
    Capture ("capture") {
        /// Interfaces to watch; the command line's `-i` replaces them.
        interfaces: Vec<String> = Vec::new(), list(interface);
        /// Workers, one core each; 0: one per queue, at most one per core.
        workers: u16 = 0, integer(0, 256);
        /// The core of each worker; empty: chosen near the interface.
        cores: Vec<u16> = Vec::new(), list(integer(0, 4095));
        /// How the XDP program is attached.
        mode: XdpMode = XdpMode::Auto, choice;
        /// Whether the driver writes straight into the sensor's frames.
        zero_copy: Want = Want::Auto, choice;
        /// Who chooses the worker of a packet.
        steering: Steering = Steering::Flow, choice;
        /// Whether an overloaded worker gives new flows to another one.
        rebalance: bool = true, boolean;
        /// From how much of its time at work on, in percent, a worker is overloaded.
        rebalance_above: u8 = 80, integer(1, 100);
        /// Flows that may stay with their worker while others of their kind go to another one.
        rebalance_flows: u32 = 65_536, integer(64, 1 << 22);
        /// Whether the interface takes frames that are not addressed to it.
        promiscuous: bool = true, boolean;
        /// Frames longer than one buffer.
        multi_buffer: MultiBuffer = MultiBuffer::Auto, choice;
        /// Whether the frames lie in huge pages.
        huge_pages: Want = Want::Auto, choice;
        /// Bytes per frame: 2048 or 4096.
        frame_size: u32 = 4096, frame_size;
        /// Frames of each queue; 0: a full fill ring and two full receive rings.
        frames: u32 = 0, integer(0, 1 << 24);
        /// Descriptors of the receive ring of each worker on each queue.
        rx_ring: u32 = 2048, ring;
        /// Descriptors of the fill ring of each queue.
        fill_ring: u32 = 4096, ring;
        /// Packets that a worker takes at a time.
        batch: u32 = 64, integer(1, 256);
        /// How long a worker looks for packets before it sleeps, when the last ones came that fast; 0: not at all.
        spin: Duration = Duration::from_micros(50), duration(Duration::ZERO, Duration::from_millis(10));
        /// Whether workers poll the driver instead of waiting for interrupts.
        busy_poll: bool = false, boolean;
        /// Packets of one busy poll.
        busy_poll_budget: u16 = 64, integer(1, 1024);
        /// How long one busy poll lasts.
        busy_poll_time: Duration = Duration::from_micros(20),
            duration(Duration::from_micros(1), Duration::from_millis(10));
        /// Frames that hold no IP: ARP, LLDP, STP.
        not_ip: OtherFrames = OtherFrames::Pass, choice;
        /// Frames whose headers are impossible.
        malformed: OtherFrames = OtherFrames::Worker, choice;
        /// Frames that arrive while no worker listens on their queue.
        no_socket: NoSocket = NoSocket::Drop, choice;
    }
}

/// The kernel takes a power of two (`xsk_init_queue`).
fn ring(value: &crate::reader::Value<'_>, problems: &mut crate::reader::Problems<'_>) -> Option<u32> {
    let size: u32 = integer(64, 1 << 16)(value, problems)?;
    if size.is_power_of_two() {
        return Some(size);
    }
    let remedy = format!("take {} or {}", size.next_power_of_two() / 2, size.next_power_of_two());
    value.wrong(problems, format!("{size} is not a power of two"), remedy)
}

/// Aligned chunks are powers of two from 2048 to the page (`xdp_umem_reg`).
fn frame_size(value: &crate::reader::Value<'_>, problems: &mut crate::reader::Problems<'_>) -> Option<u32> {
    match integer(2048, 4096)(value, problems)? {
        size @ (2048 | 4096) => Some(size),
        size => value.wrong(problems, format!("{size} is no frame size"), "take 2048 or 4096"),
    }
}
