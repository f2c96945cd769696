//! The analyst's desk: what the store knows, one command each.

pub(crate) mod args;
mod export;
mod extract;
pub(crate) mod host;
pub(crate) mod hosts;
mod news;
pub(crate) mod overview;
pub(crate) mod pairs;
pub(crate) mod place;
pub(crate) mod row;
pub(crate) mod session;
pub(crate) mod slices;
pub(crate) mod spoken;
pub(crate) mod tally;
pub(crate) mod text;
pub(crate) mod when;

use std::io::Write as _;

use serde_json::json;

use crate::exit::Exit;
use crate::output::Stdout;
use crate::terminal::{self, Style};
use host::{HostReport, Question};
use place::Place;
use row::{Latest, Row};
use session::SessionReport;

pub(crate) use export::run as export;
pub(crate) use extract::{comment, run as extract};

pub(crate) fn hosts(args: &args::Hosts, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let place = Place::open(&args.store)?;
    let query = args.filter.query(&args.time)?;
    let time = query.time.unwrap_or_default();
    let (rows, total) = hosts::hosts(&place.flows(), &query, args.sort, args.top)?;
    if args.store.json {
        print_json(stdout, &json!({ "total": total, "hosts": rows }))?;
    } else {
        stdout.write_all(text::hosts(Style::detect(false), &rows, total, time).as_bytes())?;
    }
    Ok(Exit::Clean)
}

pub(crate) fn summary(args: &args::Summary, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let place = Place::open(&args.store)?;
    let time = args.time.range()?;
    let question = Question { host: args.host, time, compare: args.compare.0, top: args.top };
    let report = HostReport::new(&place.flows(), &place.config, question)?;
    if args.store.json {
        let mut value = serde_json::to_value(&report)?;
        value["sessions"] = report.sessions.iter().map(|row| row.id.to_string()).collect::<Vec<_>>().into();
        print_json(stdout, &value)?;
    } else {
        stdout.write_all(text::host(Style::detect(false), &report, args.top).as_bytes())?;
    }
    Ok(if report.flows == 0 { Exit::Flagged } else { Exit::Clean })
}

pub(crate) fn sessions(args: &args::Sessions, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let place = Place::open(&args.store)?;
    let query = args.filter.query(&args.time)?;
    let key: fn(&Row) -> u64 = match args.sort {
        args::SessionSort::Time => |row| row.end.as_nanos(),
        args::SessionSort::Bytes => |row| row.up + row.down,
        args::SessionSort::Duration => |row| row.end.as_nanos() - row.start.as_nanos(),
    };
    let rows = Latest { limit: args.limit, key, whole: args.store.json }.find(&place.flows(), &query)?;
    if args.store.json {
        rows.iter().try_for_each(|row| print_json(stdout, &row.document))?;
    } else if rows.is_empty() {
        stdout.write_all(b"  no such session in that time\n")?;
    } else {
        stdout.write_all(text::sessions(Style::detect(false), &rows).as_bytes())?;
    }
    Ok(Exit::Clean)
}

pub(crate) fn session(args: &args::Session, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let place = Place::open(&args.store)?;
    let Some(report) = SessionReport::new(&place, args.id, args.packets)? else {
        terminal::complain(&format!("{}: no such session in the store", args.id));
        return Ok(Exit::Flagged);
    };
    if args.store.json {
        let shown =
            |bytes: &Vec<u8>| offport_telemetry::ecs::printable(&bytes[..bytes.len().min(args.payload)]);
        let [client, server] = &report.payload;
        let value = json!({
            "flow_id": report.id.to_string(),
            "record": report.row.as_ref().map(|row| &row.document),
            "packets": report.packets,
            "packets_kept": report.kept,
            "packets_gone": report.gone,
            "payload": { "client": shown(client), "server": shown(server) },
        });
        print_json(stdout, &value)?;
    } else {
        stdout.write_all(text::session(Style::detect(false), &report, args.payload).as_bytes())?;
    }
    Ok(Exit::Clean)
}

fn print_json(stdout: &mut Stdout, value: &serde_json::Value) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *stdout, value)?;
    stdout.write_all(b"\n")?;
    Ok(())
}
