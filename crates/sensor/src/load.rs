//! Reads the configuration, and `offportd check`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use offport_config::{Checked, Config, Level};
use offport_policy::Policy;
use offport_wire::Timestamp;

use crate::FINDING;

/// The settings of a file, or the defaults without one. Warnings are returned as text.
pub(crate) fn load(path: Option<&Path>) -> anyhow::Result<(Config, Vec<String>)> {
    let Some(path) = path else { return Ok((Config::default(), Vec::new())) };
    let Checked { config, problems } = read(path)?;
    let lines: Vec<String> = problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect();
    match config {
        Some(config) => Ok((config, lines)),
        None => bail!("the configuration has errors:\n{}", lines.join("\n")),
    }
}

/// `offportd check`: every problem, one a line.
pub(crate) fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let Checked { config, problems } = read(path)?;
    let mut out = std::io::stdout().lock();
    for problem in &problems {
        writeln!(out, "{}:{problem}", path.display())?;
    }
    let errors = problems.iter().filter(|problem| problem.level == Level::Error).count();
    let Some(config) = config else {
        writeln!(out, "{}: {errors} to correct", path.display())?;
        return Ok(ExitCode::from(FINDING));
    };
    if let Err(error) = Policy::new(&config.policy) {
        writeln!(out, "{}: [policy]: {error}", path.display())?;
        return Ok(ExitCode::from(FINDING));
    }
    writeln!(out, "{}: correct", path.display())?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<Checked> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: the configuration cannot be read", path.display()))?;
    Ok(Config::check(&text, now()))
}

/// The clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
