//! The explanation for people.

use std::fmt::Write as _;
use std::net::SocketAddr;

use offport_engine::FlowRecord;
use offport_fingerprint::{Description, Value};
use offport_telemetry::human::bytes;

use super::document::{Document, Verdict};
use super::find::Payload;
use crate::number::{counted, date_time, span};
use crate::summary::End;
use crate::terminal::{Style, clean};

/// Payload bytes of each side that are shown.
const SHOWN: usize = 128;

impl Document {
    pub(super) fn text(&self, style: Style) -> String {
        let mut text = String::new();
        if let (Some(record), Some(id), Some(path)) = (&self.of, &self.flow_id, &self.path) {
            flow(&mut text, style, record, id, path);
        }
        let Some(judged) = &self.judged else {
            text.push_str("\nNo payload, so no verdict.\n");
            return text;
        };
        description(&mut text, style, &self.description);
        if let Some(payload) = &self.payload {
            for (who, side) in [("client", &payload.client), ("server", &payload.server)] {
                let _ = writeln!(text);
                dump(&mut text, style, who, side);
            }
            if let Some(breach) = &payload.breach {
                let _ = writeln!(text);
                let heading = format!("What the {} sent later, where the rule is broken", breach.speaker);
                let _ = writeln!(text, "{}", style.heading(&heading));
                rows(&mut text, breach.payload.bytes.get(..SHOWN).unwrap_or(&breach.payload.bytes));
            }
            let _ = writeln!(text, "\n{}", style.heading("What it is"));
            let _ = writeln!(text, "  {}", judged.seen);
            let packets = counted(u64::from(payload.packets), "payload packet");
            let _ = writeln!(text, "  settled after {packets}; the {} spoke first", judged.first_speaker);
            if judged.midstream {
                text.push_str("  the start of the flow was not seen\n");
            }
            if judged.subflow {
                text.push_str("  a subflow of a Multipath TCP connection\n");
            }
        } else {
            let _ = writeln!(
                text,
                "{}\n  {} -> {}/{}: {}",
                style.heading("A flow that does not exist"),
                judged.client.ip,
                address(judged.server),
                judged.transport,
                judged.seen,
            );
        }
        verdict(&mut text, style, judged);
        text
    }
}

fn flow(text: &mut String, style: Style, record: &FlowRecord, id: &str, path: &str) {
    let transport =
        record.transport.name().map_or_else(|| format!("protocol {}", record.transport.0), str::to_owned);
    let (client, server) = (
        SocketAddr::new(record.client.ip, record.client.port),
        SocketAddr::new(record.server.ip, record.server.port),
    );
    let _ = writeln!(text, "{}", style.heading(&format!("{transport} {client} -> {server}")));
    let _ = writeln!(text, "  flow     {id}");
    let _ = writeln!(text, "  capture  {}", clean(path));
    let _ = writeln!(
        text,
        "  time     {} UTC, {}, ended by {}",
        date_time(record.start),
        span(record.end.since(record.start)),
        record.reason.name(),
    );
    for (who, end) in [("client", &record.client), ("server", &record.server)] {
        let _ = writeln!(
            text,
            "  {who}   {}, {}, {} of payload",
            counted(end.packets, "packet"),
            bytes(end.bytes),
            bytes(end.payload),
        );
    }
    if let Some(tcp) = record.tcp {
        let _ = writeln!(
            text,
            "  tcp      {}, {} retransmitted, {} out of order",
            tcp.state.name(),
            tcp.retransmitted,
            tcp.out_of_order,
        );
    }
    if let Some(tunnel) = record.tunnel {
        let _ = writeln!(text, "  tunnel   {}", tunnel.kind.name());
    }
}

/// What the flow says, by the names that it has in records.
fn description(text: &mut String, style: Style, description: &Description) {
    let width = description.iter().map(|(field, _)| field.name().len()).max().unwrap_or_default();
    if width > 0 {
        let _ = writeln!(text, "\n{}", style.heading("What it says of itself"));
    }
    for (field, value) in description.iter() {
        let value = match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::List(items) => items.join(", "),
            Value::Flag => "yes".to_owned(),
        };
        let _ = writeln!(text, "  {:<width$}  {value}", field.name());
    }
}

fn dump(text: &mut String, style: Style, who: &str, payload: &Payload) {
    let Payload { bytes, ends } = payload;
    if bytes.is_empty() {
        let _ = writeln!(text, "{}", style.heading(&format!("The {who} had sent nothing")));
        return;
    }
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let of = if shown.len() < bytes.len() { format!("{} of ", shown.len()) } else { String::new() };
    let heading = format!(
        "First {of}{} of the {who}, in {}",
        counted(bytes.len() as u64, "byte"),
        counted(ends.len() as u64, "segment"),
    );
    let _ = writeln!(text, "{}", style.heading(&heading));
    rows(text, shown);
}

fn rows(text: &mut String, shown: &[u8]) {
    for (row, bytes) in shown.chunks(16).enumerate() {
        let mut hex = String::new();
        for (at, byte) in bytes.iter().enumerate() {
            let _ = write!(hex, "{}{byte:02x}", if at == 8 { "  " } else { " " });
        }
        let plain: String = bytes
            .iter()
            .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' })
            .collect();
        let _ = writeln!(text, "  {:04x} {hex:<49}  {plain}", row * 16);
    }
}

fn verdict(text: &mut String, style: Style, judged: &Verdict) {
    let _ = writeln!(text, "\n{}", style.heading("Step by step"));
    for step in &judged.steps {
        let _ = writeln!(text, "  {:<9}  {}", step.topic, clean(&step.text));
    }
    let outcome = format!("Verdict: {}, severity {}", judged.verdict, judged.severity);
    let _ = writeln!(text, "\n{}", style.heading(&outcome));
    let width = judged.reasons.iter().map(|reason| reason.code.len()).max().unwrap_or_default();
    for reason in &judged.reasons {
        let _ = writeln!(text, "  {:<width$}  {}", reason.code, reason.text);
    }
    if let Some(rule) = &judged.rule {
        let _ = writeln!(text, "  {:<width$}  {}", "rule", clean(rule));
    }
}

fn address(end: End) -> SocketAddr {
    SocketAddr::new(end.ip, end.port)
}
