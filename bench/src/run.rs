//! Runs what was asked for and reports it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum as _;

use crate::cli::{Cli, Command, Generate, Part, Run};
use crate::in_memory::mix::Capture;
use crate::live::generator::{Generator, Plan, Until};
use crate::live::{cases, namespace};
use crate::parts::size::Size;
use crate::parts::{endurance, established, identification, instructions, memory, mix, new_flows, peers};
use crate::report::row::Row;
use crate::report::{machine, results, table};

/// Runs the command line.
///
/// # Errors
/// What is there to be measured could not be.
pub fn run(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        None if namespace::is_inside() => inside(&cli.run),
        None => measure(&cli.run),
        Some(Command::Generate(generate)) => self::generate(generate),
        Some(Command::Workload { workload, packets }) => {
            println!("{}", workload.run(*packets));
            Ok(())
        }
    }
}

fn measure(run: &Run) -> anyhow::Result<()> {
    let size = size(run);
    let folder = run.results.as_deref().filter(|_| !run.quick);
    let facts = machine::facts();
    let mut rows = Vec::new();
    let mut modes = Vec::new();
    for &part in Part::value_variants().iter().filter(|part| run.wants(**part)) {
        let new = match part {
            Part::Established => established::run(&size)?,
            Part::NewFlows => new_flows::run(&size)?,
            Part::Memory => memory::run(&size)?,
            Part::Mix => mix::run(&size)?,
            Part::Identification => identification::run(&size)?,
            Part::Endurance => endurance::run(&size)?,
            Part::Instructions => instructions::run(&size, folder)?,
            Part::Peers => peers::run(&size, programs(run)?)?,
            Part::Live | Part::Evidence => {
                let (rows, mode) = live(run, part)?;
                modes.push(format!("live: {mode}"));
                rows
            }
        };
        if !run.quick && run.only.len() != 1 {
            // A whole run takes a quarter of an hour: what is known is shown.
            eprintln!("{}", table::text(&new));
        }
        rows.extend(new);
    }
    println!("{}", table::text(&rows));
    if run.quick {
        nothing_is_skipped(&rows)?;
    }
    if let Some(folder) = folder {
        println!("results: {}", results::write(&rows, folder, &names(run), &facts, &modes)?.display());
    }
    Ok(())
}

/// A smoke run that skips shows nothing: only the corpora may be missing, where nobody promises them.
fn nothing_is_skipped(rows: &[Row]) -> anyhow::Result<()> {
    let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|promises| promises.contains("corpora"));
    let excused = |row: &Row| !promised && row.part == mix::PART;
    match rows.iter().find(|row| row.is_skipped() && !excused(row)) {
        Some(row) => anyhow::bail!("{}, {}: {}", row.part, row.case, row.note),
        None => Ok(()),
    }
}

/// The parts that were asked for by name.
fn names(run: &Run) -> Vec<String> {
    run.only.iter().filter_map(|part| Some(part.to_possible_value()?.get_name().to_owned())).collect()
}

fn size(run: &Run) -> Size {
    let size = if run.quick { Size::QUICK } else { Size::WHOLE };
    let [rounds, live_rounds] = [size.rounds, size.live_rounds].map(|rounds| run.rounds.unwrap_or(rounds));
    Size { rounds, live_rounds, ..size }
}

/// A live part, in a namespace of its own: this program again.
fn live(run: &Run, part: Part) -> anyhow::Result<(Vec<Row>, String)> {
    let only = if part == Part::Live { "--only=live" } else { "--only=evidence" };
    let part = "live on veth";
    if let Some(why) = namespace::obstacle() {
        return Ok((vec![Row::skipped(part, "offportd", why)], why.to_owned()));
    }
    let mut arguments = vec![only.to_owned(), "--programs".to_owned(), programs(run)?.display().to_string()];
    arguments.extend(run.rounds.map(|rounds| format!("--rounds={rounds}")));
    arguments.extend(run.case.iter().map(|case| format!("--case={case}")));
    arguments.extend(run.quick.then(|| "--quick".to_owned()));
    let output = namespace::enter(&arguments)?;
    serde_json::from_slice(&output).context("what the live part says")
}

/// Inside that namespace: rows and mode go to the parent.
fn inside(run: &Run) -> anyhow::Result<()> {
    let keeping = run.only == [Part::Evidence];
    let result = cases::run(&size(run), keeping, run.case.as_deref().unwrap_or_default(), programs(run)?)?;
    println!("{}", serde_json::to_string(&result)?);
    Ok(())
}

fn programs(run: &Run) -> anyhow::Result<&Path> {
    run.programs.as_deref().context("--programs: where the release builds of offportd and offport are")
}

fn generate(what: &Generate) -> anyhow::Result<()> {
    let capture = what.replay.as_deref().map(Capture::read).transpose()?;
    let mut generator = Generator::new(&what.interface, what.core, capture.as_ref())?;
    let Generate { flow_bits, frame, new_permille, .. } = *what;
    let plan = match capture {
        Some(_) => Plan::Replay,
        None => {
            let packets = Until::Packets(4 * (1 << flow_bits) + 1_024);
            generator.run(Plan::Open { flow_bits }, packets, what.rate)?;
            Plan::Flows { flow_bits, frame, new_permille }
        }
    };
    let sent = generator.run(plan, Until::Elapsed(Duration::from_secs_f64(what.seconds)), what.rate)?;
    let rate = sent.packets as f64 / sent.time.as_secs_f64();
    println!("{} packets in {:.3} s: {rate:.0} packets/s", sent.packets, sent.time.as_secs_f64());
    Ok(())
}
