//! An event as a syslog message (RFC 5424): a header, the main fields as structured data, and a text.

use std::fmt::Write as _;

use offport_engine::{Event, EventPhase, FlowRecord};
use offport_policy::Severity;

use crate::ecs::rfc3339;

/// The structured data's name. The enterprise number is the one for documentation (RFC 5612): the project has none.
const DATA: &str = "offport@32473";
/// What is unknown (section 6).
const NIL: &str = "-";

/// A facility (section 6.2.1, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(pub u8);

/// What all messages of this process begin with.
#[derive(Clone, Debug)]
pub struct Header {
    facility: Facility,
    host: String,
}

impl Header {
    /// `host` is the sensor's name; what a header cannot hold of it is replaced.
    pub fn new(facility: Facility, host: Option<&str>) -> Self {
        // PRINTUSASCII, 255 of them at most (section 6).
        let printable = |c: char| if c.is_ascii_graphic() { c } else { '_' };
        let host: String = host.unwrap_or_default().chars().take(255).map(printable).collect();
        Self { facility, host: if host.is_empty() { NIL.to_owned() } else { host } }
    }

    /// The event, with `text` as its message.
    pub fn line(&self, event: &Event, text: &[u8]) -> Vec<u8> {
        let record = &event.record;
        let (id, severity) = match event.phase {
            EventPhase::Flagged => ("flagged", severity(record)),
            // Nothing new is wrong.
            EventPhase::Ended => ("ended", severity(record).max(5)),
        };
        let mut line = format!(
            "<{}>1 {} {} offportd {} {id} [{DATA}",
            u16::from(self.facility.0.min(23)) * 8 + u16::from(severity),
            rfc3339(record.end),
            self.host,
            std::process::id(),
        );
        data(record, &mut line);
        line.push_str("] ");
        let mut line = line.into_bytes();
        line.extend(text);
        line
    }
}

/// Section 6.2.1, table 2.
fn severity(record: &FlowRecord) -> u8 {
    match record.judgement.map(|judgement| judgement.severity) {
        Some(Severity::High) => 2,
        Some(Severity::Medium) => 4,
        Some(Severity::Low) => 5,
        Some(Severity::Info | Severity::None) | None => 6,
    }
}

fn data(record: &FlowRecord, line: &mut String) {
    let judgement = record.judgement;
    let has_ports = record.transport.has_ports();
    let reasons: Vec<_> =
        judgement.iter().flat_map(|judgement| judgement.reasons.iter()).map(|reason| reason.name()).collect();
    for (name, value) in [
        ("flow_id", Some(record.id().to_string())),
        ("verdict", judgement.map(|judgement| judgement.verdict.name().to_owned())),
        ("severity", judgement.map(|judgement| judgement.severity.name().to_owned())),
        ("source", Some(record.client.ip.to_string())),
        ("source_port", has_ports.then(|| record.client.port.to_string())),
        ("destination", Some(record.server.ip.to_string())),
        ("port", has_ports.then(|| record.server.port.to_string())),
        ("transport", record.transport.name().map(str::to_owned)),
        ("protocol", record.protocol.map(|(protocol, _)| protocol.name().to_owned())),
        ("direction", judgement.map(|judgement| judgement.direction.name().to_owned())),
        ("reasons", (!reasons.is_empty()).then(|| reasons.join(","))),
        ("bytes_up", Some(record.client.bytes.to_string())),
        ("bytes_down", Some(record.server.bytes.to_string())),
    ] {
        if let Some(value) = value {
            let _ = write!(line, " {name}=\"");
            escape(&value, line);
            line.push('"');
        }
    }
}

/// Section 6.3.3.
fn escape(value: &str, line: &mut String) {
    for character in value.chars() {
        if matches!(character, '"' | '\\' | ']') {
            line.push('\\');
        }
        line.push(character);
    }
}

#[cfg(test)]
mod tests {
    use offport_engine::Head;

    use super::*;
    use crate::ecs::tests::incident;

    fn event(phase: EventPhase) -> Event {
        Event { phase, record: incident(), client: Head::EMPTY, server: Head::EMPTY, repeats: 0 }
    }

    #[test]
    fn an_event_has_a_header_data_and_a_text() {
        let line =
            Header::new(Facility(16), Some("tap 1")).line(&event(EventPhase::Flagged), b"what is wrong");
        let expected = format!(
            "<130>1 2025-11-24T16:00:02.500001Z tap_1 offportd {} flagged [offport@32473 flow_id=\"1j4b50p4g01pcd6yj213\" \
             verdict=\"unrecognised\" severity=\"high\" source=\"10.217.145.233\" source_port=\"51234\" \
             destination=\"198.51.100.7\" port=\"80\" transport=\"tcp\" direction=\"outbound\" \
             reasons=\"port_reserved,no_known_protocol\" bytes_up=\"9000\" bytes_down=\"468\"] what is wrong",
            std::process::id()
        );
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    #[test]
    fn the_end_is_no_alarm_of_its_own() {
        let line = Header::new(Facility(0), None).line(&event(EventPhase::Ended), b"");
        let line = String::from_utf8(line).unwrap();
        assert!(
            line.starts_with("<5>1 ") && line.contains(" - offportd ") && line.contains(" ended ["),
            "{line}"
        );
    }

    #[test]
    fn values_cannot_end_the_data() {
        let mut text = String::new();
        escape(r#"a"b]c\d"#, &mut text);
        assert_eq!(text, r#"a\"b\]c\\d"#);
    }
}
