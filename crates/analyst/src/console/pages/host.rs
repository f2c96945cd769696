//! `/host/{ip}`: what a host serves and uses, with whom, and what is new.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Html;
use maud::{Markup, html};
use offport_evidence::flows::{Filter, FlowQuery};
use offport_telemetry::human::bytes;
use offport_wire::Timestamp;

use super::super::form::{address, value};
use super::super::layout::{Page, about_time, page};
use super::super::period::Period;
use super::super::problem::Problem;
use super::super::routes::Console;
use super::super::words::{alarm, host, number, port_of, sessions, severity, shown, table, tile, time};
use super::overview::{by_verdict, verdicts};
use crate::desk::host::{HostReport, Inventory, Peer, Question, Service};
use crate::desk::slices::Slices;
use crate::desk::tally::{self, Names};
use crate::number::grouped;

/// Rows of peers and sessions.
const ROWS: usize = 25;
/// What is new is told by comparing with so much time before.
const COMPARE: Duration = Duration::from_secs(7 * 86_400);

pub(in super::super) async fn show(
    State(console): State<Arc<Console>>,
    Path(ip): Path<String>,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let host: IpAddr = ip.parse().map_err(|_| Problem::Bad(format!("{ip}: no address of a host")))?;
    let host = host.to_canonical();
    let parameters = super::parameters(&uri);
    let period = Period::new(value(&parameters, "last"), "1d").map_err(Problem::Bad)?;
    let time = period.range();
    let (report, slices) = console
        .desk
        .ask(move |place| {
            let store = place.flows();
            let report =
                HostReport::new(&store, &place.config, Question { host, time, compare: COMPARE, top: ROWS })?;
            let filter = Filter { hosts: vec![host.into()], ..Filter::default() };
            let (query, names) = (FlowQuery { time: Some(time), filter }, Names::default());
            let slices = tally::sum(&store, &query, &names, || Slices::new(time, 60))?.named(&names);
            Ok((report, slices))
        })
        .await?;
    let title = format!("Host {host}");
    let main = view(&report, &slices, &period);
    Ok(page(
        &Page { title: &title, path: "/hosts", period: Some(&period), refresh: Some(period.refresh()) },
        main,
    ))
}

pub(in super::super) fn view(report: &HostReport, slices: &Slices, period: &Period) -> Markup {
    let last = period.last.as_str();
    let ip = report.host.to_string();
    let compared = report.compared_from > Timestamp::ZERO;
    html! {
        h1 { (ip) }
        @if let Some(inventory) = &report.inventory { (of_inventory(inventory)) }
        (about_time(period, |last| address(&format!("/host/{ip}"), [("last", last)])))
        @if report.flows == 0 {
            p { "No flow of it in this time." }
        } @else {
            dl.tiles {
                (tile("Flagged flows", alarm(report.flagged),
                    html! { a href=(address("/sessions", [("host", ip.as_str()), ("flagged", "1"), ("last", last)])) { "sessions" } }))
                (tile("Flows", number(report.flows),
                    html! { a href=(address("/sessions", [("host", ip.as_str()), ("last", last)])) { "sessions" } }))
                (tile("Sent", html! { (bytes(report.bytes_out)) }, html! { "first seen " (time(report.first_seen)) }))
                (tile("Received", html! { (bytes(report.bytes_in)) }, html! { "last seen " (time(report.last_seen)) }))
            }
            div.charts {
                (by_verdict("Flagged flows", slices, true))
                (by_verdict("All flows", slices, false))
            }
            @if !report.sessions.is_empty() {
                section { h2 { "Latest flagged sessions" } (sessions("Latest flagged sessions", &report.sessions, last)) }
            }
            p.quiet {
                @if compared { strong.new { "new" } ": not since " (time(report.compared_from)) }
                @else { "Nothing older to compare with: what is new cannot be told." }
            }
            (services("Serves", &report.serves, &ip, "destination", last))
            (services("Uses", &report.uses, &ip, "source", last))
            section {
                h2 { "Peers" }
                (peers(&report.peers, last))
                @if report.peers_total > report.peers.len() as u64 {
                    p.quiet { (grouped(report.peers_total - report.peers.len() as u64)) " more" }
                }
            }
            section { h2 { "Verdicts" } (verdicts(&slices.total(), last)) }
        }
    }
}

fn of_inventory(inventory: &Inventory) -> Markup {
    let lists = [
        ("may serve only", inventory.may_serve.as_deref()),
        ("may speak only", inventory.may_speak.as_deref()),
        ("must not serve", Some(&inventory.must_not_serve[..]).filter(|list| !list.is_empty())),
        ("must not speak", Some(&inventory.must_not_speak[..]).filter(|list| !list.is_empty())),
    ];
    html! {
        p.inventory {
            @for text in [&inventory.name, &inventory.role].into_iter().flatten() { strong { (shown(text)) } " " }
            span.quiet { "inventory: " (shown(&inventory.network)) }
            @for (what, list) in lists {
                @if let Some(list) = list {
                    span.quiet { "; " (what) " " @if list.is_empty() { "nothing" } @else { (shown(&list.join(", "))) } }
                }
            }
        }
    }
}

fn services(title: &str, services: &[Service], ip: &str, role: &'static str, last: &str) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if services.is_empty() { p.quiet { "Nothing." } } @else {
                (table(title, html! {
                    thead { tr {
                        th scope="col" { "Port" }
                        th scope="col" { "Protocol" }
                        th.n scope="col" { "Flows" }
                        th.n scope="col" { "Peers" }
                        th.n scope="col" { "Out" }
                        th.n scope="col" { "In" }
                        th scope="col" { "Worst" }
                        th scope="col" { span.unseen { "New" } }
                    } }
                    tbody {
                        @for row in services.iter().take(ROWS) {
                            @let port = row.port.map(|port| port.to_string()).unwrap_or_default();
                            @let protocol = row.protocol.as_deref().unwrap_or("none");
                            tr {
                                td { (port_of(row.port, &row.transport)) }
                                td { @match &row.protocol { Some(name) => (shown(name)), None => span.quiet { "not recognised" } } }
                                @let of_service = [(role, ip), ("port", &port), ("protocol", protocol), ("last", last)];
                                td.n { a href=(address("/sessions", of_service)) { (grouped(row.flows)) } }
                                td.n { (grouped(row.peers)) }
                                td.n { (bytes(row.bytes_out)) }
                                td.n { (bytes(row.bytes_in)) }
                                td { (severity(row.worst.as_deref())) }
                                td { @if row.is_new { strong.new { "new" } } }
                            }
                        }
                    }
                }))
                @if services.len() > ROWS { p.quiet { (services.len() - ROWS) " more" } }
            }
        }
    }
}

fn peers(peers: &[Peer], last: &str) -> Markup {
    table(
        "Peers",
        html! {
            thead { tr {
                th scope="col" { "Peer" }
                th.n scope="col" { "Flows" }
                th.n scope="col" { "Out" }
                th.n scope="col" { "In" }
                th scope="col" { "Worst" }
                th scope="col" { span.unseen { "New" } }
            } }
            tbody {
                @for row in peers {
                    tr {
                        td { (host(row.ip, last)) }
                        td.n { (grouped(row.flows)) }
                        td.n { (bytes(row.bytes_out)) }
                        td.n { (bytes(row.bytes_in)) }
                        td { (severity(row.worst.as_deref())) }
                        td { @if row.is_new { strong.new { "new" } } }
                    }
                }
            }
        },
    )
}
