//! What the desk knows, in words and tables.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use offport_telemetry::human::bytes;
use offport_wire::Timestamp;
use serde::Serializer;

use super::host::{HostReport, Inventory, Peer, Service};
use super::hosts::HostRow;
use super::row::Row;
use super::session::{PacketRow, SessionReport};
use super::tally::{FLAGGED, rank};
use crate::number::{counted, date_time, grouped, span};
use crate::terminal::{Style, clean};

/// Width of the timeline.
const SLICES: usize = 60;

pub(crate) fn serialize_time<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&offport_evidence::flows::rfc3339(*time))
}

/// What a flow is, in a few words: "unrecognised, high: raw data on 80/tcp, reserved for http".
pub(crate) fn headline(row: &Row) -> String {
    let verdict = row.verdict.as_deref().unwrap_or("no payload");
    let severity = row.severity.as_deref().map(|severity| format!(", {severity}")).unwrap_or_default();
    format!("{verdict}{severity}: {}", what(row))
}

fn what(row: &Row) -> String {
    let seen = match (row.verdict.as_deref(), row.protocol.as_deref(), &row.breach) {
        (None, ..) => "nothing said".to_owned(),
        (Some("unrecognised"), ..) => "raw data".to_owned(),
        (Some("imposter"), _, Some(breach)) => format!("imposter ({breach})"),
        (_, Some(protocol), _) => protocol.to_owned(),
        _ => "unknown data".to_owned(),
    };
    let reserved = match &row.expected[..] {
        [] => String::new(),
        expected => format!(", reserved for {}", expected.join(", ")),
    };
    format!("{seen} on {}{reserved}", service(row.destination.1, &row.transport))
}

pub(crate) fn service(port: Option<u16>, transport: &str) -> String {
    port.map_or_else(|| transport.to_owned(), |port| format!("{port}/{transport}"))
}

pub(crate) fn end((ip, port): (IpAddr, Option<u16>)) -> String {
    match (ip, port) {
        (ip, None) => ip.to_string(),
        (IpAddr::V4(ip), Some(port)) => format!("{ip}:{port}"),
        (IpAddr::V6(ip), Some(port)) => format!("[{ip}]:{port}"),
    }
}

/// Colours what is worth a look.
fn severity(style: Style, severity: Option<&str>) -> String {
    let text = severity.unwrap_or("-");
    if rank(severity) >= FLAGGED { style.paint("31", text) } else { text.to_owned() }
}

pub(crate) fn during(from: Timestamp, to: Timestamp) -> String {
    format!("{} to {} UTC ({})", date_time(from), date_time(to), span(to.since(from)))
}

pub(crate) fn hosts(
    style: Style,
    rows: &[HostRow],
    total: usize,
    (from, to): (Timestamp, Timestamp),
) -> String {
    let mut text = format!("{}\n  {}\n", style.heading(&counted(total as u64, "host")), during(from, to));
    let table = rows.iter().map(|row| {
        vec![
            row.host.to_string(),
            grouped(row.flagged),
            severity(style, row.worst.as_deref()),
            grouped(row.flows),
            bytes(row.bytes_out),
            bytes(row.bytes_in),
            date_time(row.last_seen),
        ]
    });
    if !rows.is_empty() {
        let header = ["Host", "Flagged", "Worst", "Flows", "Out", "In", "Last seen"];
        let _ = write!(text, "\n{}", style.table(&header, &[2, 6], table.collect()));
    }
    if let Some(row) = rows.first().filter(|row| row.flagged > 0) {
        let _ = writeln!(text, "\n  offport summary {}   says what it does", row.host);
    }
    text
}

pub(crate) fn host(style: Style, report: &HostReport, top: usize) -> String {
    let mut text = format!("{}\n", style.heading(&report.host.to_string()));
    if let Some(inventory) = &report.inventory {
        text.push_str(&of_inventory(style, inventory));
    }
    let _ = writeln!(text, "  {}", during(report.from, report.to));
    if report.flows == 0 {
        let _ = writeln!(text, "  no flow of it in that time");
        return text;
    }
    let _ = writeln!(
        text,
        "  {}, {} out, {} in; first seen {}, last seen {}",
        counted(report.flows, "flow"),
        bytes(report.bytes_out),
        bytes(report.bytes_in),
        date_time(report.first_seen),
        date_time(report.last_seen),
    );
    let compared = report.compared_from > Timestamp::ZERO;
    let note = match compared {
        true => format!("new: not since {}", date_time(report.compared_from)),
        false => "nothing older to compare with: what is new cannot be told".to_owned(),
    };
    let _ = writeln!(text, "  {note}");
    let verdicts = report
        .verdicts
        .iter()
        .map(|row| vec![row.verdict.clone(), grouped(row.flows), bytes(row.bytes_out), bytes(row.bytes_in)]);
    let _ = write!(text, "\n{}", style.table(&["Verdict", "Flows", "Out", "In"], &[], verdicts.collect()));
    text.push_str(&services(style, "Serves", &report.serves, top));
    text.push_str(&services(style, "Uses", &report.uses, top));
    text.push_str(&peers(style, &report.peers, report.peers_total));
    if !report.sessions.is_empty() {
        let _ = write!(text, "\n{}", sessions(style, &report.sessions));
    }
    if let Some(row) = report.sessions.first() {
        let _ = writeln!(text, "\n  offport session {}   shows the latest of them", row.id);
    }
    text
}

fn of_inventory(style: Style, inventory: &Inventory) -> String {
    let mut parts = vec![format!("inventory: {}", inventory.network)];
    parts.extend(inventory.name.iter().map(|name| clean(name)));
    parts.extend(inventory.role.iter().map(|role| clean(role)));
    let mut text = format!("  {}\n", style.fit(&parts.join(", "), 2));
    let lists = [
        ("may serve only", inventory.may_serve.as_deref()),
        ("may speak only", inventory.may_speak.as_deref()),
        ("must not serve", Some(&inventory.must_not_serve[..]).filter(|list| !list.is_empty())),
        ("must not speak", Some(&inventory.must_not_speak[..]).filter(|list| !list.is_empty())),
    ];
    for (what, list) in lists {
        if let Some(list) = list {
            let list = if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
            let _ = writeln!(text, "  {}", style.fit(&format!("{what}: {list}"), 2));
        }
    }
    text
}

fn services(style: Style, what: &str, services: &[Service], top: usize) -> String {
    if services.is_empty() {
        return String::new();
    }
    let mut rows: Vec<_> = services
        .iter()
        .take(top)
        .map(|row| {
            vec![
                format!(
                    "{} {}",
                    service(row.port, &row.transport),
                    row.protocol.as_deref().unwrap_or("(not recognised)")
                ),
                grouped(row.flows),
                grouped(row.peers),
                bytes(row.bytes_out),
                bytes(row.bytes_in),
                severity(style, row.worst.as_deref()),
                if row.is_new { style.paint("33", "new") } else { String::new() },
            ]
        })
        .collect();
    if services.len() > top {
        rows.push(vec![format!("({} more)", services.len() - top)]);
    }
    format!("\n{}", style.table(&[what, "Flows", "Peers", "Out", "In", "Worst", ""], &[5, 6], rows))
}

fn peers(style: Style, peers: &[Peer], total: u64) -> String {
    let mut rows: Vec<_> = peers
        .iter()
        .map(|row| {
            vec![
                row.ip.to_string(),
                grouped(row.flows),
                bytes(row.bytes_out),
                bytes(row.bytes_in),
                severity(style, row.worst.as_deref()),
                if row.is_new { style.paint("33", "new") } else { String::new() },
            ]
        })
        .collect();
    if total > peers.len() as u64 {
        rows.push(vec![format!("({} more)", grouped(total - peers.len() as u64))]);
    }
    format!("\n{}", style.table(&["Peer", "Flows", "Out", "In", "Worst", ""], &[4, 5], rows))
}

pub(crate) fn sessions(style: Style, rows: &[Row]) -> String {
    let table = rows.iter().map(|row| {
        let going_on = if row.over { "" } else { " …" };
        vec![
            row.id.to_string(),
            date_time(row.start),
            format!("{}{going_on}", span(row.end.since(row.start))),
            format!("{} > {}", end(row.source), end(row.destination)),
            row.protocol.clone().unwrap_or_else(|| "-".to_owned()),
            bytes(row.up),
            bytes(row.down),
            match row.verdict.as_deref() {
                Some(verdict) if rank(row.severity.as_deref()) >= FLAGGED => style.paint("31", verdict),
                Some(verdict) => verdict.to_owned(),
                None => "-".to_owned(),
            },
        ]
    });
    let header = ["Session", "Start (UTC)", "Lasted", "Client > server", "Protocol", "Up", "Down", "Verdict"];
    style.table(&header, &[1, 3, 4, 7], table.collect())
}

pub(crate) fn session(style: Style, report: &SessionReport, payload: usize) -> String {
    let mut text = format!("{}\n", style.heading(&format!("Session {}", report.id)));
    let [client, server] = report.ends.map(|(ip, port)| end((ip, (port > 0).then_some(port))));
    let _ = writeln!(text, "  {client} > {server}");
    match &report.row {
        Some(row) => {
            let _ = writeln!(text, "  {}", style.fit(&headline(row), 2));
            let state = if row.over { "" } else { ", goes on" };
            let _ =
                writeln!(text, "  {} UTC, {}{state}", date_time(row.start), span(row.end.since(row.start)));
            let _ = writeln!(
                text,
                "  {} packets, {} up, {} down",
                grouped(row.packets),
                bytes(row.up),
                bytes(row.down)
            );
            for (name, value) in described(&row.document) {
                let _ = writeln!(text, "  {}", style.fit(&format!("{name}: {}", clean(&value)), 2));
            }
        }
        None => {
            _ = writeln!(
                text,
                "  no record of it yet: they come at its end, each minute, and when it is flagged"
            )
        }
    }
    if report.kept == 0 {
        let _ = writeln!(
            text,
            "\n  none of its packets is in the store: they may have made room, or never have been kept"
        );
        return text;
    }
    if report.gone > 0 {
        let _ = writeln!(text, "  {} of its packets made room while they were read", grouped(report.gone));
    }
    let _ = write!(text, "\n{}", packets(style, report));
    text.push_str(&timeline(style, report));
    for (side, (who, bytes)) in ["Client", "Server"].iter().zip(&report.payload).enumerate() {
        if bytes.is_empty() {
            continue;
        }
        let arrow = if side == 0 { "first payload" } else { "first answer" };
        let heading =
            format!("{who}: {arrow}, {} of {} bytes", bytes.len().min(payload), grouped(bytes.len() as u64));
        let _ =
            write!(text, "\n{}\n{}", style.heading(&heading), hexdump(&bytes[..bytes.len().min(payload)]));
    }
    let _ = writeln!(text, "\n  offport extract {} -w session.pcapng   writes its packets", report.id);
    text
}

/// What its first payload said, from the record: names and values.
pub(crate) fn described(document: &serde_json::Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for field in offport_fingerprint::Field::ALL {
        let value = field.name().split('.').try_fold(document, |value, name| value.get(name));
        let text = match value {
            None | Some(serde_json::Value::Null) => continue,
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Array(items)) => {
                items.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
            }
            Some(other) => other.to_string(),
        };
        all.push((field.name().trim_start_matches("offport.").to_owned(), text));
    }
    all
}

fn packets(style: Style, report: &SessionReport) -> String {
    let start = report.packets.first().map(|packet| packet.time).unwrap_or_default();
    let mut rows: Vec<_> = report
        .packets
        .iter()
        .map(|packet| {
            let PacketRow { time, from_client, length, payload, ttl, tcp, .. } = packet;
            let arrow = if *from_client { ">" } else { "<" };
            let what = match tcp {
                Some(tcp) => {
                    let ack = tcp.ack.map(|ack| format!(" ack {ack}")).unwrap_or_default();
                    format!("{} seq {}{ack}", tcp.flags, tcp.seq)
                }
                None => packet.note.clone().unwrap_or_default(),
            };
            let around = [
                packet.vlan.map(|vlan| format!("vlan {vlan}")),
                packet.tunnel.map(str::to_owned),
                ttl.map(|ttl| format!("ttl {ttl}")),
            ];
            vec![
                format!("+{:.6}", time.since(start).as_secs_f64()),
                arrow.to_owned(),
                what,
                grouped((*payload).into()),
                grouped((*length).into()),
                around.into_iter().flatten().collect::<Vec<_>>().join(", "),
            ]
        })
        .collect();
    let more = report.kept - report.packets.len() as u64;
    if more > 0 {
        rows.push(vec![format!("({} more)", grouped(more))]);
    }
    style.table(&["Seconds", "", "Headers", "Payload", "Length", ""], &[1, 2, 5], rows)
}

/// Bytes over time, up above down.
fn timeline(style: Style, report: &SessionReport) -> String {
    let [Some(first), Some(last)] = [report.packets.first(), report.packets.last()] else {
        return String::new();
    };
    let whole = last.time.since(first.time);
    if whole.is_zero() || report.packets.len() < 4 {
        return String::new();
    }
    let slices = SLICES.min(usize::from(style.width).saturating_sub(20)).max(10);
    let mut sums = [vec![0_u64; slices], vec![0_u64; slices]];
    for packet in &report.packets {
        let part = packet.time.since(first.time).as_nanos() * slices as u128 / (whole.as_nanos() + 1);
        sums[usize::from(!packet.from_client)][(part as usize).min(slices - 1)] += u64::from(packet.length);
    }
    let most = sums.iter().flatten().copied().max().unwrap_or_default().max(1);
    let bar = |sum: &u64| match *sum {
        0 => ' ',
        sum => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][((sum * 7).div_ceil(most) as usize).min(7)],
    };
    let [up, down] = sums.map(|sums| sums.iter().map(bar).collect::<String>());
    let each = Duration::from_nanos((whole.as_nanos() / slices as u128) as u64);
    format!("\n  up   |{up}|\n  down |{down}|  {} each, {} at most\n", span(each), bytes(most))
}

/// 16 bytes a line: offset, hexadecimal, printable ASCII.
pub(crate) fn hexdump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, line) in bytes.chunks(16).enumerate() {
        let hex: String = line
            .iter()
            .enumerate()
            .map(|(at, byte)| format!("{}{byte:02x} ", if at == 8 { " " } else { "" }))
            .collect();
        let shown: String = line
            .iter()
            .map(|&byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' })
            .collect();
        let _ = writeln!(text, "  {:04x}  {hex:<49} {shown}", number * 16);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_hexadecimal_and_text() {
        let dump = hexdump(b"GET / HTTP/1.1\r\n\x1b[31m");
        assert_eq!(
            dump,
            "  0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..\n  \
             0010  1b 5b 33 31 6d                                    .[31m\n"
        );
    }
}
