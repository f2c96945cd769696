//! The dashboard: what Grafana's import asks of it, and its queries.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rules;

/// Panels whose queries show nothing but what has gone wrong, or has moved.
pub(crate) const MAY_BE_EMPTY: &[&str] = &[
    "Lost before the sensor",
    "Limits reached",
    "Alerts",
    "Neither kept nor sent on",
    "How far back one can look",
];

/// A panel with queries.
#[derive(Debug)]
pub(crate) struct Panel {
    pub title: String,
    pub queries: Vec<Query>,
}

/// A query, and what its legend or its columns name.
#[derive(Debug)]
pub(crate) struct Query {
    text: String,
    pub labels: BTreeSet<String>,
}

/// Those of the dashboard.
pub(crate) fn panels() -> Vec<Panel> {
    let panels = all_panels(&read());
    panels.iter().filter(|panel| panel["type"] != "row").map(Panel::of).collect()
}

/// Fails unless the model has what an import needs: identifiers, places that do not overlap, one data source.
pub(crate) fn assert_importable() {
    let dashboard = read();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 39);
    assert!(dashboard.get("id").is_none_or(Value::is_null), "an import has no id");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let types: Vec<_> = variables.iter().map(|variable| [&variable["name"], &variable["type"]]).collect();
    assert_eq!(types, [["datasource", "datasource"], ["instance", "query"]]);

    let panels = all_panels(&dashboard);
    let identifiers: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(identifiers.len(), panels.len(), "each panel has an id of its own");
    let mut taken = BTreeSet::new();
    for panel in &panels {
        let title = panel["title"].as_str().unwrap();
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{title} does not fit the grid");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{title} lies over another panel");
        }
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().unwrap();
        let references: BTreeSet<_> =
            targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
        assert!(!targets.is_empty() && references.len() == targets.len(), "{title}");
        let sources = targets.iter().map(|target| &target["datasource"]).chain([&panel["datasource"]]);
        for source in sources {
            assert_eq!([&source["type"], &source["uid"]], ["prometheus", "${datasource}"], "{title}");
        }
    }
}

impl Panel {
    fn of(panel: &Value) -> Self {
        let targets = panel["targets"].as_array().unwrap();
        let text = |target: &Value, key: &str| target[key].as_str().unwrap().to_owned();
        let transformations = panel["transformations"].as_array().into_iter().flatten();
        let columns: BTreeSet<String> = transformations
            .flat_map(|transformation| transformation["options"]["indexByName"].as_object().unwrap().keys())
            .filter(|&column| column != "Value")
            .cloned()
            .collect();
        let query = |target| {
            let legend = text(target, "legendFormat");
            let names = legend.split("{{").skip(1).map(|rest| rest.split_once("}}").unwrap().0.to_owned());
            Query { text: text(target, "expr"), labels: columns.iter().cloned().chain(names).collect() }
        };
        Self { title: text(panel, "title"), queries: targets.iter().map(query).collect() }
    }
}

impl Query {
    /// As Grafana sends it for one sensor.
    pub(crate) fn substituted(&self, instance: &str) -> String {
        let text = self.text.replace("$instance", instance).replace("$__rate_interval", "1m");
        let text = text.replace("$__range", "1h");
        assert!(!text.contains('$'), "an unknown variable: {text}");
        text
    }
}

/// Rows hold panels when they are collapsed.
fn all_panels(dashboard: &Value) -> Vec<Value> {
    let top = dashboard["panels"].as_array().unwrap().iter();
    top.flat_map(|panel| {
        let inner = panel["panels"].as_array().cloned().unwrap_or_default();
        std::iter::once(panel.clone()).chain(inner)
    })
    .collect()
}

fn read() -> Value {
    let path = rules::root().join("config/grafana/offport.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
