//! What a worker is told at start.

use std::sync::Arc;
use std::time::Duration;

use offport_fingerprint::Signatures;
use offport_policy::Severity;
use offport_wire::fragment::Limits;

use crate::data_ports::DataPorts;
use crate::shunting::Shunting;
use crate::steering::Steering;

/// Settings of one worker.
#[derive(Clone, Debug)]
pub struct Config {
    /// Flow table and first-payload assembly.
    pub flow: offport_flow::Config,
    /// Reassembly of IP fragments.
    pub fragments: Limits,
    /// Flows of this severity and above are flagged.
    pub event_floor: Severity,
    /// Flagged flows of the same (client, server, server port, protocol) within this time of an event become
    /// one more event, at its end.
    pub suppress_window: Duration,
    /// Pairs that suppression remembers at most (1.6 KB each); the one remembered for longest makes room.
    pub suppress_entries: u32,
    /// Events per second at most.
    pub events_per_second: u32,
    /// Different verdicts, with what led to them, at the same time.
    pub max_outcomes: u16,
    /// Which flows the kernel may count; `None` where there is no kernel, as offline.
    pub shunting: Option<Shunting>,
    /// How frames are shared out among workers; `None` when there is one worker, as offline.
    pub steering: Option<Steering>,
    /// What protocols are told apart by, beside what is built in.
    pub signatures: Arc<Signatures>,
    /// The data ports of FTP, the same for all workers; `None` when there is one worker, as offline: its own.
    pub data_ports: Option<Arc<DataPorts>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            flow: offport_flow::Config::default(),
            fragments: Limits::default(),
            event_floor: Severity::Medium,
            suppress_window: Duration::from_secs(60),
            suppress_entries: 2_048,
            events_per_second: 100,
            max_outcomes: u16::MAX,
            shunting: None,
            steering: None,
            signatures: Arc::default(),
            data_ports: None,
        }
    }
}
