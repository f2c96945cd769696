//! A configuration that changes while the sensor runs.

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
    reload(&mut sensor, reserved.clone(), "policy and signatures reloaded");
    assert!(
        sensor.logged.iter().any(|line| line.contains("changes in [flow] take a restart")),
        "{}",
        sensor.logged.join("\n")
    );
    traffic::pour(&lab, PORT, RAW, 0.0);
    sensor.wait_until("it is reserved now", |sensor| !sensor.events().is_empty());

    reload(&mut sensor, reserved.replace("http", "htpp"), "policy and signatures stay as they were");
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

    reload(&mut sensor, at_start, "policy and signatures reloaded");
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
