//! Reads the configuration, and `offportd check`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::bail;
use offport_config::{Config, Files};
use offport_fingerprint::Signatures;
use offport_policy::Policy;
use offport_wire::Timestamp;

use crate::FINDING;

/// The settings of a file and the signatures that it names, or the defaults without one. Warnings are returned as text.
pub(crate) fn load(path: Option<&Path>) -> anyhow::Result<(Config, Signatures, Vec<String>)> {
    let Some(path) = path else { return Ok(Default::default()) };
    let Files { usable, problems } = Files::read(path, now())?;
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    match usable {
        Some((config, signatures)) => Ok((config, signatures, lines)),
        None => bail!("the configuration has errors:\n{}", lines.join("\n")),
    }
}

/// `offportd check`: every problem, one a line.
pub(crate) fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let files = Files::read(path, now())?;
    let mut out = std::io::stdout().lock();
    for problem in &files.problems {
        writeln!(out, "{problem}")?;
    }
    let errors = files.errors();
    let Some((config, signatures)) = files.usable else {
        writeln!(out, "{}: {errors} to correct", path.display())?;
        return Ok(ExitCode::from(FINDING));
    };
    if let Err(error) = Policy::new(&config.policy) {
        writeln!(out, "{}: [policy]: {error}", path.display())?;
        return Ok(ExitCode::from(FINDING));
    }
    if let Some(folder) = &config.fingerprint.signatures {
        writeln!(out, "{}: {} signatures, their tests passed", folder.display(), signatures.len())?;
    }
    writeln!(out, "{}: correct", path.display())?;
    Ok(ExitCode::SUCCESS)
}

/// The clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
