//! The files of `config/prometheus`, as far as lines tell: who is defined, who is tested, what annotations say. What
//! expressions mean is asked of Prometheus.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where the files are.
pub(crate) fn folder() -> PathBuf {
    root().join("config/prometheus")
}

/// Names of rules.
#[derive(Debug)]
pub(crate) struct Names {
    /// Alerts.
    pub alerts: BTreeSet<String>,
    /// Recorded expressions.
    pub records: BTreeSet<String>,
}

/// Those of `offport.rules.yml`.
pub(crate) fn names() -> Names {
    let text = read("offport.rules.yml");
    let named = |key: &str| -> BTreeSet<String> {
        let all: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix(key)).collect();
        let names: BTreeSet<_> = all.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(names.len(), all.len(), "each name once");
        names
    };
    Names { alerts: named("- alert: "), records: named("- record: ") }
}

/// What `offport.rules.test.yml` tests.
#[derive(Debug, Default)]
pub(crate) struct Tested {
    /// Alerts that are expected at some time.
    pub firing: BTreeSet<String>,
    /// Alerts that are expected to be silent at some time.
    pub silent: BTreeSet<String>,
    /// Expressions that are compared with values.
    pub expressions: BTreeSet<String>,
}

/// See [`Tested`].
pub(crate) fn tested() -> Tested {
    let mut tested = Tested::default();
    let mut alert = String::new();
    for line in read("offport.rules.test.yml").lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("alertname: ") {
            name.clone_into(&mut alert);
        } else if line == "exp_alerts: []" {
            tested.silent.insert(alert.clone());
        } else if line == "exp_alerts:" {
            tested.firing.insert(alert.clone());
        } else if let Some(expression) = line.strip_prefix("expr: ") {
            tested.expressions.insert(expression.to_owned());
        }
    }
    tested
}

/// Each alert with the lines of its annotations.
pub(crate) fn annotations() -> Vec<(String, Vec<String>)> {
    let text = read("offport.rules.yml");
    let mut alerts: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            alerts.push((name.to_owned(), Vec::new()));
        }
        inside = (inside || line == "annotations:") && !line.starts_with("- ");
        if let (true, Some((_, lines))) = (inside, alerts.last_mut()) {
            lines.push(line.to_owned());
        }
    }
    alerts
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}
