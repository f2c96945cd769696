//! `docs/records.md` names every field of records and events, and its list of described fields is that of the code.
//!
//! `OFFPORT_BLESS=1` writes the list anew.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use offport_fingerprint::{Field, Kind};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_list_of_described_fields_is_that_of_the_code() {
    let page = folder().join("../../docs/records.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once("<!-- fields:").unwrap();
    let (marker, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of fields -->").unwrap();
    let written = format!("{before}<!-- fields:{marker}-->\n{}<!-- end of fields -->{after}", fields());
    if env::var_os("OFFPORT_BLESS").is_some() {
        fs::write(page, written).unwrap();
    } else {
        assert!(written == text, "docs/records.md is out of date: OFFPORT_BLESS=1 writes it");
    }
}

fn fields() -> String {
    let mut text = "| field | type | example | |\n|---|---|---|---|\n".to_owned();
    for field in Field::ALL {
        let kind = match field.kind() {
            Kind::Text => "string",
            Kind::Number => "number",
            Kind::List => "list",
            Kind::Flag => "boolean",
        };
        writeln!(text, "| `{}` | {kind} | `{}` | {} |", field.name(), field.example(), field.meaning())
            .unwrap();
    }
    text
}

#[test]
fn examples_are_of_the_fields_type() {
    for field in Field::ALL {
        let example: Value = serde_json::from_str(field.example()).unwrap();
        let fits = match field.kind() {
            Kind::Text => example.is_string(),
            Kind::Number => example.is_u64(),
            Kind::List => example.is_array(),
            Kind::Flag => example == true,
        };
        assert!(fits, "{}: {example}", field.name());
    }
}

#[test]
fn every_field_of_the_golden_files_has_its_row() {
    let text = fs::read_to_string(folder().join("../../docs/records.md")).unwrap();
    let rows: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    let mut seen = 0;
    for file in fs::read_dir(folder().join("tests/golden")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("eve") || name.ends_with("_eve.json") {
            continue;
        }
        let value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for_each_leaf("", &value, &mut |leaf| {
            seen += 1;
            let quoted = format!("`{leaf}`");
            assert!(rows.iter().any(|row| row.contains(&quoted)), "{name}: {leaf} has no row");
        });
    }
    assert!(seen > 100, "the golden files are nearly empty");
}

fn for_each_leaf(path: &str, value: &Value, show: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                for_each_leaf(&path, value, show);
            }
        }
        _ => show(path),
    }
}
