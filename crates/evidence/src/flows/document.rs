//! A row as the JSON record that it came from.

use arrow_array::RecordBatch;
use offport_wire::Timestamp;
use serde_json::{Map, Value, json};

use super::cells::Cells;
use super::columns::{COLUMNS, Kind};

/// What every record says.
fn put_constants(object: &mut Map<String, Value>) {
    put(object, "event.kind", json!("event"));
    put(object, "event.category", json!(["network"]));
    put(object, "event.dataset", json!("offport.flow"));
}

/// The record of a row, as nested Elastic Common Schema; what the batch does not have is absent.
pub fn document(batch: &RecordBatch, row: usize) -> Value {
    let mut object = Map::new();
    if let Some(start) = Cells::of(batch, "event_start").time(row) {
        put(&mut object, "@timestamp", rfc3339(start).into());
    }
    put_constants(&mut object);
    for column in COLUMNS.iter() {
        let cells = Cells::of(batch, column.name);
        let value = match column.kind {
            Kind::Time => cells.time(row).map(|time| rfc3339(time).into()),
            Kind::Number | Kind::Small => cells.number(row).map(Value::from),
            Kind::Name | Kind::Text => cells.text(row).map(Value::from),
            Kind::List => Some(cells.list(row)).filter(|list| !list.is_empty()).map(Value::from),
            Kind::Flag => cells.flag(row).map(Value::from),
        };
        if let Some(value) = value {
            put(&mut object, column.field, value);
        }
    }
    Value::Object(object)
}

/// RFC 3339, microseconds.
pub fn rfc3339(time: Timestamp) -> String {
    let micros = i64::try_from(time.as_nanos() / 1_000).unwrap_or(i64::MAX);
    // 64 bits of nanoseconds end in the year 2554, well inside the range of the calendar.
    jiff::Timestamp::from_microsecond(micros).map(|time| format!("{time:.6}")).unwrap_or_default()
}

fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => _ = object.insert(path.to_owned(), value),
        Some((name, rest)) => {
            let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
