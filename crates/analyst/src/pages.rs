//! Man pages and completions, from the command line's own definition.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::output::Stdout;

/// Writes `offport.1` and one page per command into `folder`.
pub(crate) fn man(folder: &Path) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .with_context(|| format!("cannot write man pages to {}", folder.display()))?;
    Ok(Exit::Clean)
}

/// Prints the completion script for `shell`.
pub(crate) fn completions(shell: clap_complete::Shell, out: &mut Stdout) -> anyhow::Result<Exit> {
    // clap_complete panics when the writer fails: give it one that cannot.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "offport", &mut script);
    std::io::Write::write_all(out, &script).context("standard output")?;
    Ok(Exit::Clean)
}
