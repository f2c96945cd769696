//! `offport explain`: why a flow got its verdict.

use crate::cli::Explain;
use crate::exit::Exit;
use crate::output::Stdout;

pub(crate) fn run(_: &Explain, _: &mut Stdout) -> anyhow::Result<Exit> {
    anyhow::bail!("not yet")
}
