//! A description as nested objects: its fields' dotted names taken apart. No name stands inside another's.

use offport_fingerprint::Description;

use crate::nested::{Object, json, put};

/// Before the project's own names.
const OWN: &str = "offport.";

/// The fields of the Elastic Common Schema.
pub(super) fn common(description: &Description) -> Object {
    nested(description, |name| (!name.starts_with(OWN)).then_some(name))
}

/// The project's own fields, from below `offport`.
pub(super) fn own(description: &Description) -> Object {
    nested(description, |name| name.strip_prefix(OWN))
}

fn nested(description: &Description, path: impl Fn(&'static str) -> Option<&'static str>) -> Object {
    let mut object = Object::new();
    for (field, value) in description.iter() {
        if let Some(path) = path(field.name()) {
            put(&mut object, path, json(value));
        }
    }
    object
}
