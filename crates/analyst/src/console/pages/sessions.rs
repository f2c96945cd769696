//! `/sessions`: flows, by any filter of the command line.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Html;
use maud::{Markup, html};
use offport_evidence::flows::FlowQuery;

use super::super::form::{self, KEYS, Pairs, address, value};
use super::super::layout::{Page, about_time, page};
use super::super::period::Period;
use super::super::problem::Problem;
use super::super::routes::Console;
use super::super::words::{sessions, shown};
use crate::desk::args::SessionSort;
use crate::desk::row::{Latest, Row};

/// Rows.
const ROWS: usize = 200;
const SORTS: [(&str, &str); 3] = [("time", "latest"), ("bytes", "largest"), ("duration", "longest")];
/// Fields of the form: key, name, example.
const FIELDS: [(&str, &str, &str); 10] = [
    ("host", "Either end", "10.0.0.0/8"),
    ("source", "Client", "10.1.2.3"),
    ("destination", "Server", "192.0.2.0/24"),
    ("port", "Port", "80,443"),
    ("transport", "Transport", "tcp"),
    ("protocol", "Protocol", "ssh, none"),
    ("verdict", "Verdict", "mismatch"),
    ("severity", "Severity", "high"),
    ("direction", "Direction", "outbound"),
    ("min_bytes", "Bytes at least", "10MB"),
];

pub(in super::super) async fn show(
    State(console): State<Arc<Console>>,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let parameters = super::parameters(&uri);
    let period = Period::new(value(&parameters, "last"), "1h").map_err(Problem::Bad)?;
    let filter = form::filter(&parameters).map_err(Problem::Bad)?;
    let key: fn(&Row) -> u64 = match form::session_sort(&parameters).map_err(Problem::Bad)? {
        SessionSort::Time => |row| row.end.as_nanos(),
        SessionSort::Bytes => |row| row.up + row.down,
        SessionSort::Duration => |row| row.end.as_nanos() - row.start.as_nanos(),
    };
    let query = FlowQuery { time: Some(period.range()), filter };
    let latest = Latest { limit: ROWS + 1, key, whole: false };
    let rows = console.desk.ask(move |place| latest.find(&place.flows(), &query)).await?;
    let main = view(&rows, &period, &parameters);
    Ok(page(
        &Page {
            title: "Sessions",
            path: "/sessions",
            period: Some(&period),
            refresh: Some(period.refresh()),
        },
        main,
    ))
}

pub(in super::super) fn view(rows: &[Row], period: &Period, parameters: &Pairs) -> Markup {
    let last = period.last.as_str();
    let sort = value(parameters, "sort").unwrap_or("time");
    let flagged = value(parameters, "flagged").is_some();
    // The same filter, another time or order.
    let with = |last: &str, sort: &str| {
        let kept = KEYS.iter().filter_map(|key| value(parameters, key).map(|value| (*key, value)));
        let flagged = flagged.then_some(("flagged", "1"));
        address("/sessions", kept.chain(flagged).chain([("last", last), ("sort", sort)]))
    };
    let set = KEYS.iter().filter(|key| value(parameters, key).is_some()).count() + usize::from(flagged);
    html! {
        h1 { "Sessions" }
        (about_time(period, |last| with(last, sort)))
        details.filter open[set > 0] {
            summary { "Filter" @if set > 0 { ": " (set) " set" } }
            form method="get" action="/sessions" role="search" {
                input type="hidden" name="last" value=(last);
                input type="hidden" name="sort" value=(sort);
                @for (key, name, example) in FIELDS {
                    label {
                        (name)
                        input name=(key) value=(shown(value(parameters, key).unwrap_or_default())) placeholder=(example)
                            autocomplete="off" spellcheck="false";
                    }
                }
                label.check { input type="checkbox" name="flagged" value="1" checked[flagged]; " Flagged only" }
                div { button { "Show" } " " a href=(address("/sessions", [("last", last)])) { "All" } }
            }
        }
        nav.sorts aria-label="Order" {
            "Order: "
            @for (key, name) in SORTS { a href=(with(last, key)) aria-current=[(key == sort).then_some("true")] { (name) } " " }
        }
        @if rows.is_empty() {
            p.quiet { "No such session in this time." }
        } @else {
            (sessions("Sessions", &rows[..rows.len().min(ROWS)], last))
            @if rows.len() > ROWS { p.quiet { "The first " (ROWS) " are shown; a filter or a shorter time leaves fewer." } }
        }
    }
}
