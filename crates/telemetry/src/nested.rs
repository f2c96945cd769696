//! Objects in objects, from dotted names.

use offport_fingerprint::Value;
use serde_json::Map;

pub(crate) type Object = Map<String, serde_json::Value>;

/// Puts a value where a dotted path leads. What is on the way must be objects.
pub(crate) fn put(object: &mut Object, path: &str, value: serde_json::Value) {
    match path.split_once('.') {
        None => drop(object.insert(path.to_owned(), value)),
        Some((name, rest)) => {
            let inner = object.entry(name).or_insert_with(|| Object::new().into());
            if let serde_json::Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// A described value.
pub(crate) fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Number(number) => (*number).into(),
        Value::List(items) => items.as_slice().into(),
        Value::Flag => true.into(),
    }
}
