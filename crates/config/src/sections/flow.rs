//! `[flow]`: how much is tracked, and for how long.

use std::time::Duration;

use crate::parse::{duration, integer, section as table};
use crate::section::section;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// Limits of each worker's flow table.
    Flow ("flow") {
        /// IPv4 flows of each worker.
        max_flows: u32 = 917_504, integer(1024, 1 << 28);
        /// IPv6 flows of each worker.
        max_flows_v6: u32 = 229_376, integer(1024, 1 << 28);
        /// Bytes of first payload that are kept of each direction.
        payload_bound: u16 = 512, integer(64, 512);
        /// Payload packets of both directions after which a flow is judged on what is there.
        payload_packets: u8 = 24, integer(1, 32);
        /// Time since the first payload after which a flow is judged on what is there.
        decide_after: Duration = Duration::from_secs(5), duration(Duration::from_millis(10), Duration::from_secs(60));
        /// Payload packets of one direction for which a hole in its first payload is waited out.
        gap_packets: u8 = 24, integer(1, 255);
        /// Flows whose first payload is being put together at the same time.
        max_undecided: u32 = 16_384, integer(64, 1 << 24);
        /// Flagged flows whose first payload is kept until they end.
        max_flagged: u32 = 8_192, integer(64, 1 << 24);
        /// Settled flows that have more to count than a packed entry holds.
        max_extras: u32 = 65_536, integer(64, 1 << 24);
        /// Flows of TCP at a time that are held to the rules of what they began as, and four times as many as of UDP.
        max_watched: u32 = 65_536, integer(64, 1 << 24);
        /// Distinct link addresses, tags and tunnels at the same time.
        max_paths: u16 = u16::MAX, integer(64, 65_535);
        /// When a silent flow is over.
        timeouts: Timeouts = Timeouts::default(), table::<Timeouts>;
    }
}

section! {
    /// When a silent flow is over, and how often a long one is reported.
    Timeouts ("flow.timeouts") {
        /// TCP and SCTP: handshake not complete.
        half_open: Duration = Duration::from_secs(10), duration(SECOND, DAY);
        /// TCP and SCTP: open, or closed by one side.
        established: Duration = Duration::from_secs(300), duration(SECOND, DAY);
        /// TCP and SCTP: closed by both sides or reset.
        closed: Duration = Duration::from_secs(2), duration(SECOND, DAY);
        /// UDP.
        udp: Duration = Duration::from_secs(60), duration(SECOND, DAY);
        /// ICMP and protocols without ports.
        other: Duration = Duration::from_secs(30), duration(SECOND, DAY);
        /// Between two interim records of a flow that goes on.
        active: Duration = Duration::from_secs(60), duration(SECOND, DAY);
    }
}

impl Flow {
    /// As the flow table takes it. The ports that are served come from the policy.
    pub fn table(&self) -> offport_flow::Config {
        let timeouts = &self.timeouts;
        offport_flow::Config {
            max_flows: self.max_flows,
            max_flows_v6: self.max_flows_v6,
            timeouts: offport_flow::Timeouts {
                half_open: timeouts.half_open,
                established: timeouts.established,
                closed: timeouts.closed,
                udp: timeouts.udp,
                other: timeouts.other,
                active: timeouts.active,
            },
            payload_bound: self.payload_bound,
            payload_packets: self.payload_packets,
            decide_after: self.decide_after,
            gap_packets: self.gap_packets,
            max_undecided: self.max_undecided,
            max_flagged: self.max_flagged,
            max_extras: self.max_extras,
            max_watched: self.max_watched,
            max_paths: self.max_paths,
            offer_step: 0,
            keep: offport_flow::Keep::default(),
            service_ports: offport_flow::ServicePorts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests of the engine, and captures read without a file, run with what a sensor without a file runs with.
    #[test]
    fn the_defaults_are_those_of_the_flow_table() {
        let (ours, theirs) = (Flow::default().table(), offport_flow::Config::default());
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}
