//! `offport read`: captures through the engine.

mod capture;
mod collector;
mod names;
mod progress;

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Context as _;
use offport_config::EventFormat;

pub use crate::settings::Settings;
pub use capture::{FileReport, Listener, read_capture};

use crate::cli::{Format, Read};
use crate::exit::Exit;
use crate::output::{Stdout, Target};
use crate::run::Misuse;
use crate::summary::Tally;
use crate::terminal::{self, Style};
use collector::{Collector, Lines};
use progress::Bar;

/// Reads every capture, writes what was asked for, ends with the summary.
pub(crate) fn run(args: &Read, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let names = names::all(args)?;
    let mut settings = Settings::load(args.config.as_deref())?;
    match args.format {
        Some(Format::Ecs) => settings.format = EventFormat::Ecs,
        Some(Format::Eve) => settings.format = EventFormat::Eve,
        None => {}
    }
    let summary = Show::of(args)?;
    let mut lines = Lines {
        flows: args.flows.as_deref().map(Target::open).transpose()?,
        events: args.events.as_deref().map(Target::open).transpose()?,
    };
    // On a terminal the summary names what could not be read; once is enough.
    let named = summary == Show::Text && (lines.take_stdout() || std::io::stdout().is_terminal());
    let mut tally = Tally::new(settings.floor());
    let bar = Bar::over(&names, args.quiet);
    for name in &names {
        let mut collector = Collector::new(&settings, name, &mut lines, &mut tally, stdout);
        let report = read_capture(name, &settings, &mut collector, |progress| bar.follow(progress))?;
        if !named {
            for complaint in report.complaints() {
                bar.suspend(|| terminal::complain(&complaint));
            }
        }
        tally.file(report);
    }
    bar.finish();
    lines.flush(stdout)?;

    let exit = tally.exit();
    let document = tally.into_document(args.top);
    match summary {
        Show::Nothing => {}
        Show::Json => document.write_json(stdout).context("standard output")?,
        Show::Text if lines.take_stdout() => {
            terminal::to_stderr(&document.text(Style::detect(true), args.top)).context("standard error")?;
        }
        Show::Text => {
            let text = document.text(Style::detect(false), args.top);
            std::io::Write::write_all(stdout, text.as_bytes()).context("standard output")?;
        }
    }
    Ok(exit)
}

/// The summary that was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    Nothing,
    Json,
    Text,
}

impl Show {
    fn of(args: &Read) -> anyhow::Result<Self> {
        let taken = [&args.flows, &args.events].into_iter().flatten().any(|path| path == Path::new("-"));
        match (args.quiet, args.json) {
            (true, _) => Ok(Self::Nothing),
            (false, true) if taken => {
                let what =
                    "--json and JSON lines cannot share standard output: give --flows or --events a file";
                Err(Misuse(what.into()).into())
            }
            (false, true) => Ok(Self::Json),
            (false, false) => Ok(Self::Text),
        }
    }
}
