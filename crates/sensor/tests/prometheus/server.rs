//! A real Prometheus beside the sensor, in the tap's namespace, with the configuration and the rules that are shipped.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::lab::Lab;
use crate::rules;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Killed when dropped.
pub(crate) struct Prometheus<'a> {
    lab: &'a Lab,
    child: Child,
    folder: TempDir,
}

/// A rule as it was loaded.
#[derive(Debug)]
pub(crate) struct Rule {
    pub name: String,
    /// The expression, in Prometheus's own spelling.
    pub query: String,
    /// What went wrong when it was last evaluated; empty as it should be.
    pub error: String,
}

/// An alert that is pending or firing.
#[derive(Debug)]
pub(crate) struct Alert {
    pub name: String,
    /// Its annotations, one a line.
    pub text: String,
}

impl<'a> Prometheus<'a> {
    /// Starts it and waits until it answers. Only the intervals are shorter than what is shipped.
    pub(crate) fn start(lab: &'a Lab) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let shipped = std::fs::read_to_string(rules::folder().join("prometheus.yml")).unwrap();
        assert!(shipped.contains("_interval: 15s"), "the intervals that are made shorter here");
        std::fs::write(path("prometheus.yml"), shipped.replace("_interval: 15s", "_interval: 1s")).unwrap();
        std::fs::copy(rules::folder().join("offport.rules.yml"), path("offport.rules.yml")).unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let child = lab
            .command(&lab.tap, "prometheus")
            .arg(format!("--config.file={}", path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", path("data").display()))
            .args(["--web.listen-address=127.0.0.1:9090", "--log.level=warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let prometheus = Self { lab, child, folder };
        prometheus.wait_until("it is ready", || prometheus.get("/-/ready", &[]).contains("is Ready"));
        prometheus
    }

    /// The series of an instant query. A query that is refused fails the test.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.api("/api/v1/query", &[("query", query)]);
        answer["result"].as_array().unwrap().clone()
    }

    /// Waits until a query has a result.
    pub(crate) fn wait_for(&self, query: &str) {
        self.wait_until(query, || !self.query(query).is_empty());
    }

    /// Waits until an alert is pending or firing.
    pub(crate) fn wait_for_alert(&self, name: &str) {
        self.wait_until(name, || self.alerts().iter().any(|alert| alert.name == name));
    }

    /// Waits until none but these is pending or firing; those that are.
    pub(crate) fn wait_for_no_alert_but(&self, expected: &BTreeSet<&str>) -> Vec<Alert> {
        let start = Instant::now();
        loop {
            let alerts = self.alerts();
            let false_ones = alerts.iter().filter(|alert| !expected.contains(alert.name.as_str()));
            let false_ones: Vec<_> = false_ones.collect();
            if false_ones.is_empty() {
                return alerts;
            }
            assert!(start.elapsed() < PATIENCE, "false alerts: {false_ones:?}");
            std::thread::sleep(PAUSE);
        }
    }

    /// The alerts that are pending or firing.
    pub(crate) fn alerts(&self) -> Vec<Alert> {
        let answer = self.api("/api/v1/alerts", &[]);
        let annotations = |alert: &Value| {
            let all = alert["annotations"].as_object().unwrap().iter();
            all.map(|(name, text)| format!("{name}: {}\n", text.as_str().unwrap())).collect()
        };
        let alerts = answer["alerts"].as_array().unwrap().iter();
        alerts
            .map(|alert| Alert { name: string(&alert["labels"]["alertname"]), text: annotations(alert) })
            .collect()
    }

    /// The rules that are loaded.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let answer = self.api("/api/v1/rules", &[]);
        let groups = answer["groups"].as_array().unwrap().iter();
        groups
            .flat_map(|group| group["rules"].as_array().unwrap())
            .map(|rule| Rule {
                name: string(&rule["name"]),
                query: string(&rule["query"]),
                error: string(&rule["lastError"]),
            })
            .collect()
    }

    /// The labels of every series, their names included.
    pub(crate) fn series(&self) -> Vec<Value> {
        self.api("/api/v1/series", &[("match[]", "{__name__=~\".+\"}")]).as_array().unwrap().clone()
    }

    fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let text = self.get(path, parameters);
        let answer: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{path} {parameters:?}: {error}: {text}"));
        assert_eq!(answer["status"], "success", "{path} {parameters:?}: {answer}");
        answer["data"].clone()
    }

    fn get(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut curl = self.lab.command(&self.lab.tap, "curl");
        curl.args(["-sG", "--max-time", "10", &format!("http://127.0.0.1:9090{path}")]);
        for (name, value) in parameters {
            curl.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    }

    fn wait_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            if start.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("Prometheus: waited in vain until {what}; its log:\n{log}");
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text, or nothing.
fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
