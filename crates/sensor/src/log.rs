//! What the sensor says of itself: standard error, by `tracing`; as much as a person can read.

mod journal;
mod throttle;

use std::io::Write as _;

use anyhow::Context as _;
use offport_config::{Log, LogFormat};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

pub(crate) use throttle::Throttle;

/// Starts logging as `[log]` says; `OFFPORT_LOG` overrides the level.
pub(crate) fn start(settings: &Log) -> anyhow::Result<Throttle> {
    let level = std::env::var("OFFPORT_LOG").unwrap_or_else(|_| settings.level.clone());
    let filter = EnvFilter::try_new(&level).with_context(|| {
        format!("log.level: {level:?} is no level; \"info\" or \"info,offport_capture=debug\" are")
    })?;
    let layer = fmt::layer()
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    let layer = match settings.format {
        LogFormat::Text if journal::listens() => layer.event_format(journal::Lines::default()).boxed(),
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    let throttle = Throttle::default();
    tracing_subscriber::registry()
        .with(throttle.clone().and_then(layer).with_filter(filter))
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))?;
    Ok(throttle)
}

/// A last word on standard error, whether or not logging has started.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "offportd: {text}");
}
