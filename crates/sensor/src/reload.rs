//! The configuration, read anew while the sensor runs: what flows are judged and identified by, and where events and records go. All of
//! it, or nothing.

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

    /// Reads the file and the signatures that it names, and has what else is needed prepared. `None`: something is wrong with them, which
    /// has been said; or there is no file. Else what is in force from now on.
    pub(crate) fn reload<T>(
        &mut self,
        in_force: &Config,
        prepare: impl FnOnce(&Config) -> anyhow::Result<T>,
    ) -> Option<(Config, T)> {
        let path = self.path.clone()?;
        let read = self.read(&path, in_force).and_then(|(rules, next)| Ok((rules, prepare(&next)?, next)));
        match read {
            Ok((rules, prepared, next)) => {
                self.rules = rules;
                self.done += 1;
                tracing::info!(
                    file = %path.display(),
                    signatures = self.rules.signatures.len(),
                    "configuration reloaded"
                );
                Some((next, prepared))
            }
            Err(error) => {
                self.refused += 1;
                for line in format!("{error:#}").lines() {
                    tracing::error!("{line}");
                }
                tracing::error!(file = %path.display(), "the configuration stays as it was");
                None
            }
        }
    }

    /// What is in force.
    pub(crate) const fn rules(&self) -> &Rules {
        &self.rules
    }

    fn read(&self, path: &Path, in_force: &Config) -> anyhow::Result<(Rules, Config)> {
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
        let next = in_force.reloaded(&config);
        let restarts = next.restarts_for(&config);
        if !restarts.is_empty() {
            tracing::warn!(
                "some changes in [{}] take a restart: those stay as they were",
                restarts.join("], [")
            );
        }
        Ok((Rules { policy: Arc::new(policy), signatures: Arc::new(signatures) }, next))
    }

    pub(crate) fn publish(&self) {
        for (result, count) in [("done", self.done), ("refused", self.refused)] {
            metrics::counter!("offport_reloads_total", "result" => result).absolute(count);
        }
        metrics::gauge!("offport_signatures").set(self.rules.signatures.len() as f64);
    }
}
