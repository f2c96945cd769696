//! From what was typed to how it ended.

use std::io;

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::output::Stdout;
use crate::{console, desk, explain, pages, ports, protocols, read, sample, terminal, watch};

/// Does what the command line says; messages go to standard error.
pub fn run(cli: Cli) -> Exit {
    match dispatch(cli.command) {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Clean,
        Err(error) => {
            terminal::complain(&format!("{error:#}"));
            if error.is::<Misuse>() { Exit::Usage } else { Exit::Failed }
        }
    }
}

/// A command line that clap takes, but that makes no sense.
#[derive(Debug)]
pub(crate) struct Misuse(pub(crate) String);

impl std::fmt::Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    let mut stdout = Stdout::new();
    let exit = match command {
        Command::Read(args) => read::run(&args, &mut stdout)?,
        Command::Hosts(args) => desk::hosts(&args, &mut stdout)?,
        Command::Summary(args) => desk::summary(&args, &mut stdout)?,
        Command::Sessions(args) => desk::sessions(&args, &mut stdout)?,
        Command::Session(args) => desk::session(&args, &mut stdout)?,
        Command::Extract(args) => desk::extract(&args, &mut stdout)?,
        Command::Export(args) => desk::export(&args, &mut stdout)?,
        Command::Watch(args) => watch::run(&args, &mut stdout)?,
        Command::Console(args) => console::run(&args, &mut stdout)?,
        Command::Explain(args) => explain::run(&args, &mut stdout)?,
        Command::Protocols(args) => protocols::run(&args, &mut stdout)?,
        Command::Ports(args) => ports::run(&args, &mut stdout)?,
        Command::Sample { file } => sample::run(&file, &mut stdout)?,
        Command::Completions { shell } => pages::completions(shell, &mut stdout)?,
        Command::Man { folder } => pages::man(&folder)?,
    };
    stdout.finish()?;
    Ok(exit)
}

/// Whoever read standard output has closed it: that is no failure, and not worth a message.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
