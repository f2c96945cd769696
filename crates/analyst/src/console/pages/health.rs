//! `/health`: is the sensor well: per worker, per queue, what is lost, what is kept.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use offport_telemetry::human::bytes;
use offport_wire::Timestamp;

use super::super::layout::{Page, page};
use super::super::problem::Problem;
use super::super::routes::Console;
use super::super::words::{shown, table, tile, time};
use crate::live::exposition::Metrics;
use crate::live::scrape::Health;
use crate::number::{grouped, short, span};

const REFRESH: Duration = Duration::from_secs(5);

pub(in super::super) async fn show(State(console): State<Arc<Console>>) -> Result<Html<String>, Problem> {
    let main = view(&console.sensor.health());
    Ok(page(&Page { title: "Health", path: "/health", period: None, refresh: Some(REFRESH) }, main))
}

pub(in super::super) fn view(health: &Health) -> Markup {
    html! {
        h1 { "Sensor health" }
        @match (&health.target, &health.failed, &health.latest) {
            (None, ..) => {
                p.cause { "No sensor is asked." }
                p { "Its configuration switches [http] off, so it has no listener. Name one with --sensor http://ADDRESS:PORT." }
            }
            (Some(target), Some(why), latest) => {
                p.cause { "The sensor at " (shown(target)) " cannot be reached: " (shown(why)) }
                p {
                    "See that offportd runs, that [http] listen of its configuration is that address, and that this user "
                    "may connect to it. This page tries again by itself."
                }
                @if let Some(latest) = latest { p.quiet { "It was last reached at " (time(latest.time)) " UTC." } }
            }
            (Some(target), None, None) => p { "The sensor at " (shown(target)) " has not answered yet." },
            (Some(target), None, Some(latest)) => {
                p.quiet { (shown(target)) ", " (time(latest.time)) " UTC. Rates are those of the last 5 s." }
                (tiles(health, &latest.metrics, latest.time))
                section { h2 { "Workers" } (workers(health, &latest.metrics)) }
                section { h2 { "Queues" } (queues(health, &latest.metrics)) }
                section { h2 { "Packets without effect" } (dropped(health, &latest.metrics)) }
                section { h2 { "Stores and sinks" } (stores(&latest.metrics)) }
            }
        }
    }
}

fn tiles(health: &Health, metrics: &Metrics, at: Timestamp) -> Markup {
    let value = |name| metrics.sum(name, &[]);
    let version =
        metrics.all("offport_build_info").next().map(|sample| sample.label("version")).unwrap_or_default();
    let up = value("process_start_time_seconds")
        .map(|start| Duration::from_secs_f64((at.as_nanos() as f64 / 1e9 - start).max(0.0)));
    html! {
        dl.tiles {
            (tile("State", html! {
                @match &health.not_ready { None => "ready", Some(_) => strong.medium { "not ready" } }
            }, html! { @match &health.not_ready { None => { "offportd " (shown(version)) }, Some(why) => (shown(why)) } }))
            (tile("Up", html! { (up.map(span).unwrap_or_else(dash)) }, html! {}))
            (tile("Flows in the tables", html! { (count(value("offport_flows_active"))) },
                html! { (count(value("offport_flows_shunted"))) " shunted" }))
            (tile("Events", html! { (count(value("offport_events_raised_total"))) }, html! {
                (losses(value("offport_events_lost_total"))) " lost, " (count(value("offport_events_suppressed_total"))) " suppressed" }))
            (tile("Memory", html! { (size(value("process_resident_memory_bytes"))) }, html! { "resident" }))
            (tile("CPU", html! { (health.per_second("process_cpu_seconds_total", &[]).map_or_else(dash, percent)) }, html! { "of one core" }))
        }
    }
}

fn workers(health: &Health, metrics: &Metrics) -> Markup {
    const RECEIVED: &str = "offport_packets_received_total";
    let ids = metrics.values(RECEIVED, "worker");
    table(
        "Workers",
        html! {
            thead { tr {
                th scope="col" { "Worker" }
                th.n scope="col" { "Packets/s" }
                th.n scope="col" { "bit/s" }
                th.n scope="col" { "Busy" }
                th.n scope="col" { "Batch" }
                th.n scope="col" { "Flows" }
                th.n scope="col" { "Shunted" }
                th.n scope="col" { "Slots" }
                th.n scope="col" { "Received" }
                th scope="col" { "Core of its own" }
            } }
            tbody {
                @for id in &ids {
                    @let of = [("worker", *id)];
                    @let rate = |name| health.per_second(name, &of);
                    @let batches = rate("offport_batches_total").filter(|batches| *batches > 0.0);
                    tr {
                        th scope="row" { (shown(id)) }
                        td.n { (rate(RECEIVED).map_or_else(dash, short)) }
                        td.n { (rate("offport_bytes_received_total").map_or_else(dash, |bytes| short(bytes * 8.0))) }
                        td.n { (busy(rate("offport_worker_busy_seconds_total"))) }
                        @let batch = rate(RECEIVED).zip(batches).map(|(packets, batches)| packets / batches);
                    td.n { (batch.map_or_else(dash, short)) }
                        td.n { (count(metrics.sum("offport_flows_active", &of))) }
                        td.n { (count(metrics.sum("offport_flows_shunted", &of))) }
                        td.n { (count(metrics.sum("offport_steering_slots", &of))) }
                        td.n { (count(metrics.sum(RECEIVED, &of))) }
                        td {
                        @match metrics.sum("offport_worker_pinned", &of) {
                            Some(pinned) if pinned > 0.0 => "yes",
                            Some(_) => strong.medium { "no" },
                            None => "–",
                        }
                    }
                    }
                }
                @if ids.is_empty() { tr { td.quiet colspan="10" { "None." } } }
            }
        },
    )
}

fn queues(health: &Health, metrics: &Metrics) -> Markup {
    let modes: Vec<_> = metrics.all("offport_capture_mode_info").collect();
    table(
        "Queues",
        html! {
            thead { tr {
                th scope="col" { "Interface" }
                th.n scope="col" { "Queue" }
                th scope="col" { "Mode" }
                th scope="col" { "Zero copy" }
                th scope="col" { "Huge pages" }
                th scope="col" { "Multi buffer" }
                th.n scope="col" { "Packets/s" }
                th.n scope="col" { "Frames free" }
                th.n scope="col" { "Fill ring empty" }
                th.n scope="col" { "To workers/s" }
            } }
            tbody {
                @for mode in &modes {
                    @let (interface, queue) = (mode.label("interface"), mode.label("queue"));
                    @let of = [("interface", interface), ("queue", queue)];
                    tr {
                        @let up = metrics.sum("offport_interface_up", &[("interface", interface)]);
                        @let link = metrics.sum("offport_link_up", &[("interface", interface)]);
                    th scope="row" { (shown(interface)) @if up == Some(0.0) { " " strong.high { "down" } } @else if link == Some(0.0) { " " strong.high { "no link" } } }
                        td.n { (shown(queue)) }
                        td {
                        @if mode.value == 0.0 { strong.high { "gone" } " (was " (shown(mode.label("mode"))) ")" }
                        @else if mode.label("mode") == "native" { "native" }
                        @else { strong.medium { (shown(mode.label("mode"))) } }
                    }
                        td { (yes(mode.label("zero_copy"))) }
                        td { (yes(mode.label("huge_pages"))) }
                        td { (yes(mode.label("multi_buffer"))) }
                        td.n { (health.per_second("offport_xdp_packets_total", &of).map_or_else(dash, short)) }
                        td.n { (count(metrics.sum("offport_frames_free", &of))) " of " (count(metrics.sum("offport_frames", &of))) }
                        td.n { (losses(metrics.sum("offport_fill_ring_empty_total", &of))) }
                        td.n { (health.per_second("offport_socket_packets_total", &of).map_or_else(dash, short)) }
                    }
                }
                @if modes.is_empty() { tr { td.quiet colspan="10" { "None." } } }
            }
        },
    )
}

fn dropped(health: &Health, metrics: &Metrics) -> Markup {
    const DROPPED: &str = "offport_packets_dropped_total";
    let mut rows: Vec<_> = metrics.all(DROPPED).filter(|sample| sample.value > 0.0).collect();
    rows.sort_by(|one, other| other.value.total_cmp(&one.value));
    let nic: Vec<_> = metrics.all("offport_nic_dropped_total").filter(|sample| sample.value > 0.0).collect();
    table(
        "Packets without effect",
        html! {
            thead { tr {
                th scope="col" { "Where" }
                th scope="col" { "Reason" }
                th.n scope="col" { "Packets" }
                th.n scope="col" { "Per second" }
            } }
            tbody {
                @for sample in rows {
                    @let (stage, reason) = (sample.label("stage"), sample.label("reason"));
                    @let fault = reason != "not_ip";
                    tr {
                        td { (shown(stage)) }
                        td { @if fault { (shown(reason)) } @else { span.quiet { "not_ip: no fault" } } }
                        td.n { (count(Some(sample.value))) }
                        td.n { (health.per_second(DROPPED, &[("stage", stage), ("reason", reason)]).map_or_else(dash, short)) }
                    }
                }
                @for sample in &nic {
                    @let of = [("interface", sample.label("interface")), ("counter", sample.label("counter"))];
                    tr {
                        td { (shown(of[0].1)) }
                        td { (shown(of[1].1)) }
                        td.n { strong.high { (grouped(sample.value as u64)) } }
                        td.n { (health.per_second("offport_nic_dropped_total", &of).map_or_else(dash, short)) }
                    }
                }
                @if nic.is_empty() && metrics.sum(DROPPED, &[]).unwrap_or_default() == 0.0 { tr { td.quiet colspan="4" { "None." } } }
            }
        },
    )
}

fn stores(metrics: &Metrics) -> Markup {
    let value = |name| metrics.sum(name, &[]);
    let oldest = |name| {
        value(name)
            .filter(|seconds| *seconds > 0.0)
            .map(|seconds| Timestamp::from_nanos((seconds * 1e9) as u64))
    };
    let stores = [
        (
            "packets",
            "offport_evidence_packets_total",
            "offport_evidence_packets_lost_total",
            "offport_evidence_held_bytes",
            "offport_evidence_oldest_timestamp_seconds",
        ),
        (
            "flow records",
            "offport_flow_store_records_total",
            "offport_flow_store_records_lost_total",
            "offport_flow_store_held_bytes",
            "offport_flow_store_oldest_timestamp_seconds",
        ),
    ];
    let (lines, forwards) = (
        metrics.values("offport_sink_lines_total", "sink"),
        metrics.values("offport_forward_sent_total", "sink"),
    );
    table(
        "Stores and sinks",
        html! {
            thead { tr {
                th scope="col" { "What" }
                th.n scope="col" { "Taken" }
                th.n scope="col" { "Lost" }
                th.n scope="col" { "Waiting" }
                th.n scope="col" { "On disk" }
                th scope="col" { "Since, or state" }
            } }
            tbody {
                @for (name, taken, lost, held, since) in stores {
                    @if value(taken).is_some() {
                        tr {
                            th scope="row" { (name) }
                            td.n { (count(value(taken))) }
                            td.n { (losses(value(lost))) }
                            td.n {}
                            td.n { (size(value(held))) }
                            td { @match oldest(since) { Some(since) => (time(since)), None => span.quiet { "–" } } }
                        }
                    }
                }
                @for sink in lines {
                    tr {
                        th scope="row" { (shown(sink)) }
                        td.n { (count(metrics.sum("offport_sink_lines_total", &[("sink", sink)]))) }
                        td.n { (losses(metrics.sum("offport_sink_lines_lost_total", &[("sink", sink)]))) }
                        td.n {} td.n {} td { span.quiet { "file" } }
                    }
                }
                @for sink in forwards {
                    @let of = [("sink", sink)];
                    tr {
                        th scope="row" { (shown(sink)) }
                        td.n { (count(metrics.sum("offport_forward_sent_total", &of))) }
                        td.n { (losses(metrics.sum("offport_forward_dropped_total", &of))) }
                        td.n { (count(metrics.sum("offport_forward_waiting", &of))) }
                        td.n { (size(metrics.sum("offport_forward_spooled_bytes", &of))) }
                        td {
                        @if metrics.sum("offport_forward_connected", &of) == Some(1.0) { "connected" }
                        @else { strong.high { "not connected" } }
                    }
                    }
                }
            }
        },
    )
}

fn dash() -> String {
    "–".to_owned()
}

fn count(value: Option<f64>) -> String {
    value.map_or_else(dash, |value| grouped(value.max(0.0) as u64))
}

fn size(value: Option<f64>) -> String {
    value.map_or_else(dash, |value| bytes(value.max(0.0) as u64))
}

fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

/// A count of what was lost.
fn losses(value: Option<f64>) -> Markup {
    html! {
        @match value {
            None => span.quiet { "–" },
            Some(value) if value > 0.0 => strong.high { (grouped(value as u64)) },
            Some(_) => span.quiet { "0" },
        }
    }
}

/// From nine tenths on a worker has no room for a burst.
fn busy(part: Option<f64>) -> Markup {
    html! {
        @match part {
            None => span.quiet { "–" },
            Some(part) if part >= 0.9 => strong.high { (percent(part)) },
            Some(part) => (percent(part)),
        }
    }
}

fn yes(value: &str) -> Markup {
    html! { @if value == "true" { "yes" } @else { span.quiet { "no" } } }
}
