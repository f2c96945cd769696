//! What the sensor says of itself: standard error, by `tracing`.

use std::io::Write as _;

use anyhow::Context as _;
use offport_config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging as `[log]` says; `OFFPORT_LOG` overrides the level.
pub(crate) fn start(settings: &Log) -> anyhow::Result<()> {
    let level = std::env::var("OFFPORT_LOG").unwrap_or_else(|_| settings.level.clone());
    let filter = EnvFilter::try_new(&level).with_context(|| {
        format!("log.level: {level:?} is no level; \"info\" or \"info,offport_capture=debug\" are")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    let result = match settings.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    result.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}

/// A last word on standard error, whether or not logging has started.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "offportd: {text}");
}
