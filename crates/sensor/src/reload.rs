//! The configuration, read anew while the sensor runs: what flows are judged and identified by. All of it, or nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use offport_config::{Config, Files};
use offport_fingerprint::Signatures;
use offport_policy::Policy;

use crate::cli::Run;
use crate::load;

/// What flows are judged and identified by.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub policy: Arc<Policy>,
    pub signatures: Arc<Signatures>,
}

/// What is in force, and what came of reading it anew.
pub(crate) struct Reloads {
    path: Option<PathBuf>,
    /// From the command line; empty: those of the file.
    interfaces: Vec<String>,
    rules: Rules,
    done: u64,
    refused: u64,
}

impl Reloads {
    /// With what is in force from the start.
    pub(crate) fn new(arguments: &Run, rules: Rules) -> Self {
        let Run { config: path, interfaces, .. } = arguments;
        Self { path: path.clone(), interfaces: interfaces.clone(), rules, done: 0, refused: 0 }
    }

    /// Reads the file and the signatures that it names. `None`: something is wrong with them, which has been said; or there is no file.
    pub(crate) fn reload(&mut self, in_force: &Config) -> Option<&Rules> {
        let path = self.path.clone()?;
        match self.read(&path, in_force) {
            Ok(rules) => {
                self.rules = rules;
                self.done += 1;
                tracing::info!(
                    file = %path.display(),
                    signatures = self.rules.signatures.len(),
                    "policy and signatures reloaded"
                );
                Some(&self.rules)
            }
            Err(error) => {
                self.refused += 1;
                for line in format!("{error:#}").lines() {
                    tracing::error!("{line}");
                }
                tracing::error!(file = %path.display(), "policy and signatures stay as they were");
                None
            }
        }
    }

    fn read(&self, path: &Path, in_force: &Config) -> anyhow::Result<Rules> {
        let Files { usable, problems } = Files::read_again(path, load::now())?;
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let Some((mut config, signatures)) = usable else { bail!("{}", lines.join("\n")) };
        let policy = self.rules.policy.successor(&config.policy);
        let policy = policy
            .context("[policy], with the rules since the start: a restart forgets those that are gone")?;
        for warning in lines {
            tracing::warn!("{warning}");
        }
        if !self.interfaces.is_empty() {
            config.capture.interfaces.clone_from(&self.interfaces);
        }
        let restarts = in_force.restarts_for(&config);
        if !restarts.is_empty() {
            tracing::warn!("changes in [{}] take a restart: they stay as they were", restarts.join("], ["));
        }
        Ok(Rules { policy: Arc::new(policy), signatures: Arc::new(signatures) })
    }

    pub(crate) fn publish(&self) {
        for (result, count) in [("done", self.done), ("refused", self.refused)] {
            metrics::counter!("offport_reloads_total", "result" => result).absolute(count);
        }
        metrics::gauge!("offport_signatures").set(self.rules.signatures.len() as f64);
    }
}
