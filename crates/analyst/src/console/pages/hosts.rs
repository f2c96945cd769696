//! `/hosts`: who is flagged, who is busiest.

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
use super::super::words::{alarm, host, severity, shown, table, time};
use crate::desk::hosts::{HostRow, hosts};
use crate::number::{counted, grouped};

/// Rows.
const ROWS: usize = 200;
const SORTS: [(&str, &str); 4] =
    [("flagged", "flagged"), ("bytes", "bytes"), ("out", "sent"), ("flows", "flows")];

pub(in super::super) async fn show(
    State(console): State<Arc<Console>>,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let parameters = super::parameters(&uri);
    let period = Period::new(value(&parameters, "last"), "1h").map_err(Problem::Bad)?;
    let filter = form::filter(&parameters).map_err(Problem::Bad)?;
    let order = form::host_sort(&parameters).map_err(Problem::Bad)?;
    let query = FlowQuery { time: Some(period.range()), filter };
    let (rows, total) = console.desk.ask(move |place| hosts(&place.flows(), &query, order, ROWS)).await?;
    let sort = value(&parameters, "sort").unwrap_or("flagged");
    let network = value(&parameters, "host").unwrap_or_default();
    let main = view(&rows, total, &period, sort, network);
    Ok(page(
        &Page { title: "Hosts", path: "/hosts", period: Some(&period), refresh: Some(period.refresh()) },
        main,
    ))
}

fn view(rows: &[HostRow], total: usize, period: &Period, sort: &str, network: &str) -> Markup {
    let last = period.last.as_str();
    html! {
        h1 { (counted(total as u64, "host")) }
        (about_time(period, |last| address("/hosts", [("last", last), ("sort", sort), ("host", network)])))
        form.bar method="get" action="/hosts" role="search" {
            input type="hidden" name="last" value=(last);
            input type="hidden" name="sort" value=(sort);
            label {
                "Address or network "
                input name="host" value=(shown(network)) placeholder="10.0.0.0/8" autocomplete="off" spellcheck="false";
            }
            button { "Show" }
        }
        nav.sorts aria-label="Order" {
            "Order: "
            @for (key, name) in SORTS {
                @let ordered = address("/hosts", [("last", last), ("sort", key), ("host", network)]);
                a href=(ordered) aria-current=[(key == sort).then_some("true")] { (name) } " "
            }
        }
        @if rows.is_empty() {
            p.quiet { "No flow in this time." }
        } @else {
            (table("Hosts", html! {
                thead { tr {
                    th scope="col" { "Host" }
                    th.n scope="col" { "Flagged" }
                    th scope="col" { "Worst" }
                    th.n scope="col" { "Flows" }
                    th.n scope="col" { "Out" }
                    th.n scope="col" { "In" }
                    th scope="col" { "Last seen (UTC)" }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            td { (host(row.host, last)) }
                            td.n { (alarm(row.flagged)) }
                            td { (severity(row.worst.as_deref())) }
                            td.n { (grouped(row.flows)) }
                            td.n { (bytes(row.bytes_out)) }
                            td.n { (bytes(row.bytes_in)) }
                            td { (time(row.last_seen)) }
                        }
                    }
                }
            }))
            @if total > rows.len() { p.quiet { "The first " (rows.len()) " are shown." } }
        }
    }
}
