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
    let mut rows: Vec<_> = pairs.iter().map(|pair| Vec::from(pair_cells(pair))).collect();
    if total > pairs.len() {
        rows.push(vec![format!("({} more)", total - pairs.len())]);
    }
    text.push_str(&style.table(&PAIR_HEADER, &[1, 2, 3, 4, 5, 9], rows));
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
    ["Client", "Server", "Port", "Speaks", "Verdict", "Severity", "Flows", "Up", "Down", "Last seen"];

pub(super) fn pair_cells((pair, flagged): &(Pair, Flagged)) -> [String; 10] {
    [
        pair.source.to_string(),
        pair.destination.to_string(),
        service(pair.port, pair.transport.as_deref().unwrap_or("ip")),
        clean(pair.protocol.as_deref().unwrap_or("(nothing known)")),
        clean(pair.verdict.as_deref().unwrap_or("–")),
        of_rank(flagged.worst).unwrap_or_default(),
        grouped(flagged.flows),
        bytes(flagged.up),
        bytes(flagged.down),
        // Of the day: the date is that of the moment or the day before.
        date_time(flagged.last).split(' ').next_back().unwrap_or_default().to_owned(),
    ]
}
