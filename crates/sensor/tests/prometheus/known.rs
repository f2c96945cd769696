//! What a sensor offers: metrics with their labels and values, from a live scrape; and the values that show themselves
//! only under a condition, from docs/metrics.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::expression::Expression;
use crate::rules;
use crate::server::Prometheus;

/// Metrics that Prometheus makes.
const PROMETHEUS: &[&str] = &["up", "ALERTS"];

/// See the module.
pub(crate) struct Known {
    /// Metric → label → values.
    metrics: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// The rows of docs/metrics.md.
    rows: Vec<String>,
    /// Names that rules give to expressions.
    recorded: BTreeSet<String>,
}

impl Known {
    /// What Prometheus has seen.
    pub(crate) fn of(prometheus: &Prometheus<'_>) -> Self {
        let mut metrics: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for series in prometheus.series() {
            let labels = series.as_object().unwrap();
            let metric = metrics.entry(labels["__name__"].as_str().unwrap().to_owned()).or_default();
            for (label, value) in labels {
                metric.entry(label.clone()).or_default().insert(value.as_str().unwrap().to_owned());
            }
        }
        let page = std::fs::read_to_string(rules::root().join("docs/metrics.md")).unwrap();
        let rows = page.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
        Self { metrics, rows, recorded: rules::names().records }
    }

    /// Fails unless each metric is there, with each label and each value that `whose` expression names.
    pub(crate) fn assert_knows(&self, whose: &str, expression: &Expression) {
        for selector in &expression.selectors {
            let metric = &selector.metric;
            let labels = self.metrics.get(metric).unwrap_or_else(|| panic!("{whose}: there is no {metric}"));
            let is_its_own = PROMETHEUS.contains(&metric.as_str()) || self.recorded.contains(metric);
            assert!(is_its_own || self.row(metric).is_some(), "{whose}: docs/metrics.md has no {metric}");
            for (label, value) in &selector.matchers {
                let values =
                    labels.get(label).unwrap_or_else(|| panic!("{whose}: {metric} has no label {label}"));
                let is_there = match value.strip_suffix(".+") {
                    Some(prefix) => values.iter().any(|value| value.starts_with(prefix)),
                    None => values.contains(value) || self.is_documented(metric, value),
                };
                assert!(is_there, "{whose}: {metric} never has {label}=\"{value}\", but {values:?}");
            }
        }
        for grouping in &expression.groupings {
            for (metric, label) in grouping
                .metrics
                .iter()
                .flat_map(|metric| grouping.labels.iter().map(move |label| (metric, label)))
            {
                let labels =
                    self.metrics.get(metric).unwrap_or_else(|| panic!("{whose}: there is no {metric}"));
                assert!(labels.contains_key(label), "{whose}: {metric} has no label {label}");
            }
        }
    }

    /// Whether the page says that a metric has this value, on some machine or under some condition.
    fn is_documented(&self, metric: &str, value: &str) -> bool {
        self.row(metric).is_some_and(|row| row.contains(&format!("`{value}`")))
    }

    fn row(&self, metric: &str) -> Option<&String> {
        // A histogram is one row.
        let family = metric.strip_suffix("_bucket").unwrap_or(metric);
        self.rows
            .iter()
            .find(|row| row.split('|').nth(1).is_some_and(|names| names.contains(&format!("`{family}`"))))
    }
}
