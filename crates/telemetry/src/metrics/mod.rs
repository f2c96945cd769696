//! Prometheus metrics: every name, its help and its labels.
//!
//! Workers count in plain numbers; the control thread hands their sums to [`Metrics`] a few times a second. Labels
//! are bounded: protocol, verdict, reason, stage, interface, queue, worker. Addresses appear in one family only,
//! `offport_flagged_pair`, which is capped and expires.

mod engine;
#[cfg(feature = "forward")]
mod forward;
mod histogram;
mod pairs;

use std::fmt::Write as _;
use std::sync::Arc;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

pub use engine::WorkerSample;
#[cfg(feature = "forward")]
pub use forward::publish_forwarders;
pub use pairs::FlaggedPairs;

use crate::http::Board;

/// The publisher. It belongs to the control thread.
#[derive(Debug)]
pub struct Metrics {
    prometheus: PrometheusHandle,
    process: metrics_process::Collector,
    /// Text of the families that the recorder cannot hold: the histogram counted by workers, their
    /// seconds of work, the flagged pairs.
    text: String,
}

impl Metrics {
    /// Installs the process-wide recorder. Call it once.
    ///
    /// # Errors
    /// Another recorder is installed already.
    pub fn install() -> Result<Self, String> {
        let prometheus = PrometheusBuilder::new().install_recorder().map_err(|error| error.to_string())?;
        let process = metrics_process::Collector::default();
        process.describe();
        engine::describe();
        #[cfg(feature = "forward")]
        forward::describe();
        metrics::gauge!("offport_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        metrics::describe_gauge!("offport_build_info", "Always 1; the label is the version");
        Ok(Self { prometheus, process, text: String::new() })
    }

    /// What a scrape renders.
    pub fn handle(&self) -> PrometheusHandle {
        self.prometheus.clone()
    }

    /// Publishes the workers' counters, the flagged pairs and the process's own use of the machine.
    pub fn publish(&mut self, workers: &[WorkerSample<'_>], pairs: &FlaggedPairs, board: &Arc<Board>) {
        let total = engine::publish(workers);
        self.process.collect();
        self.text.clear();
        if let Some(total) = total {
            histogram::write(&total, &mut self.text);
        }
        engine::write_busy(workers, &mut self.text);
        pairs.write(&mut self.text);
        board.set_text(&self.text);
        self.prometheus.run_upkeep();
    }
}

/// A label value in the text format: backslash, quote and line feed escaped.
fn label(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => {
                let _ = text.write_char(other);
            }
        }
    }
}
