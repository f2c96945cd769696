//! Descriptions in one line, for tests.

use super::{Value, describe, is_printable};
use crate::name::Protocol;
use crate::talk::Talk;

/// `name=value` of every field, in order; items of lists with `|` between them.
pub(super) fn said(protocol: Protocol, talk: &Talk) -> String {
    let description = describe(protocol, &talk.exchange());
    let text: Vec<String> = description
        .iter()
        .map(|(field, value)| {
            let value = match value {
                Value::Text(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::List(items) => items.join("|"),
                Value::Flag => "true".to_owned(),
            };
            assert!(is_printable(&value), "{value:?}");
            format!("{}={value}", field.name())
        })
        .collect();
    text.join(" ")
}
