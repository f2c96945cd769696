//! The summary for people. What matters most stands last, next to the prompt.

use std::fmt::Write as _;
use std::net::SocketAddr;

use offport_policy::{Severity, Verdict};
use offport_telemetry::human::bytes;

use super::document::{Document, Flows};
use super::flagged::{End, FlaggedFlow};
use super::hosts::Host;
use super::incidents::{Incident, incidents};
use crate::number::{counted, date_time_of, grouped, share};
use crate::terminal::{Style, clean};

impl Document {
    /// The summary as text; lists have at most `top` rows. Ends with a line feed.
    pub(crate) fn text(&self, style: Style, top: usize) -> String {
        let mut text = String::new();
        let sections = [
            self.totals(style),
            self.verdicts(style),
            self.protocols(style, top),
            hosts(style, "Hosts by bytes", &self.talkers.by_bytes),
            hosts(style, "Hosts by flagged flows", &self.talkers.by_flagged),
            self.dropped(style),
            self.limits(style),
            self.not_read(style, top),
            self.flagged(style, top),
        ];
        for section in sections.into_iter().filter(|section| !section.is_empty()) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&section);
        }
        text
    }

    fn totals(&self, style: Style) -> String {
        let mut text = String::new();
        let line = format!(
            "{}, {}, {}, {}",
            counted(self.files, "file"),
            counted(self.packets, "packet"),
            bytes(self.bytes),
            counted(self.flows, "flow"),
        );
        let _ = writeln!(text, "{}", style.heading(&line));
        if let (Some(start), Some(end)) = (&self.start, &self.end) {
            let _ = writeln!(text, "  {} to {} UTC", date_time_of(start), date_time_of(end));
        }
        text
    }

    fn verdicts(&self, style: Style) -> String {
        if self.flows == 0 {
            return String::new();
        }
        let row = |name: &str, flows: &Flows| {
            vec![
                name.to_owned(),
                grouped(flows.flows),
                share(flows.flows, self.flows),
                bytes(flows.bytes_up),
                bytes(flows.bytes_down),
            ]
        };
        let judged = Verdict::ALL.iter().zip(&self.verdicts.judged);
        let mut rows: Vec<_> = judged
            .filter(|(_, flows)| flows.flows > 0)
            .map(|(verdict, flows)| {
                let name = if verdict.is_alarm() {
                    style.paint("31", verdict.name())
                } else {
                    verdict.name().into()
                };
                row(&name, flows)
            })
            .collect();
        if self.verdicts.no_payload.flows > 0 {
            rows.push(row("(no payload)", &self.verdicts.no_payload));
        }
        style.table(&["Verdict", "Flows", "Share", "Up", "Down"], &[], rows)
    }

    fn protocols(&self, style: Style, top: usize) -> String {
        let mut rows: Vec<_> = self
            .protocols
            .iter()
            .take(top)
            .map(|row| {
                let Flows { flows, bytes_up, bytes_down } = row.flows;
                let name = row.protocol.unwrap_or("(not recognised)").to_owned();
                vec![name, grouped(flows), bytes(bytes_up), bytes(bytes_down)]
            })
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        if self.protocols.len() > top {
            rows.push(vec![format!("({} more)", self.protocols.len() - top)]);
        }
        style.table(&["Protocol", "Flows", "Up", "Down"], &[], rows)
    }

    fn dropped(&self, style: Style) -> String {
        let total = self.dropped.total();
        if total == 0 {
            return String::new();
        }
        let mut text = String::new();
        let heading = format!("{} of {} not processed", grouped(total), counted(self.packets, "packet"),);
        let _ = writeln!(text, "{}", style.heading(&heading));
        let mut rows = self.dropped.0.clone();
        rows.sort_by_key(|&(_, packets)| std::cmp::Reverse(packets));
        let width = rows.iter().map(|&(_, packets)| grouped(packets).len()).max().unwrap_or_default();
        for (reason, packets) in rows {
            let line = format!("{:>width$}  {reason}: {}", grouped(packets), in_words(reason));
            let _ = writeln!(text, "  {}", style.fit(&line, 2));
        }
        text
    }

    fn limits(&self, style: Style) -> String {
        if self.limits.is_empty() {
            return String::new();
        }
        let mut text = style.heading("Limits reached: raise them in [flow] of the configuration") + "\n";
        for (name, count) in &self.limits {
            let _ = writeln!(text, "  {name}: {}", grouped(*count));
        }
        text
    }

    fn not_read(&self, style: Style, top: usize) -> String {
        let mut text = String::new();
        let mut section = |heading: String, lines: Vec<String>| {
            if lines.is_empty() {
                return;
            }
            let _ = writeln!(text, "{}", style.heading(&heading));
            for line in lines.iter().take(top) {
                let _ = writeln!(text, "  {}", clean(line));
            }
            if lines.len() > top {
                let _ = writeln!(
                    text,
                    "  and {} more: --json or --top show them",
                    grouped((lines.len() - top) as u64)
                );
            }
        };
        let warnings = self.warnings.iter().map(|row| format!("{}: {}", row.path, row.warning)).collect();
        section(format!("Survived in {}", counted(self.warnings.len() as u64, "place")), warnings);
        section("Link types that are not supported".into(), self.link_types());
        let unreadable = self.unreadable.iter().map(|row| match row.packets {
            0 => row.error.clone(),
            packets => format!("{}, after {}", row.error, counted(packets, "packet")),
        });
        let heading =
            format!("{} could not be read to the end", counted(self.unreadable.len() as u64, "file"));
        section(heading, unreadable.collect());
        text
    }

    /// One line per link type, most packets first.
    fn link_types(&self) -> Vec<String> {
        let mut types: Vec<(u32, &str, u64, u64)> = Vec::new();
        for row in &self.unsupported {
            match types.iter_mut().find(|(code, ..)| *code == row.link_type) {
                Some((_, _, files, packets)) => {
                    *files += 1;
                    *packets += row.packets;
                }
                None => types.push((row.link_type, row.name, 1, row.packets)),
            }
        }
        types.sort_by_key(|&(code, _, _, packets)| (std::cmp::Reverse(packets), code));
        types
            .into_iter()
            .map(|(code, name, files, packets)| {
                format!("{name} ({code}): {} in {}", counted(packets, "packet"), counted(files, "file"))
            })
            .collect()
    }

    fn flagged(&self, style: Style, top: usize) -> String {
        let incidents = incidents(&self.flagged);
        let mut text = String::new();
        for incident in incidents.iter().take(top) {
            text.push_str(&paragraph(style, incident, self.files > 1));
            text.push('\n');
        }
        if incidents.len() > top {
            let more = grouped((incidents.len() - top) as u64);
            let _ = writeln!(text, "  and {more} more: --json or --top show them\n");
        }
        let line = match self.flagged_flows {
            0 if self.processed == 0 => style.paint("1;33", "Nothing to judge"),
            0 => style.paint("1;32", "Nothing flagged"),
            flows => style.paint("1;31", &format!("{} flagged", counted(flows, "flow"))),
        };
        let _ = writeln!(text, "{line}");
        text
    }
}

fn paragraph(style: Style, incident: &Incident<'_>, name_file: bool) -> String {
    let flow: &FlaggedFlow = incident.first;
    let mut text = String::new();
    let severity = flow.severity.name().to_uppercase();
    let colour = if flow.severity == Severity::High { "1;31" } else { "1;33" };
    // Padded before it is painted: escape codes have no width.
    let severity = style.paint(colour, &format!("{severity:<6}"));
    let _ = writeln!(
        text,
        "{severity}  {}",
        style.fit(&format!("{}: {} -> {}", flow.reason, flow.client.ip, end(flow.server)), 8)
    );
    let flows =
        if incident.flows > 1 { format!(", {} flows", grouped(incident.flows)) } else { String::new() };
    let line = format!(
        "{}, {} up, {} down{flows}",
        date_time_of(&flow.time),
        bytes(incident.bytes_up),
        bytes(incident.bytes_down),
    );
    let _ = writeln!(text, "        {}", style.fit(&line, 8));
    if name_file {
        let _ = writeln!(text, "        {}", style.fit(&clean(&flow.path), 8));
    }
    for (who, bytes) in [("client", &flow.first_bytes.client), ("server", &flow.first_bytes.server)] {
        if let Some(bytes) = bytes {
            let _ = writeln!(text, "        {}", style.fit(&format!("{who}: {bytes}"), 8));
        }
    }
    let _ = writeln!(text, "        flow {}", flow.flow_id);
    text
}

fn end(end: End) -> SocketAddr {
    SocketAddr::new(end.ip, end.port)
}

fn hosts(style: Style, heading: &str, hosts: &[Host]) -> String {
    if hosts.is_empty() {
        return String::new();
    }
    let rows = hosts
        .iter()
        .map(|host| {
            vec![
                host.ip.to_string(),
                bytes(host.bytes_sent),
                bytes(host.bytes_received),
                grouped(host.flows),
                grouped(host.flagged),
            ]
        })
        .collect();
    style.table(&[heading, "Sent", "Received", "Flows", "Flagged"], &[], rows)
}

/// What a reason means; `offport_wire::Drop` says it at length.
fn in_words(reason: &str) -> &'static str {
    match reason {
        "link_unsupported" => "of a link type that is not read",
        "link_truncated" => "the capture cut them inside the link header",
        "not_ip" => "ARP, LLDP, spanning tree and their like: no fault",
        "too_deep" => "more tags, labels or tunnels inside one another than are followed",
        "tunnel_malformed" => "a tunnel header contradicts itself",
        "ipv4_malformed" => "an impossible IPv4 header",
        "ipv6_malformed" => "an impossible IPv6 header",
        "ip_truncated" => "the capture cut them inside the IP header",
        "tcp_malformed" => "an impossible TCP header",
        "udp_malformed" => "an impossible UDP header",
        "sctp_malformed" => "an impossible SCTP header",
        "icmp_malformed" => "an impossible ICMP header",
        "transport_truncated" => "the capture cut them inside the transport header",
        "fragment_malformed" => "fragments that contradict their datagram",
        "fragment_timeout" => "the rest of the datagram did not come in time",
        "fragment_limit" => "more fragments at a time than are kept",
        "fragment_incomplete" => "the rest of the datagram is not in the capture",
        "table_full" => "the flow table was full",
        "interface_unknown" => "of an interface that the file does not describe",
        _ => "see the documentation",
    }
}
