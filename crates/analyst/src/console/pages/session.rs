//! `/session/{id}`: one session, its record, what was said first, its packets.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Html;
use maud::{Markup, html};
use offport_telemetry::human::bytes;
use offport_wire::FlowId;

use super::super::chart::{self, Axis, Ink, Series};
use super::super::layout::{Page, page};
use super::super::period::reaching;
use super::super::problem::Problem;
use super::super::routes::Console;
use super::super::words::{end_of, host, shown, table, time};
use crate::desk::session::{PAYLOAD as LOOKED_AT, PacketRow, SessionReport};
use crate::desk::text::{described, headline, hexdump};
use crate::number::{grouped, short, span};

/// Packets that are listed.
const PACKETS: usize = 200;
/// Bytes of the first payload of each side that are shown.
const PAYLOAD: usize = 2_048;
/// Slices of the timeline.
const SLICES: usize = 60;

pub(in super::super) async fn show(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
) -> Result<Html<String>, Problem> {
    let id = parse(&id)?;
    let report = console.desk.ask(move |place| SessionReport::new(place, id, PACKETS)).await?;
    let Some(report) = report else { return Err(missing(id)) };
    let title = format!("Session {id}");
    // Of a session that is over nothing changes any more.
    let refresh = (!report.row.as_ref().is_some_and(|row| row.over)).then_some(Duration::from_secs(10));
    Ok(page(&Page { title: &title, path: "/sessions", period: None, refresh }, view(&report)))
}

pub(super) fn parse(id: &str) -> Result<FlowId, Problem> {
    id.parse().map_err(|error| Problem::Bad(format!("{id}: no id of a session: {error}")))
}

pub(super) fn missing(id: FlowId) -> Problem {
    Problem::Missing(format!("{id}: no such session in the store"))
}

pub(in super::super) fn view(report: &SessionReport) -> Markup {
    let [client, server] = report.ends;
    html! {
        h1 { "Session " span.id { (report.id) } }
        @match &report.row {
            Some(row) => {
                p.headline { strong class=(weight(row.severity.as_deref())) { (shown(&headline(row))) } }
                @let last = reaching(row.end);
                dl.facts {
                    dt { "Client" } dd { (host(client.0, last)) @if client.1 > 0 { span.quiet { ":" (client.1) } } }
                    dt { "Server" } dd { (host(server.0, last)) @if server.1 > 0 { span.quiet { ":" (server.1) } } }
                    dt { "Time (UTC)" } dd {
                        (time(row.start)) " to " (time(row.end)) ", " (span(row.end.since(row.start)))
                        @if !row.over { ", goes on" }
                    }
                    dt { "Volume" } dd { (grouped(row.packets)) " packets, " (bytes(row.up)) " up, " (bytes(row.down)) " down" }
                    @for (name, value) in described(&row.document) { dt { (shown(&name)) } dd.text { (shown(&value)) } }
                }
            }
            None => {
                p { (end_of(client)) " to " (end_of(server)) }
                p.quiet { "No record of it yet: they come at its end, each minute, and when it is flagged." }
            }
        }
        @if report.kept == 0 {
            p { "None of its packets is in the store: they may have made room, or never have been kept." }
        } @else {
            p { a.button #download href=(format!("/session/{}/capture.pcapng", report.id)) download { "Download its packets" }
                " " span.quiet { (grouped(report.kept)) " packets, pcapng, for Wireshark and tshark" } }
            (timeline(report))
            div.payload {
                @for (who, bytes) in ["Client: first payload", "Server: first answer"].into_iter().zip(&report.payload) {
                    @if !bytes.is_empty() { (payload(who, bytes)) }
                }
            }
            section { h2 { "Packets" } (packets(report)) }
        }
        @if let Some(row) = &report.row {
            details {
                summary { "The whole record" }
                @let record = serde_json::to_string_pretty(&row.document).unwrap_or_default();
                pre.scroll tabindex="0" aria-label="The whole record" { (shown_lines(&record)) }
            }
        }
    }
}

/// The class of a headline.
fn weight(severity: Option<&str>) -> &'static str {
    match severity {
        Some("high") => "high",
        Some("medium") => "medium",
        _ => "plain",
    }
}

fn payload(who: &str, bytes: &[u8]) -> Markup {
    let (part, all) = (bytes.len().min(PAYLOAD), bytes.len());
    html! {
        section {
            h2 {
                (who)
                small.quiet { " " (grouped(part as u64)) " of " (grouped(all as u64)) @if all == LOOKED_AT { " or more" } " bytes" }
            }
            pre.scroll tabindex="0" aria-label=(who) { (hexdump(&bytes[..part])) }
        }
    }
}

/// As [`shown`], line by line.
fn shown_lines(text: &str) -> String {
    crate::terminal::clean(text)
}

fn timeline(report: &SessionReport) -> Markup {
    let [Some(first), Some(last)] = [report.packets.first(), report.packets.last()] else { return html! {} };
    let whole = last.time.since(first.time);
    if whole.is_zero() || report.packets.len() < 4 {
        return html! {};
    }
    let mut sums = [vec![0.0; SLICES], vec![0.0; SLICES]];
    for packet in &report.packets {
        let part = packet.time.since(first.time).as_nanos() * SLICES as u128 / (whole.as_nanos() + 1);
        sums[usize::from(!packet.from_client)][(part as usize).min(SLICES - 1)] += f64::from(packet.length);
    }
    let [up, down] = sums;
    let series = [
        Series { name: "up", ink: Ink::Up, values: up },
        Series { name: "down", ink: Ink::Down, values: down },
    ];
    let title = match report.kept > report.packets.len() as u64 {
        true => "Bytes on the wire, of the packets that are listed",
        false => "Bytes on the wire",
    };
    html! { div.charts { (chart::stacked(title, &Axis::Seconds(whole / SLICES as u32), &series, short)) } }
}

fn packets(report: &SessionReport) -> Markup {
    let start = report.packets.first().map(|packet| packet.time).unwrap_or_default();
    let more = report.kept.saturating_sub(report.packets.len() as u64);
    html! {
        (table("Packets", html! {
            thead { tr {
                th.n scope="col" { "Seconds" }
                th scope="col" { "From" }
                th scope="col" { "Headers" }
                th.n scope="col" { "Payload" }
                th.n scope="col" { "Length" }
                th.n scope="col" { "TTL" }
                th scope="col" { "Interface" }
            } }
            tbody {
                @for packet in &report.packets {
                    tr {
                        td.n { (format!("{:.6}", packet.time.since(start).as_secs_f64())) }
                        td { (if packet.from_client { "client" } else { "server" }) }
                        td { (headers(packet)) }
                        td.n { (grouped(packet.payload.into())) }
                        td.n { (grouped(packet.length.into())) }
                        td.n { @if let Some(ttl) = packet.ttl { (ttl) } }
                        td { (shown(&packet.interface)) }
                    }
                }
            }
        }))
        @if more > 0 { p.quiet { (grouped(more)) " more; the download has all" } }
    }
}

fn headers(packet: &PacketRow) -> String {
    let what = match &packet.tcp {
        Some(tcp) => {
            let ack = tcp.ack.map(|ack| format!(" ack {ack}")).unwrap_or_default();
            format!("{} seq {}{ack}", tcp.flags, tcp.seq)
        }
        None => packet.note.clone().unwrap_or_default(),
    };
    let around =
        [Some(what), packet.vlan.map(|vlan| format!("vlan {vlan}")), packet.tunnel.map(str::to_owned)];
    shown(&around.into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "))
}
