//! `offport`: reads captures offline, explains verdicts, shows what the sensor's store knows, in a terminal and in a browser.
//!
//! The command line has two layers: [`cli`] is what was typed, each command's own module makes of it what it means.
//! Exit codes are [`exit::Exit`], the JSON of `offport read --json` is [`summary::Document`]: contracts, both.

pub mod cli;
pub mod exit;
pub mod read;
pub mod sample;
pub mod summary;

mod console;
mod desk;
mod explain;
mod live;
mod number;
mod output;
mod pages;
mod ports;
mod protocols;
mod run;
mod settings;
mod terminal;
mod watch;

#[doc(hidden)]
pub use console::fuzz;
pub use run::run;
