//! `offport sample`.

use crate::exit::Exit;
use crate::output::Stdout;
use std::path::Path;

pub(crate) fn run(_: &Path, _: &mut Stdout) -> anyhow::Result<Exit> {
    anyhow::bail!("not yet")
}
