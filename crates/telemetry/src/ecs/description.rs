//! A description as nested objects: its fields' dotted names taken apart. No name stands inside another's.

use offport_fingerprint::{Description, Field};

use crate::nested::{Object, json, put};

/// Before the project's own names.
const OWN: &str = "offport.";

/// The fields of the Elastic Common Schema, without those that stand in an object of every record.
pub(super) fn common(description: &Description) -> Object {
    nested(description, |field| {
        let is_own = field.name().starts_with(OWN);
        (!is_own && field != Field::NetworkApplication).then_some(field.name())
    })
}

/// The project's own fields, from below `offport`.
pub(super) fn own(description: &Description) -> Object {
    nested(description, |field| field.name().strip_prefix(OWN))
}

fn nested(description: &Description, path: impl Fn(Field) -> Option<&'static str>) -> Object {
    let mut object = Object::new();
    for (field, value) in description.iter() {
        if let Some(path) = path(field) {
            put(&mut object, path, json(value));
        }
    }
    object
}
