//! `offportd`: the sensor.

mod absence;
mod balance;
mod capture_metrics;
mod cli;
mod cores;
mod doctor;
mod drain;
mod forwarding;
mod load;
mod log;
mod outlet;
mod pages;
mod pressure;
mod reload;
mod run;
mod sandbox;
mod settings;
mod sinks;
mod store;
mod supervisor;
mod worker;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::cli::{Cli, Command};

/// A finding: a problem in the configuration, a check of the doctor that failed.
const FINDING: u8 = 1;
/// The sensor could not start, or had to stop.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(arguments) => run::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Check { config } => load::check(&config),
        Command::Doctor { interfaces, json } => doctor::doctor(&interfaces, json),
        Command::Completions { shell } => {
            pages::completions(shell, Cli::command(), &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { folder } => pages::man_pages(Cli::command(), &folder)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|error| anyhow::anyhow!("{}: {error}", folder.display())),
    };
    result.unwrap_or_else(|error| {
        log::complain(&format!("{error:#}"));
        ExitCode::from(FAILED)
    })
}
