use offport_engine::Head;
use offport_policy::Severity;
use offport_wire::Timestamp;

use super::*;
use crate::ecs::tests::incident;

fn event(phase: EventPhase, severity: Severity) -> Event {
    let mut record = incident();
    if let Some(judgement) = &mut record.judgement {
        judgement.severity = severity;
    }
    Event { phase, record, client: Head::EMPTY, server: Head::EMPTY, repeats: 0 }
}

fn alerts() -> Alerts {
    let url = "http://search/?flow={flow_id}".to_owned();
    Alerts::new(Some("tap-1".to_owned()), Some(url), Duration::from_secs(3600))
}

fn kinds(messages: &[Message]) -> Vec<Kind> {
    messages.iter().map(|message| message.kind).collect()
}

fn read(message: &Message) -> Alert {
    serde_json::from_slice(&message.body).unwrap()
}

#[test]
fn an_alert_says_who_and_what() {
    let messages = alerts().event(&event(EventPhase::Flagged, Severity::High));
    assert_eq!(kinds(&messages), [Kind::Firing]);
    let alert = read(&messages[0]);
    let labels: Vec<_> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        labels,
        [
            "alertname=OffportFlow",
            "destination=198.51.100.7",
            "port=80",
            "sensor=tap-1",
            "severity=high",
            "source=10.217.145.233",
            "transport=tcp",
            "verdict=unrecognised"
        ]
    );
    assert_eq!(alert.annotations["flow_id"], alert.flow);
    assert_eq!(alert.annotations["reasons"], "port_reserved, no_known_protocol");
    assert!(alert.annotations["description"].starts_with("HIGH: raw data on 80/tcp"));
    assert_eq!(alert.url, Some(format!("http://search/?flow={}", alert.flow)));
}

#[test]
fn an_alert_lives_as_long_as_its_flow() {
    let mut alerts = alerts();
    let flagged = event(EventPhase::Flagged, Severity::High);
    let firing = read(&alerts.event(&flagged)[0]);
    let mut interim = FlowRecord { action: Action::Interim, ..flagged.record };
    interim.client.bytes += 1_000_000;
    let alive = alerts.record(&interim).unwrap();
    assert_eq!((alive.kind, &read(&alive).labels), (Kind::Firing, &firing.labels));
    assert_ne!(read(&alive).annotations, firing.annotations, "how much there is so far");
    let over = alerts.record(&flagged.record).unwrap();
    assert_eq!((over.kind, read(&over).labels), (Kind::Resolved, firing.labels));
    assert_eq!(alerts.record(&flagged.record), None, "it was not flagged, as far as is known");
}

#[test]
fn a_flow_that_is_flagged_again_changes_its_alert() {
    let mut alerts = alerts();
    alerts.event(&event(EventPhase::Flagged, Severity::Medium));
    assert_eq!(kinds(&alerts.event(&event(EventPhase::Flagged, Severity::Medium))), [Kind::Firing]);
    let messages = alerts.event(&event(EventPhase::Flagged, Severity::High));
    assert_eq!(kinds(&messages), [Kind::Resolved, Kind::Firing]);
    let severities: Vec<_> =
        messages.iter().map(|message| read(message).labels["severity"].clone()).collect();
    assert_eq!(severities, ["medium", "high"]);
    // Its end ends what is open, whatever the totals make of it.
    let ended = alerts.event(&event(EventPhase::Ended, Severity::Low));
    assert_eq!((kinds(&ended), read(&ended[0]).labels["severity"].as_str()), (vec![Kind::Resolved], "high"));
}

#[test]
fn flows_whose_end_never_comes_are_forgotten() {
    let mut alerts = alerts();
    let flag = |alerts: &mut Alerts, count: u32| {
        for number in 0..count {
            let mut flagged = event(EventPhase::Flagged, Severity::High);
            flagged.record.start = Timestamp::from_nanos(u64::from(number));
            assert_eq!(kinds(&alerts.event(&flagged)), [Kind::Firing]);
        }
    };
    flag(&mut alerts, 2 * OPEN as u32);
    assert_eq!(alerts.open.len(), OPEN, "no more than that");
    alerts.hold = Duration::ZERO;
    flag(&mut alerts, 10 * OPEN as u32);
    assert!(alerts.open.len() <= SWEEP, "{}", alerts.open.len());
}
