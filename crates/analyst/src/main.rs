//! `offport`: see the library for what it does.

use clap::Parser as _;
use offport_analyst::cli::Cli;
use offport_analyst::exit::Exit;

fn main() -> std::process::ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => offport_analyst::run(cli),
        Err(error) => Exit::of_usage(&error),
    };
    exit.into()
}
