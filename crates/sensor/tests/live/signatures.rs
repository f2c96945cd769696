//! Signature files that change while the sensor runs.

use crate::lab::{self, Lab};
use crate::sensor::Sensor;
use crate::traffic::{self, Server};

const PORT: u16 = 9000;

/// What the client says, and what no built-in protocol starts like.
const HELLO: &str = "ac3e544d8f0e6cd2a19be30c55f7aa01";

fn signature(name: &str) -> String {
    format!("[[signature]]\nname = \"{name}\"\ntransport = \"tcp\"\nmatch = [{{ bytes = \"ac3e544d\" }}]\n")
}

#[test]
fn sighup_has_signature_files_read_anew_and_a_bad_one_changes_nothing() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("acme.toml");
    let own = format!("[fingerprint]\nsignatures = \"{}\"\n", folder.path().display());
    let mut sensor = Sensor::start(&lab, &own);
    let _server = Server::start(&lab, PORT, "", 1);
    let metric = |sensor: &Sensor<'_>, name: &str, labels: &[&str]| sensor.metric(name, labels);
    let observed = |sensor: &Sensor<'_>, name: &str| {
        metric(sensor, "offport_flows_observed_total", &[&format!("protocol=\"{name}\"")])
    };

    traffic::pour(&lab, PORT, HELLO, 0.0);
    sensor.wait_until("it is not known", |sensor| observed(sensor, "none") == 1);

    std::fs::write(&file, signature("acme")).unwrap();
    sensor.signal("-HUP");
    sensor.wait_for_log("configuration reloaded");
    // Each worker looks at least every tenth of a second.
    std::thread::sleep(std::time::Duration::from_millis(300));
    traffic::pour(&lab, PORT, HELLO, 0.0);
    sensor.wait_until("it is known", |sensor| observed(sensor, "acme") == 1);

    std::fs::write(&file, signature("emca").replace("tcp", "tpc")).unwrap();
    sensor.signal("-HUP");
    sensor.wait_for_log("the configuration stays as it was");
    sensor.wait_for_log("acme.toml:3:13: error: signature[1].transport");
    std::thread::sleep(std::time::Duration::from_millis(300));
    traffic::pour(&lab, PORT, HELLO, 0.0);
    sensor.wait_until("it is still known", |sensor| observed(sensor, "acme") == 2);
    let reloads = |sensor: &Sensor<'_>, result: &str| metric(sensor, "offport_reloads_total", &[result]);
    sensor.wait_until("both are counted", |sensor| {
        (reloads(sensor, "done"), reloads(sensor, "refused")) == (1, 1)
    });
    assert_eq!(metric(&sensor, "offport_signatures", &[]), 1);

    assert_eq!(sensor.end("-TERM"), Some(0));
    // Each worker writes its own at its time.
    let mut flows = sensor.flows();
    flows.retain(|flow| flow["destination"]["port"] == PORT);
    flows.sort_by_key(|flow| flow["event"]["start"].as_str().unwrap().to_owned());
    let known: Vec<_> =
        flows.iter().map(|flow| flow["network"]["protocol"].as_str().unwrap_or_default()).collect();
    assert_eq!(known, ["", "acme", "acme"]);
}
