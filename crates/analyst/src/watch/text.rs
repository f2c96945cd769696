//! A moment as plain text.

use std::fmt::Write as _;

use offport_telemetry::human::bytes;

use super::moment::{Moment, VerdictRow};
use crate::desk::pairs::{Flagged, Pair};
use crate::desk::tally::of_rank;
use crate::desk::text::service;
use crate::number::{counted, date_time, grouped, short, span};
use crate::terminal::{Style, clean};

pub(super) fn text(style: Style, moment: &Moment) -> String {
    let sensor = moment.sensor();
    let headline = clean(&sensor.headline());
    let headline = if sensor.is_unwell() { style.paint("33", &headline) } else { headline };
    let mut text = format!("{} UTC\n  {headline}\n", style.heading(&date_time(moment.time)));
    if let Err(why) = &moment.store {
        let _ = writeln!(text, "  {}", style.paint("31", &clean(why)));
    }
    let last = format!("Last {}", span(moment.last));
    let rows: Vec<_> = moment.verdicts().iter().map(|row| Vec::from(verdict_cells(row))).collect();
    if rows.is_empty() {
        let _ = writeln!(text, "\n  no flow in the last {}", span(moment.last));
        return text;
    }
    let _ = write!(text, "\n{}", style.table(&["Verdict", "Per s", &last, "Flagged", "Bytes"], &[], rows));
    let (pairs, total) = (moment.pairs(), moment.pairs_total());
    if pairs.is_empty() {
        let _ = writeln!(text, "\n  nothing was flagged in the last {}", span(moment.last));
        return text;
    }
    let _ = writeln!(text, "\n{}", style.heading(&counted(total as u64, "flagged pair")));
    let mut rows: Vec<_> = pairs
        .iter()
        .map(|pair| {
            // A line of its own for each end where both are too wide: an address is never cut.
            let [client, server, port, speaks, verdict, _, flows, up, down, last] = pair_cells(pair);
            vec![verdict, format!("{client} > {server}"), port, speaks, flows, up, down, last]
        })
        .collect();
    if total > pairs.len() {
        rows.push(vec![format!("({} more)", total - pairs.len())]);
    }
    let header = ["Verdict", "Client > server", "Port", "Speaks", "Flows", "Up", "Down", "Last"];
    text.push_str(&style.table(&header, &[1, 2, 3, 7], rows));
    text
}

pub(super) fn verdict_cells(row: &VerdictRow) -> [String; 5] {
    [
        clean(&row.verdict.replace('_', " ")),
        row.per_second.map_or_else(|| "–".to_owned(), short),
        grouped(row.flows),
        grouped(row.flagged),
        bytes(row.bytes),
    ]
}

pub(super) const PAIR_HEADER: [&str; 10] =
    ["Client", "Server", "Port", "Speaks", "Verdict", "Severity", "Flows", "Up", "Down", "Last"];

pub(super) fn pair_cells((pair, flagged): &(Pair, Flagged)) -> [String; 10] {
    [
        pair.source.to_string(),
        pair.destination.to_string(),
        service(pair.port, pair.transport.as_deref().unwrap_or("ip")),
        clean(pair.protocol.as_deref().unwrap_or("-")),
        clean(pair.verdict.as_deref().unwrap_or("–")),
        of_rank(flagged.worst).unwrap_or_default(),
        grouped(flagged.flows),
        bytes(flagged.up),
        bytes(flagged.down),
        // Of the day: the date is that of the moment or the day before.
        date_time(flagged.last).split(' ').next_back().unwrap_or_default().to_owned(),
    ]
}
