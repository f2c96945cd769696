//! Pieces that pages share. Whatever comes from packets, files or the configuration goes through [`shown`].

use std::net::IpAddr;

use maud::{Markup, html};
use offport_wire::Timestamp;

use super::form::address;
use crate::desk::row::Row;
use crate::desk::tally::{FLAGGED, rank};
use crate::desk::text::{end, service};
use crate::number::{date_time, grouped, span};
use crate::terminal::clean;
use offport_telemetry::human::bytes;

/// Text as it may stand on a page: control characters and what turns the direction of writing are spelled out. Markup is escaped
/// by the templates.
pub(super) fn shown(text: &str) -> String {
    clean(text).replace('\n', "\\n")
}

pub(super) fn time(time: Timestamp) -> Markup {
    html! { time datetime=(offport_evidence::flows::rfc3339(time)) { (date_time(time)) } }
}

/// A link to a host's page.
pub(super) fn host(ip: IpAddr, last: &str) -> Markup {
    html! { a href=(address(&format!("/host/{ip}"), [("last", last)])) { (ip) } }
}

/// A verdict; what was flagged stands out.
pub(super) fn verdict(verdict: Option<&str>, severity: Option<&str>) -> Markup {
    let name = verdict.unwrap_or("no payload");
    html! {
        @if rank(severity) >= FLAGGED {
            strong class=(if severity == Some("high") { "high" } else { "medium" }) { (shown(name)) }
            small { " " (severity.unwrap_or_default()) }
        } @else {
            span.quiet { (shown(name)) }
        }
    }
}

/// A severity alone.
pub(super) fn severity(severity: Option<&str>) -> Markup {
    html! {
        @match severity {
            Some("high") => strong.high { "high" },
            Some("medium") => strong.medium { "medium" },
            other => span.quiet { (shown(other.unwrap_or("–"))) },
        }
    }
}

/// A number, 0 in quiet.
pub(super) fn number(number: u64) -> Markup {
    html! { @if number == 0 { span.quiet { "0" } } @else { (grouped(number)) } }
}

/// A count that is an alarm if it is not 0.
pub(super) fn alarm(number: u64) -> Markup {
    html! { @if number == 0 { span.quiet { "0" } } @else { strong.high { (grouped(number)) } } }
}

/// A table that can be scrolled sideways, by keyboard too, where it is too wide.
pub(super) fn table(label: &str, body: Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { table { (body) } } }
}

/// A number that stands for a page.
pub(super) fn tile(name: &str, value: Markup, note: Markup) -> Markup {
    html! { div.tile { dt { (name) } dd { (value) small.note { (note) } } } }
}

pub(super) fn sessions(label: &str, rows: &[Row], last: &str) -> Markup {
    table(
        label,
        html! {
            thead { tr {
                th scope="col" { "Session" }
                th scope="col" { "Verdict" }
                th scope="col" { "Client" }
                th scope="col" { "Server" }
                th scope="col" { "Protocol" }
                th.n scope="col" { "Up" }
                th.n scope="col" { "Down" }
                th scope="col" { "Start (UTC)" }
                th.n scope="col" { "Lasted" }
            } }
            tbody {
                @for row in rows {
                    tr {
                        td { a.id href=(format!("/session/{}", row.id)) { (row.id) } }
                        td { (verdict(row.verdict.as_deref(), row.severity.as_deref())) }
                        td { (host(row.source.0, last)) (port(row.source.1)) }
                        td { (host(row.destination.0, last)) (port(row.destination.1)) }
                        td { @match &row.protocol { Some(name) => (shown(name)), None => span.quiet { "–" } } }
                        td.n { (bytes(row.up)) }
                        td.n { (bytes(row.down)) }
                        td { (time(row.start)) }
                        td.n { (span(row.end.since(row.start))) @if !row.over { span title="goes on" { " …" } } }
                    }
                }
            }
        },
    )
}

fn port(port: Option<u16>) -> Markup {
    html! { @if let Some(port) = port { span.quiet { ":" (port) } } }
}

/// "80/tcp".
pub(super) fn port_of(port: Option<u16>, transport: &str) -> String {
    shown(&service(port, transport))
}

/// "10.0.0.1:80".
pub(super) fn end_of((ip, port): (IpAddr, u16)) -> String {
    end((ip, (port > 0).then_some(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_inert() {
        for hostile in [
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "\" onmouseover=\"x",
            "</td><td>",
        ] {
            for markup in [
                verdict(Some(hostile), None),
                verdict(Some(hostile), Some("high")),
                severity(Some(hostile)),
                html! { a href=(address("/sessions", [("protocol", hostile)])) title=(shown(hostile)) { (shown(hostile)) } },
                table(hostile, html! {}),
                html! { (port_of(Some(1), hostile)) },
            ] {
                let text = markup.into_string();
                assert!(!text.contains(hostile), "{text}");
                assert!(
                    !text.contains("<script") && !text.contains("<img") && !text.contains("\" on"),
                    "{text}"
                );
            }
        }
        assert_eq!(shown("a\u{202e}b\x1b\n\0"), "a\\u{202e}b\\u{1b}\\n\\u{0}");
    }
}
