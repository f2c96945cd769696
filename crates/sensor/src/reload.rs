//! Signatures, read anew while the sensor runs.

use std::sync::Arc;

use offport_config::{Config, reload_signatures};

use crate::worker::Handle;

/// What came of it so far.
pub(crate) struct Reloads {
    loaded: usize,
    done: u64,
    refused: u64,
}

impl Reloads {
    /// With so many signatures from the start.
    pub(crate) fn new(loaded: usize) -> Self {
        Self { loaded, done: 0, refused: 0 }
    }

    /// Reads the folder and hands what is there to the workers; what is wrong with it is said, and they keep what they have.
    pub(crate) fn reload(&mut self, config: &Config, workers: &mut [Handle]) {
        let Some(folder) = &config.fingerprint.signatures else { return };
        match reload_signatures(folder, &config.policy) {
            Ok(signatures) => {
                let signatures = Arc::new(signatures);
                workers.iter_mut().for_each(|worker| worker.set_signatures(&signatures));
                self.loaded = signatures.len();
                self.done += 1;
                tracing::info!(folder = %folder.display(), signatures = self.loaded, "signatures reloaded");
            }
            Err(refused) => {
                self.refused += 1;
                for line in refused.to_string().lines() {
                    tracing::error!("{line}");
                }
                tracing::error!(folder = %folder.display(), signatures = self.loaded, "the signatures stay as they were");
            }
        }
    }

    pub(crate) fn publish(&self) {
        for (result, count) in [("done", self.done), ("refused", self.refused)] {
            metrics::counter!("offport_signature_reloads_total", "result" => result).absolute(count);
        }
        metrics::gauge!("offport_signatures").set(self.loaded as f64);
    }
}
