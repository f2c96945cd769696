//! Alertmanager: a flagged flow fires until it ends.

use serde_json::{Value, json};

use crate::daemon::{Daemon, can_run, wait_until};
use crate::lab::{Lab, SERVER};
use crate::raw_flows::RawFlows;
use crate::sensor::Sensor;

/// Notifies a receiver at once of what fires and what is over.
const CONFIG: &str = "route:\n  receiver: test\n  group_wait: 0s\n  group_interval: 1s\n  group_by: ['...']\n\
    receivers:\n- name: test\n  webhook_configs:\n  - url: http://127.0.0.1:5001/\n    send_resolved: true\n";

/// The receiver: a line of JSON for each notification.
const RECEIVER: &str = "
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        open(sys.argv[1], 'ab').write(body.replace(b'\\n', b' ') + b'\\n')
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', 5001), Handler).serve_forever()
";

fn alerts(lab: &Lab) -> Vec<Value> {
    let url = "http://127.0.0.1:9093/api/v2/alerts";
    let output = lab.command(&lab.tap, "curl").args(["-s", "--max-time", "5", url]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[test]
fn an_alert_fires_until_the_flow_ends() {
    if !can_run(&["prometheus-alertmanager", "python3"]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("alertmanager.yml"), CONFIG).unwrap();
    let notices = path("notices");
    let _receiver = Daemon::start(&lab, 5001, "python3", &["-c", RECEIVER, &notices]);
    let config = format!(
        "[flow.timeouts]\nclosed = \"1s\"\n\
         [alertmanager]\nenabled = true\nresend = \"1s\"\ntimeout = \"2s\"\nspool = \"{}\"\n\
         generator_url = \"http://search.example.net/?flow={{flow_id}}\"\n\
         [nats]\nenabled = true\nspool = \"\"\ndrain = \"0s\"\n\
         [syslog]\nenabled = true\npath = \"{}\"\ndrain = \"0s\"\n",
        path("spool"),
        path("nobody"),
    );
    let mut sensor = Sensor::start(&lab, &config);

    std::thread::scope(|scope| {
        let flowing = scope.spawn(|| flows.run(7..8, 12.0));
        // It fires before there is an Alertmanager.
        sensor.wait_until("the flow is flagged", |sensor| {
            sensor.metric("offport_forward_waiting", &["sink=\"alertmanager\""]) == 1
        });
        let arguments = [
            format!("--config.file={}", path("alertmanager.yml")),
            format!("--storage.path={}", path("data")),
            "--web.listen-address=127.0.0.1:9093".to_owned(),
            "--cluster.listen-address=".to_owned(),
        ];
        let _alertmanager = Daemon::start(&lab, 9093, "prometheus-alertmanager", &arguments);
        sensor.wait_until("it fires", |_| alerts(&lab).len() == 1);
        let event = sensor.events()[0].clone();
        let alert = alerts(&lab)[0].clone();
        assert_eq!(
            alert["labels"],
            json!({
                "alertname": "OffportFlow", "source": RawFlows::address(7), "destination": SERVER, "port": "80",
                "transport": "tcp", "verdict": "unrecognised", "severity": event["offport"]["severity"], "sensor": "test",
            })
        );
        let flow = event["offport"]["flow_id"].as_str().unwrap();
        assert_eq!(alert["annotations"]["flow_id"], flow);
        assert_eq!(alert["annotations"]["description"], event["message"]);
        assert_eq!(alert["generatorURL"], format!("http://search.example.net/?flow={flow}"));
        assert_eq!(alert["status"]["state"], "active");
        sensor.wait_until("it is sent anew", |_| {
            alerts(&lab).first().is_some_and(|now| now["updatedAt"] != alert["updatedAt"])
        });
        crate::assert_documented(&sensor.get("/metrics"));
        flowing.join().unwrap();
        // Its `endsAt` is four seconds ahead each time; it is over because the flow is.
        sensor.wait_until("it is over", |_| alerts(&lab).is_empty());
        wait_until("people are told", || {
            let text = std::fs::read_to_string(&notices).unwrap_or_default();
            let states: Vec<Value> = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone())
                .collect();
            states.contains(&json!("firing")) && states.last() == Some(&json!("resolved"))
        });
    });
    assert_eq!(sensor.end("-TERM"), Some(0));
}
