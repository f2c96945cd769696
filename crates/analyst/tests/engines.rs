//! The questions of `queries/` in DuckDB, in Spark on a cluster of several processes, and in `offport`: the same answers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test may fail in any way")]

#[path = "engines/cluster.rs"]
mod cluster;
#[path = "engines/installed.rs"]
mod installed;
#[allow(dead_code, reason = "the example uses all of it")]
#[path = "../../evidence/examples/generate/made_up/mod.rs"]
mod made_up;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use cluster::Cluster;
use installed::Installed;
use made_up::Plan;

const SINCE: &str = "2026-11-20T00:00:00Z";
const UNTIL: &str = "2026-11-28T00:00:00Z";
/// The last day, and the last microsecond: `offport` includes it.
const LAST_DAY: &str = "2026-11-27T00:00:00Z";
const LAST: &str = "2026-11-27T23:59:59.999999Z";
/// A server that is flagged, one by IPv6, and a client.
const HOSTS: [&str; 3] = ["10.0.0.6", "2001:db8::4", "10.1.0.1"];

/// Rows by question.
type Answers = BTreeMap<String, Vec<Value>>;

#[test]
fn engines_and_offport_agree() {
    let Some(installed) = Installed::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let plan = Plan { records: 200_000, hours: 9..13, file_rows: 1_500, ..Plan::default() };
    let made = plan.write(&store.join("flows")).unwrap();
    assert!(made.records == 200_000 && made.files > 150, "{made:?}");

    let duckdb = answers(&installed, folder.path(), "duckdb_answers.py", &[]);
    let cluster = Cluster::start(&installed, folder.path());
    let mut spark = answers(&installed, folder.path(), "spark_answers.py", &[cluster.master()]);
    assert_eq!(spark.remove("cluster"), Some(vec![json!({ "executors": cluster.workers() })]));
    drop(cluster);
    assert_eq!(duckdb.keys().collect::<Vec<_>>(), spark.keys().collect::<Vec<_>>());
    for (question, rows) in &duckdb {
        assert!(!rows.is_empty(), "{question}");
        assert_eq!(sorted(rows.clone()), sorted(spark[question].clone()), "{question}");
    }

    for host in HOSTS {
        let summary = offport(&store, &["summary", host, "--since", SINCE, "--until", LAST]);
        assert_eq!(sorted(without(&duckdb[host], &["sensors"])), sorted(services(&summary)), "{host}");
    }
    assert_eq!(flagged(&duckdb["flagged_pairs"]), flagged_hosts(&store));
    let flows = |rows: &[Value]| rows.iter().map(|row| row["flows"].as_u64().unwrap()).sum::<u64>();
    let hosts = offport(&store, &["hosts", "--top", "1000000", "--since", SINCE, "--until", LAST]);
    assert_eq!(flows(rows(&hosts)), 2 * flows(&duckdb["weekly_growth"]), "both ends of each flow");
    new_services(&store, &duckdb["new_services"]);
}

/// Who is new, of the first hosts that have something new, and of those that have not.
fn new_services(store: &Path, new: &[Value]) {
    let some = new.iter().take(5).map(|row| row["host"].as_str().unwrap());
    for host in some.chain(HOSTS) {
        let summary = offport(store, &["summary", host, "--since", LAST_DAY, "--until", LAST]);
        let of_offport = summary["serves"].as_array().unwrap().iter().filter(|row| row["is_new"] == true);
        let of_offport: Vec<_> =
            of_offport.map(|row| json!([row["port"], row["protocol"], row["flows"]])).collect();
        let of_sql = new.iter().filter(|row| row["host"] == host);
        let of_sql: Vec<_> = of_sql.map(|row| json!([row["port"], row["protocol"], row["flows"]])).collect();
        assert_eq!(sorted(of_offport), sorted(of_sql), "{host}");
    }
}

/// What an engine says, by one of the scripts beside this file.
fn answers(installed: &Installed, folder: &Path, script: &str, arguments: &[&str]) -> Answers {
    let out = folder.join(script).with_extension("json");
    let mut command = installed.python(script);
    command.args(arguments).arg(folder.join("store/flows"));
    let spaced = |time: &str| time.replace('T', " ");
    command.args([spaced(SINCE), spaced(UNTIL), HOSTS.join(",")]).arg(&out);
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap()
}

fn offport(store: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offport"));
    command.args(arguments).arg("--json").arg("--store").arg(store);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A list, wherever it stands in what `offport hosts` says.
fn rows(hosts: &Value) -> &[Value] {
    hosts.as_array().or_else(|| hosts["hosts"].as_array()).unwrap()
}

/// What `offport summary` says of services, as rows of host_summary.sql.
fn services(summary: &Value) -> Vec<Value> {
    let row = |role: &str, service: &Value| {
        let mut row = json!({ "role": role });
        for column in ["port", "transport", "protocol", "flows", "peers", "bytes_out", "bytes_in", "worst"] {
            row[column] = service[column].clone();
        }
        row
    };
    let of =
        |role: &'static str| summary[role].as_array().unwrap().iter().map(move |service| row(role, service));
    of("serves").chain(of("uses")).collect()
}

/// Flagged flows and the bytes that it sent in them, by host, of the rows of flagged_pairs.sql.
fn flagged(pairs: &[Value]) -> BTreeMap<String, (u64, u64)> {
    let mut hosts = BTreeMap::new();
    for pair in pairs {
        for end in ["source", "destination"] {
            let host: &mut (u64, u64) = hosts.entry(pair[end].as_str().unwrap().to_owned()).or_default();
            host.0 += pair["flows"].as_u64().unwrap();
            host.1 += pair[format!("{end}_bytes")].as_u64().unwrap();
        }
    }
    hosts
}

/// The same of `offport hosts`.
fn flagged_hosts(store: &Path) -> BTreeMap<String, (u64, u64)> {
    let hosts =
        offport(store, &["hosts", "--flagged", "--top", "1000000", "--since", SINCE, "--until", LAST]);
    let host = |row: &Value| {
        let [flagged, bytes] = ["flagged", "bytes_out"].map(|column| row[column].as_u64().unwrap());
        (row["host"].as_str().unwrap().to_owned(), (flagged, bytes))
    };
    rows(&hosts).iter().map(host).collect()
}

fn without(rows: &[Value], columns: &[&str]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        row.retain(|column, _| !columns.contains(&column.as_str()));
    }
    rows
}

fn sorted(mut rows: Vec<Value>) -> Vec<String> {
    rows.sort_by_key(Value::to_string);
    rows.iter().map(Value::to_string).collect()
}
