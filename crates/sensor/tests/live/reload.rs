//! A configuration that changes while the sensor runs.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::lab::{self, Lab};
use crate::sensor::{Sensor, assert_identity};
use crate::traffic::{self, Server};

const PORT: u16 = 9000;
/// What no protocol starts like.
const RAW: &str = "0102030405060708f0f1f2f3";

#[test]
fn sighup_has_the_policy_read_anew_and_a_bad_one_changes_nothing() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut sensor = Sensor::start(&lab, "");
    let _server = Server::start(&lab, PORT, "", 1);
    let at_start = std::fs::read_to_string(sensor.path("offport.toml")).unwrap();
    let verdicts = |sensor: &Sensor<'_>, verdict: &str| {
        sensor.metric("offport_flows_judged_total", &[&format!("verdict=\"{verdict}\"")])
    };
    let reload = |sensor: &mut Sensor<'_>, config: String, says: &str| {
        std::fs::write(sensor.path("offport.toml"), config).unwrap();
        sensor.signal("-HUP");
        sensor.wait_for_log(says);
        // Each worker looks at least every tenth of a second.
        std::thread::sleep(Duration::from_millis(300));
    };
    traffic::pour(&lab, PORT, RAW, 0.0);
    sensor.wait_until("the port is reserved for nothing", |sensor| verdicts(sensor, "unknown") == 1);

    let reserved = format!(
        "{at_start}\n[[policy.port]]\nport = {PORT}\ntransport = \"tcp\"\nexpects = [\"http\"]\n\
         [[policy.host]]\nnetwork = \"0.0.0.0/0\"\nname = \"everybody\"\nmay_serve = [\"http\"]\n[flow.timeouts]\nactive = \"59s\"\n"
    );
    reload(&mut sensor, reserved.clone(), "configuration reloaded");
    assert!(
        sensor.logged.iter().any(|line| line.contains("changes in [flow] take a restart")),
        "{}",
        sensor.logged.join("\n")
    );
    traffic::pour(&lab, PORT, RAW, 0.0);
    sensor.wait_until("it is reserved now", |sensor| !sensor.events().is_empty());

    reload(&mut sensor, reserved.replace("http", "htpp"), "the configuration stays as it was");
    sensor.wait_for_log("htpp");
    traffic::pour(&lab, PORT, RAW, 0.0);
    let reloads = |sensor: &Sensor<'_>, result: &str| sensor.metric("offport_reloads_total", &[result]);
    sensor.wait_until("both are counted", |sensor| {
        (reloads(sensor, "done"), reloads(sensor, "refused")) == (1, 1)
    });
    // One of the two flows may be suppressed: they are counted all the same.
    sensor.wait_until("it still is", |sensor| {
        verdicts(sensor, "unrecognised") + verdicts(sensor, "forbidden") == 2
    });

    reload(&mut sensor, at_start, "configuration reloaded");
    // The log says that already.
    sensor.wait_until("it is reloaded a second time", |sensor| reloads(sensor, "done") == 2);
    traffic::pour(&lab, PORT, RAW, 0.0);
    sensor.wait_until("it is reserved for nothing again", |sensor| verdicts(sensor, "unknown") == 2);
    std::thread::sleep(Duration::from_millis(1_200));
    let metrics = sensor.get("/metrics");
    assert_identity(&metrics);
    for stage in ["socket", "worker"] {
        let stage = format!("stage=\"{stage}\"");
        assert_eq!(crate::sensor::sum(&metrics, "offport_packets_dropped_total", &[&stage]), 0, "{stage}");
    }

    assert_eq!(sensor.end("-TERM"), Some(0));
    let events = sensor.events();
    let rules: Vec<_> = events.iter().filter_map(|event| event["rule"]["name"].as_str()).collect();
    assert!(!rules.is_empty() && rules.iter().all(|rule| *rule == rules[0]), "{rules:?}");
    assert!(rules[0].contains("http") || rules[0].contains("everybody"), "{rules:?}");
}

#[test]
fn sighup_has_events_go_elsewhere_or_changes_nothing() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut sensor = Sensor::start(&lab, "");
    // An event of its own for each: the same pair on another port is no repeat.
    let ports = [80, 443, 25, 21];
    let _servers = ports.map(|port| Server::start(&lab, port, "", 1));
    let at_start = std::fs::read_to_string(sensor.path("offport.toml")).unwrap();
    let log = UnixDatagram::bind(sensor.path("log.socket")).unwrap();
    log.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let reload = |sensor: &mut Sensor<'_>, config: &str, result: &str, count: u64| {
        std::fs::write(sensor.path("offport.toml"), config).unwrap();
        sensor.signal("-HUP");
        sensor.wait_until("it was read", |sensor| sensor.metric("offport_reloads_total", &[result]) == count);
    };
    // Whether a file has an event of that port; ECS and EVE name it differently.
    let has = |sensor: &Sensor<'_>, file: &str, port: u16| {
        sensor.lines(file).iter().any(|event| {
            [&event["destination"]["port"], &event["dest_port"]].iter().any(|value| **value == port)
        })
    };
    let said = |port: u16| {
        let mut line = [0; 2_048];
        let mut receive =
            || log.recv(&mut line).map(|length| String::from_utf8_lossy(&line[..length]).into_owned());
        std::iter::from_fn(|| receive().ok()).any(|line| line.contains(&format!("raw data on {port}/tcp")))
    };
    traffic::pour(&lab, 80, RAW, 0.0);
    sensor.wait_until("the first event", |sensor| has(sensor, "events.jsonl", 80));

    // Elsewhere, in another format, and to syslog; what workers do by it is for a restart.
    let elsewhere = at_start.replace("events.jsonl\"", "elsewhere.jsonl\"\nformat = \"eve\"\nrate = 7")
        + &format!("[syslog]\nenabled = true\npath = {:?}\n", sensor.path("log.socket"));
    reload(&mut sensor, &elsewhere, "done", 1);
    sensor.wait_for_log("changes in [events] take a restart");
    traffic::pour(&lab, 443, RAW, 0.0);
    sensor.wait_until("the second event", |sensor| has(sensor, "elsewhere.jsonl", 443));
    assert!(sensor.lines("elsewhere.jsonl")[0]["event_type"] == "alert");
    assert!(said(443), "syslog hears of it");

    // One that cannot be opened: neither is its policy taken, nor are its forwarders.
    let path = format!("{:?}", sensor.path("events.jsonl"));
    let nowhere = at_start.replace(&path, "\"/proc/no-such-folder/events.jsonl\"")
        + "[[policy.port]]\nport = 25\ntransport = \"tcp\"\nexpects = []\n";
    reload(&mut sensor, &nowhere, "refused", 1);
    sensor.wait_for_log("no-such-folder");
    traffic::pour(&lab, 25, RAW, 0.0);
    sensor.wait_until("the third event", |sensor| has(sensor, "elsewhere.jsonl", 25));
    assert!(said(25), "syslog still hears of it");

    // And back.
    reload(&mut sensor, &at_start, "done", 2);
    traffic::pour(&lab, 21, RAW, 0.0);
    sensor.wait_until("the fourth event", |sensor| has(sensor, "events.jsonl", 21));
    assert!(!has(&sensor, "elsewhere.jsonl", 21) && !has(&sensor, "events.jsonl", 443));
    std::thread::sleep(Duration::from_millis(1_200));
    assert_identity(&sensor.get("/metrics"));
    // A flow that ends meanwhile adds a line before it is in the metrics.
    sensor.wait_until("the count goes on over both files", |sensor| {
        let written = sensor.metric("offport_sink_lines_total", &["sink=\"events\""]);
        let there = sensor.lines("events.jsonl").len() + sensor.lines("elsewhere.jsonl").len();
        written == there as u64
    });
    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
}
