//! What operators get for Prometheus and Grafana, held against the real programs and a live sensor: rules, their unit
//! tests, the example configuration, the dashboard, and the page that explains them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test may fail in any way"
)]

#[path = "prometheus/dashboard.rs"]
mod dashboard;
#[path = "prometheus/expression.rs"]
mod expression;
#[path = "prometheus/known.rs"]
mod known;
#[allow(dead_code, reason = "shared with the live tests")]
#[path = "live/lab.rs"]
mod lab;
#[path = "prometheus/rules.rs"]
mod rules;
#[allow(dead_code, reason = "shared with the live tests")]
#[path = "live/sensor.rs"]
mod sensor;
#[path = "prometheus/server.rs"]
mod server;
#[allow(dead_code, reason = "shared with the live tests")]
#[path = "live/traffic.rs"]
mod traffic;

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use crate::expression::Expression;
use crate::known::Known;
use crate::lab::{CLIENT, Lab, SERVER};
use crate::sensor::Sensor;
use crate::server::Prometheus;
use crate::traffic::Server;

/// Raw data: no protocol starts like this.
const RAW: &str = "8f0e6cd2a19be30c55f7aa013c9d4e7781f2c06b9a5d3e4f";

/// Alerts that a lab raises by its nature: a veth has no zero-copy.
const OF_THE_LAB: &[&str] = &["OffportNoZeroCopy"];

/// The four kinds of alarm, and the alert of each.
const ALARMS: [(&str, &str); 4] = [
    ("unrecognised", "OffportUnrecognised"),
    ("mismatch", "OffportMismatch"),
    ("imposter", "OffportImposter"),
    ("forbidden", "OffportForbidden"),
];

#[test]
fn a_live_prometheus_raises_the_alerts_and_answers_every_expression() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    // The client is at home and the server is not, so that what it sends is outbound.
    let sinks = Sinks::new();
    let policy = format!(
        "{}[policy]\nhome_networks = [\"{CLIENT}\"]\n\
         [[policy.host]]\nnetwork = \"{SERVER}\"\nname = \"no cache\"\nmust_not_serve = [\"redis\"]\n",
        sinks.sections()
    );
    let mut sensor = Sensor::start(&lab, &policy);
    let prometheus = Prometheus::start(&lab);
    // An increase is seen from the second sample on.
    prometheus.wait_for("sum(offport_flows_judged_total) == 0");
    prometheus.wait_for("up{job=\"offport\"} == 1");

    let _servers = alarming_traffic(&lab);
    for (verdict, alert) in ALARMS {
        let judged = format!("sum(offport_flows_judged_total{{verdict=\"{verdict}\"}}) >= 1");
        prometheus.wait_for(&judged);
        prometheus.wait_for_alert(alert);
    }
    let names = rules::names();
    for record in &names.records {
        prometheus.wait_for(&format!("{record} >= 0"));
    }

    // Nothing else is wrong for longer than counters are apart, and no rule fails.
    let expected: BTreeSet<&str> =
        ALARMS.iter().map(|&(_, alert)| alert).chain(OF_THE_LAB.iter().copied()).collect();
    for alert in prometheus.wait_for_no_alert_but(&expected) {
        assert!(!alert.text.contains("<error") && !alert.text.contains("<no value>"), "{alert:?}");
        let opened = alert.name == "OffportUnrecognised";
        assert!(!opened || alert.text.contains(&format!("{CLIENT} to {SERVER} port 80/tcp")), "{alert:?}");
    }
    let rules = prometheus.rules();
    assert_eq!(rules.len(), names.alerts.len() + names.records.len(), "every rule is loaded");

    // Each metric, label and value that an expression names is one of this sensor's.
    let known = Known::of(&prometheus);
    for rule in &rules {
        assert_eq!(rule.error, "", "{}", rule.name);
        known.assert_knows(&rule.name, &Expression::parse(&rule.query));
    }
    for panel in dashboard::panels() {
        let title = panel.title.as_str();
        for query in &panel.queries {
            let text = query.substituted("127.0.0.1:10217");
            known.assert_knows(title, &Expression::parse(&text));
            let may_be_empty = dashboard::MAY_BE_EMPTY.contains(&title);
            let mut found = prometheus.query(&text);
            // A rate is there with the second scrape that has its series.
            for _ in (0..20).take_while(|_| !may_be_empty) {
                if !found.is_empty() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(500));
                found = prometheus.query(&text);
            }
            assert!(!found.is_empty() || may_be_empty, "{title}: no data for {text}");
            // Alerts differ in their labels.
            for label in query.labels.iter().filter(|_| title != "Alerts") {
                let is_everywhere = found.iter().all(|series| series["metric"].get(label).is_some());
                assert!(is_everywhere, "{title}: no {label} in {found:?}");
            }
        }
    }

    // A sensor that goes is missed.
    assert_eq!(sensor.end("-TERM"), Some(0));
    prometheus.wait_for("up{job=\"offport\"} == 0");
    prometheus.wait_for_alert("OffportDown");
}

/// A syslog server and a storage, so that what their metrics say is there.
struct Sinks {
    folder: tempfile::TempDir,
}

impl Sinks {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("uploaded")).unwrap();
        let socket = UnixDatagram::bind(folder.path().join("log")).unwrap();
        // Until the test ends: a socket that nobody reads takes ten messages.
        std::thread::spawn(move || while socket.recv(&mut [0; 4096]).is_ok() {});
        Self { folder }
    }

    fn sections(&self) -> String {
        let folder = self.folder.path().display();
        format!(
            "[syslog]\nenabled = true\npath = \"{folder}/log\"\n\
             [store.upload]\nenabled = true\nurl = \"file://{folder}/uploaded\"\n"
        )
    }
}

/// One flow of each kind of alarm, and honest ones. The servers go on until they are dropped.
fn alarming_traffic(lab: &Lab) -> [Server; 4] {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let request = "GET / HTTP/1.1\r\nHost: example\r\n\r\n";
    let ssh = "SSH-2.0-OpenSSH_9.2\r\n";
    let servers = [
        Server::start(lab, 80, ANSWER, 1),
        Server::start(lab, 443, ssh, 0),
        Server::start(lab, 6379, "+PONG\r\n", 0),
        Server::start(lab, 8008, ANSWER, 1),
    ];
    traffic::connections(lab, 80, 20, request, 0);
    traffic::pour(lab, 80, RAW, 0.1);
    traffic::connections(lab, 443, 1, ssh, 0);
    traffic::connections(lab, 6379, 1, "*1\r\n$4\r\nPING\r\n", 0);
    // HTTP at first, and what is no request after the answer.
    traffic::client(
        lab,
        &format!(
            "import socket, time\n\
             s = socket.create_connection(('{SERVER}', 8008), timeout=10)\n\
             s.sendall({request:?}.encode('latin1'))\n\
             s.recv(65536)\n\
             s.sendall(bytes.fromhex('{RAW}' * 4))\n\
             time.sleep(0.3)\n\
             s.close()\n"
        ),
    );
    servers
}

#[test]
fn promtool_accepts_rules_and_configuration_and_their_tests_pass() {
    let folder = rules::folder();
    for arguments in [
        ["check", "rules", "offport.rules.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "offport.rules.test.yml"],
    ] {
        let output = std::process::Command::new("promtool")
            .current_dir(&folder)
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("promtool: {error}; scripts/setup test installs it"));
        assert!(
            output.status.success(),
            "promtool {}:\n{}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn every_alert_is_tested_firing_and_silent_and_every_recorded_expression_has_a_value() {
    let (names, tested) = (rules::names(), rules::tested());
    assert_eq!(tested.firing, names.alerts, "firing");
    assert_eq!(tested.silent, names.alerts, "silent");
    assert_eq!(tested.expressions, names.records, "recorded");
}

#[test]
fn every_alert_opens_its_row_of_the_page() {
    let page = std::fs::read_to_string(docs().join("patterns.md")).unwrap();
    for (alert, annotations) in rules::annotations() {
        let link = annotations.iter().find_map(|line| line.strip_prefix("page: ")).unwrap_or_default();
        let anchor =
            link.strip_prefix("docs/patterns.md#").unwrap_or_else(|| panic!("{alert}: page {link:?}"));
        let row = page
            .lines()
            .find(|line| line.contains(&format!("<a id=\"{anchor}\"></a>")))
            .unwrap_or_else(|| panic!("{alert}: docs/patterns.md has no {anchor}"));
        assert!(row.contains(&format!("`{alert}`")), "the row {anchor} does not name {alert}");
        for name in ["summary: ", "description: "] {
            assert!(annotations.iter().any(|line| line.starts_with(name)), "{alert} has no {name}");
        }
        assert!(annotations.iter().any(|line| line.contains("Next: ")), "{alert} says no next step");
        for link in annotations.iter().flat_map(|line| line.split_whitespace()) {
            assert_there(&alert, link);
        }
    }
}

/// What a text refers to in docs/, with the heading after `#`.
fn assert_there(alert: &str, word: &str) {
    let Some(link) = word.strip_prefix("docs/") else { return };
    let link = link.trim_end_matches(['.', ',', ';', ':']);
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let text =
        std::fs::read_to_string(docs().join(file)).unwrap_or_else(|error| panic!("{alert}: {link}: {error}"));
    let slug = |line: &str| {
        line.trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect::<String>()
    };
    let is_there = heading.is_empty()
        || text.contains(&format!("<a id=\"{heading}\"></a>"))
        || text.lines().any(|line| line.starts_with('#') && slug(line) == heading);
    assert!(is_there, "{alert}: docs/{file} has no heading {heading}");
}

/// The page and the annotations name metrics of docs/metrics.md and keys of config/offport.toml, and no others.
#[test]
fn metrics_and_keys_that_texts_name_exist() {
    let root = rules::root();
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (metrics, configuration) = (read("docs/metrics.md"), read("config/offport.toml"));
    let keys = keys(&configuration);
    let sections: BTreeSet<&str> = keys.iter().filter_map(|key| key.split('.').next()).collect();
    let annotations = rules::annotations().into_iter().flat_map(|(_, lines)| lines);
    let texts = annotations.chain([read("docs/patterns.md")]);
    let mut seen = [0, 0];
    for text in texts {
        let words =
            text.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_' && c != '.');
        for word in words.map(|word| word.trim_matches('.')).filter(|word| !word.ends_with(".md")) {
            if word.starts_with("offport_") {
                seen[0] += 1;
                assert!(metrics.contains(&format!("`{word}`")), "docs/metrics.md has no {word}");
            } else if word.split_once('.').is_some_and(|(section, _)| sections.contains(section)) {
                seen[1] += 1;
                assert!(keys.contains(word), "config/offport.toml has no {word}");
            }
        }
    }
    assert!(seen[0] > 100 && seen[1] > 50, "{seen:?}");
}

/// `section` and `section.key` of all there are, examples included.
fn keys(configuration: &str) -> BTreeSet<String> {
    let mut section = "";
    let mut keys = BTreeSet::new();
    for line in configuration.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']);
            keys.insert(section.to_owned());
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            keys.insert(format!("{section}.{key}"));
        }
    }
    keys
}

fn docs() -> PathBuf {
    rules::root().join("docs")
}

#[test]
fn the_dashboard_is_one_that_grafana_imports() {
    dashboard::assert_importable();
}
