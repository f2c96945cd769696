//! The configuration file, as the engine takes it offline.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use offport_config::{Config, EventFormat, Files};
use offport_engine as engine;
use offport_fingerprint::Signatures;
use offport_policy::{Policy, RuleId, Severity};
use offport_wire::Timestamp;

use crate::terminal;

/// What judges and tracks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Ports, hosts, exceptions.
    pub policy: Arc<Policy>,
    /// Limits and timeouts.
    pub engine: engine::Config,
    /// How events are written.
    pub format: EventFormat,
    /// `rule.name` by rule id.
    pub rules: Vec<String>,
}

impl Settings {
    /// Reads a configuration; without one, the defaults. Warnings are printed.
    pub fn load(path: Option<&Path>) -> anyhow::Result<Self> {
        let (config, signatures) = match path {
            None => Default::default(),
            Some(path) => read(path)?,
        };
        Self::new(&config, signatures)
    }

    fn new(config: &Config, signatures: Signatures) -> anyhow::Result<Self> {
        let policy = Policy::new(&config.policy).context("policy")?;
        let rules = (0..u16::MAX)
            .map(|id| policy.rule_name(RuleId(id)).to_owned())
            .take_while(|name| !name.is_empty())
            .collect();
        Ok(Self {
            policy: Arc::new(policy),
            engine: engine::Config { signatures: Arc::new(signatures), ..engine_config(config) },
            format: config.events.format,
            rules,
        })
    }

    /// Flows of this severity and above are flagged.
    pub fn floor(&self) -> Severity {
        self.engine.event_floor
    }
}

/// The configuration alone.
pub(crate) fn load_config(path: &Path) -> anyhow::Result<Config> {
    read(path).map(|(config, _)| config)
}

/// The clock, for what is not about packets.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn read(path: &Path) -> anyhow::Result<(Config, Signatures)> {
    let files = Files::read(path, now())?;
    for problem in &files.problems {
        terminal::complain(&problem.to_string());
    }
    let errors = files.errors();
    match files.usable {
        Some(usable) => Ok(usable),
        None => {
            bail!("{} has {errors} error{}", path.display(), if errors == 1 { "" } else { "s" })
        }
    }
}

/// As live, but for the rate of events: that protects readers from a clock, and here is none.
fn engine_config(config: &Config) -> engine::Config {
    engine::Config {
        flow: config.flow.table(),
        event_floor: config.events.min_severity,
        suppress_window: config.events.suppress,
        suppress_entries: config.events.suppress_entries,
        events_per_second: u32::MAX,
        ..engine::Config::default()
    }
}

/// The engine's tables, no larger than a capture of `packets` packets can fill. Results are the same; thousands of
/// small captures are read without reserving the memory of a sensor for each.
pub(crate) fn fitted(config: &engine::Config, packets: u64) -> engine::Config {
    let most = u32::try_from(packets).unwrap_or(u32::MAX).max(MIN_ENTRIES);
    let mut fitted = config.clone();
    let flow = &mut fitted.flow;
    for limit in [
        &mut flow.max_flows,
        &mut flow.max_flows_v6,
        &mut flow.max_undecided,
        &mut flow.max_flagged,
        &mut flow.max_extras,
        &mut flow.max_watched,
        &mut fitted.suppress_entries,
    ] {
        *limit = (*limit).min(most);
    }
    flow.max_paths = flow.max_paths.min(u16::try_from(most).unwrap_or(u16::MAX));
    fitted
}

const MIN_ENTRIES: u32 = 64;
