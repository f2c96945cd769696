//! The benchmark's program; `bench/run` builds and starts it.

use std::process::ExitCode;

use clap::Parser as _;
use offport_bench::cli::Cli;
use offport_bench::run::run;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
