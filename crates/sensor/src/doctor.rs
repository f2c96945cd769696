//! `offportd doctor`.

use std::process::ExitCode;

pub(crate) fn doctor(_interfaces: &[String], _json: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
