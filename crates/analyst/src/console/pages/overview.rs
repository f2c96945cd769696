//! `/`: is something wrong, with whom, and since when.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Html;
use maud::{Markup, html};
use offport_telemetry::human::bytes;

use super::super::chart::{self, Axis, Ink, Series};
use super::super::form::{address, value};
use super::super::layout::{Page, about_time, page};
use super::super::period::Period;
use super::super::problem::Problem;
use super::super::routes::Console;
use super::super::words::{alarm, host, number, port_of, sessions, severity, shown, table, tile, time};
use crate::desk::overview::{Overview, latest_flagged};
use crate::desk::pairs::{Flagged, Pair};
use crate::desk::row::Row;
use crate::desk::slices::{Part, Slices};
use crate::desk::tally::of_rank;
use crate::live::scrape::Health;
use crate::number::{grouped, share, short};

/// Slices of a chart.
const SLICES: usize = 60;
/// Rows of each list.
const ROWS: usize = 12;

pub(in super::super) async fn show(
    State(console): State<Arc<Console>>,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let parameters = super::parameters(&uri);
    let period = Period::new(value(&parameters, "last"), "1h").map_err(Problem::Bad)?;
    let range = period.range();
    let (overview, latest) = console
        .desk
        .ask(move |place| {
            let store = place.flows();
            let overview = Overview::new(&store, range, SLICES, ROWS)?;
            let latest = match overview.pairs_total {
                0 => Vec::new(),
                _ => latest_flagged(&store, range, ROWS)?,
            };
            Ok((overview, latest))
        })
        .await?;
    let main = view(&overview, &latest, &period, &console.sensor.health());
    Ok(page(
        &Page { title: "Overview", path: "/", period: Some(&period), refresh: Some(period.refresh()) },
        main,
    ))
}

pub(in super::super) fn view(
    overview: &Overview,
    latest: &[Row],
    period: &Period,
    health: &Health,
) -> Markup {
    let Overview { slices, pairs, pairs_total } = overview;
    let (sum, total) = (slices.sum(), slices.total());
    let last = period.last.as_str();
    html! {
        h1 { "Overview" }
        (about_time(period, |last| address("/", [("last", last)])))
        dl.tiles {
            (tile("Flagged flows", alarm(sum.flagged), html! { (pairs_total) @if *pairs_total == 1 { " pair" } @else { " pairs" } }))
            (tile("Flows", number(sum.flows), html! { (bytes(sum.bytes)) }))
            (sensor(health))
        }
        div.charts {
            (by_verdict("Flagged flows", slices, true))
            (by_verdict("All flows", slices, false))
            @if health.target.is_some() { (rates(health)) }
        }
        section {
            h2 { "Top flagged pairs" }
            @if pairs.is_empty() {
                p.quiet { "Nothing was flagged in this time." }
            } @else {
                (flagged(pairs, last))
                @if *pairs_total > pairs.len() {
                    p {
                        a href=(address("/sessions", [("flagged", "1"), ("last", last)])) { "All flagged sessions" }
                        span.quiet { " of " (grouped(*pairs_total as u64)) " pairs" }
                    }
                }
            }
        }
        @if !latest.is_empty() {
            section {
                h2 { "Latest flagged sessions" }
                (sessions("Latest flagged sessions", latest, last))
            }
        }
        section {
            h2 { "Verdicts" }
            (verdicts(&total, last))
        }
    }
}

/// Whether it is there, and how fast packets come.
fn sensor(health: &Health) -> Markup {
    let per_second = |name| health.per_second(name, &[]);
    html! {
        @match (&health.target, health.metrics()) {
            (None, _) => (tile("Sensor", html! { span.quiet { "not asked" } }, html! { "no [http] listen; --sensor" })),
            (Some(_), None) => {
                (tile("Sensor", html! { strong.high { "not reached" } }, html! { a href="/health" { "why" } }))
            }
            (Some(_), Some(metrics)) => {
                @let state = match health.not_ready { None => html! { "ready" }, Some(_) => html! { strong.medium { "not ready" } } };
                (tile("Sensor", state, html! { a href="/health" { "health" } }))
                (tile("Packets", html! { (per_second("offport_packets_received_total").map_or("–".to_owned(), short)) small { "/s" } },
                    html! { (per_second("offport_bytes_received_total").map_or("–".to_owned(), |rate| short(rate * 8.0))) " bit/s" }))
                @let lost = health.lost_per_second();
                @let since = metrics.sum("offport_packets_dropped_total", &[]).unwrap_or_default()
                    - metrics.sum("offport_packets_dropped_total", &[("reason", "not_ip")]).unwrap_or_default();
                (tile("Lost", html! { @match lost {
                    None => "–",
                    Some(lost) if lost > 0.0 => { strong.high { (short(lost.max(0.1))) small { "/s" } } }
                    Some(_) => { span.quiet { "0" } small { "/s" } }
                } }, html! { (short(since.max(0.0))) " since its start" }))
            }
        }
    }
}

fn rates(health: &Health) -> Markup {
    let moments: Vec<_> = health.rates.iter().map(|rate| rate.time).collect();
    let packets = Series {
        name: "received",
        ink: Ink::Up,
        values: health.rates.iter().map(|rate| rate.packets).collect(),
    };
    let lost = Series {
        name: "lost",
        ink: Ink::Unrecognised,
        values: health.rates.iter().map(|rate| rate.dropped).collect(),
    };
    chart::lines("Packets per second, since the console runs", &moments, &[packets, lost], short)
}

/// Flows over time, by their verdicts, what is in order at the bottom.
pub(in super::super) fn by_verdict(title: &str, slices: &Slices, flagged: bool) -> Markup {
    let count = |part: &Part| if flagged { part.flagged } else { part.flows };
    let total = slices.total();
    let mut names: Vec<&str> =
        total.iter().filter(|(_, part)| count(part) > 0).map(|(name, _)| &**name).collect();
    names.sort_by_key(|name| (!matches!(Ink::of(name), Ink::Calm | Ink::Pale), *name));
    let series: Vec<_> = names
        .into_iter()
        .map(|name| Series {
            name,
            ink: Ink::of(name),
            values: slices.slices.iter().map(|slice| slice.get(name).map_or(0, count) as f64).collect(),
        })
        .collect();
    chart::stacked(title, &Axis::Slices(slices.from, slices.width), &series, short)
}

fn flagged(pairs: &[(Pair, Flagged)], last: &str) -> Markup {
    table(
        "Top flagged pairs",
        html! {
            thead { tr {
                th scope="col" { "Client" }
                th scope="col" { "Server" }
                th.n scope="col" { "Flows" }
                th scope="col" { "Port" }
                th scope="col" { "Speaks" }
                th scope="col" { "Verdict" }
                th scope="col" { "Worst" }
                th.n scope="col" { "Up" }
                th.n scope="col" { "Down" }
                th scope="col" { "Last seen (UTC)" }
            } }
            tbody {
                @for (pair, flagged) in pairs {
                    @let (source, destination) = (pair.source.to_string(), pair.destination.to_string());
                    @let port = pair.port.map(|port| port.to_string()).unwrap_or_default();
                    @let of_pair = address("/sessions", [
                        ("source", source.as_str()), ("destination", &destination), ("port", &port),
                        ("verdict", pair.verdict.as_deref().unwrap_or_default()), ("flagged", "1"), ("last", last),
                    ]);
                    tr {
                        td { (host(pair.source, last)) }
                        td { (host(pair.destination, last)) }
                        td.n { a.pair href=(of_pair) { (grouped(flagged.flows)) } }
                        td { (port_of(pair.port, pair.transport.as_deref().unwrap_or("ip"))) }
                        td { @match &pair.protocol { Some(name) => (shown(name)), None => span.quiet { "not recognised" } } }
                        td { (shown(pair.verdict.as_deref().unwrap_or("–"))) }
                        td { (severity(of_rank(flagged.worst).as_deref())) }
                        td.n { (bytes(flagged.up)) }
                        td.n { (bytes(flagged.down)) }
                        td { (time(flagged.last)) }
                    }
                }
            }
        },
    )
}

/// Verdicts in numbers, each with its sessions.
pub(in super::super) fn verdicts(total: &BTreeMap<String, Part>, last: &str) -> Markup {
    let mut rows: Vec<_> = total.iter().collect();
    rows.sort_by_key(|(name, part)| (std::cmp::Reverse((part.flagged, part.flows)), (*name).clone()));
    let flows: u64 = total.values().map(|part| part.flows).sum();
    table(
        "Verdicts",
        html! {
            thead { tr {
                th scope="col" { "Verdict" }
                th.n scope="col" { "Flows" }
                th.n scope="col" { "Share" }
                th.n scope="col" { "Flagged" }
                th.n scope="col" { "Bytes" }
            } }
            tbody {
                @for (name, part) in rows {
                    tr {
                        td {
                            i class=(format!("key i-{}", chart_class(name))) {} " "
                            @if &**name == "no_payload" { "no payload" } @else {
                                a href=(address("/sessions", [("verdict", &**name), ("last", last)])) { (shown(name)) }
                            }
                        }
                        td.n { (grouped(part.flows)) }
                        td.n { (share(part.flows, flows)) }
                        td.n { (alarm(part.flagged)) }
                        td.n { (bytes(part.bytes)) }
                    }
                }
                @if total.is_empty() { tr { td.quiet colspan="5" { "No flow in this time." } } }
            }
        },
    )
}

fn chart_class(verdict: &str) -> &'static str {
    Ink::of(verdict).class()
}
