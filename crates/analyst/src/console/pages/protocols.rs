//! `/protocols`: what is spoken, and where.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Html;
use maud::{Markup, html};
use offport_evidence::flows::FlowQuery;
use offport_telemetry::human::bytes;

use super::super::form::{self, address, value};
use super::super::layout::{Page, about_time, page};
use super::super::period::Period;
use super::super::problem::Problem;
use super::super::routes::Console;
use super::super::words::{alarm, port_of, shown, table};
use crate::desk::spoken::{Spoken, SpokenRow};
use crate::desk::tally::{self, Names};
use crate::number::{counted, grouped, share};

/// Ports of each.
const PORTS: usize = 6;

pub(in super::super) async fn show(
    State(console): State<Arc<Console>>,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let parameters = super::parameters(&uri);
    let period = Period::new(value(&parameters, "last"), "1h").map_err(Problem::Bad)?;
    let filter = form::filter(&parameters).map_err(Problem::Bad)?;
    let query = FlowQuery { time: Some(period.range()), filter };
    let rows = console.desk.ask(move |place| {
        let names = Names::default();
        Ok(tally::sum(&place.flows(), &query, &names, Spoken::default)?.rows(PORTS, &names))
    });
    let main = view(&rows.await?, &period);
    Ok(page(
        &Page {
            title: "Protocols",
            path: "/protocols",
            period: Some(&period),
            refresh: Some(period.refresh()),
        },
        main,
    ))
}

pub(in super::super) fn view(rows: &[SpokenRow], period: &Period) -> Markup {
    let last = period.last.as_str();
    let all: u64 = rows.iter().map(|row| row.up + row.down).sum();
    let named = rows.iter().filter(|row| row.protocol.is_some()).count() as u64;
    html! {
        h1 { (counted(named, "protocol")) }
        (about_time(period, |last| address("/protocols", [("last", last)])))
        @if rows.is_empty() { p.quiet { "No flow in this time." } } @else {
            (table("Protocols", html! {
                thead { tr {
                    th scope="col" { "Protocol" }
                    th.n scope="col" { "Flows" }
                    th.n scope="col" { "Flagged" }
                    th.n scope="col" { "Up" }
                    th.n scope="col" { "Down" }
                    th.n scope="col" { "Of all bytes" }
                    th scope="col" { "Ports, by flows" }
                } }
                tbody {
                    @for row in rows {
                        @let name = row.protocol.as_deref().unwrap_or("none");
                        tr {
                            td { a href=(address("/sessions", [("protocol", name), ("last", last)])) {
                                @match &row.protocol { Some(name) => (shown(name)), None => "not recognised, or nothing said" }
                            } }
                            td.n { (grouped(row.flows)) }
                            td.n {
                                @let flagged = [("protocol", name), ("flagged", "1"), ("last", last)];
                                @if row.flagged > 0 { a href=(address("/sessions", flagged)) { (alarm(row.flagged)) } }
                                @else { (alarm(0)) }
                            }
                            td.n { (bytes(row.up)) }
                            td.n { (bytes(row.down)) }
                            td.n { (share(row.up + row.down, all)) }
                            td {
                                @for (at, (port, transport, flows)) in row.ports.iter().enumerate() {
                                    @if at > 0 { ", " }
                                    @let number = port.map(|port| port.to_string()).unwrap_or_default();
                                    @let there = [("port", number.as_str()), ("transport", transport.as_str()), ("last", last)];
                                    a href=(address("/sessions", [("protocol", name)].into_iter().chain(there))) {
                                        (port_of(*port, transport))
                                    }
                                    span.quiet { " " (grouped(*flows)) }
                                }
                            }
                        }
                    }
                }
            }))
        }
    }
}
