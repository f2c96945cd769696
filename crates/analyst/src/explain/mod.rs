//! `offport explain`: why a flow got its verdict.
//!
//! Either a flow of a capture, which is read again through the same engine, or a flow that does not exist. The steps
//! are those of [`offport_policy::Policy::explain`]: the very code that judges says them.

mod document;
mod find;
mod hypothesis;
mod text;
mod words;

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use crate::cli::Explain;
use crate::exit::Exit;
use crate::output::Stdout;
use crate::run::Misuse;
use crate::settings::Settings;
use crate::terminal::{self, Style};
use document::Document;

pub(crate) fn run(args: &Explain, out: &mut Stdout) -> anyhow::Result<Exit> {
    let settings = Settings::load(args.config.as_deref())?;
    let document = match (&args.file, &args.flow_id) {
        (Some(file), Some(flow_id)) => match of_capture(file, flow_id, &settings)? {
            Some(document) => document,
            None => {
                let message = format!(
                    "{}: no flow {flow_id} in it: its id depends on its first packet",
                    file.display()
                );
                terminal::complain(&message);
                return Ok(Exit::Flagged);
            }
        },
        _ => Document::of_facts(&hypothesis::facts(args)?, &settings),
    };
    let text = if args.json {
        serde_json::to_string(&document)? + "\n"
    } else {
        document.text(Style::detect(false))
    };
    out.write_all(text.as_bytes()).context("standard output")?;
    Ok(Exit::Clean)
}

fn of_capture(file: &Path, flow_id: &str, settings: &Settings) -> anyhow::Result<Option<Document>> {
    let (found, report) = find::find(file, flow_id, settings)?;
    for complaint in report.complaints() {
        terminal::complain(&complaint);
    }
    if report.counts.delivered == 0
        && let Some(error) = report.error
    {
        return Err(error.into());
    }
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(Document::of_flow(one, file, settings)?)),
        several => {
            let ids: Vec<_> = several.iter().take(5).map(|found| found.flow_id.as_str()).collect();
            Err(Misuse(format!("{flow_id} is not enough of a flow id: {} …", ids.join(", "))).into())
        }
    }
}
