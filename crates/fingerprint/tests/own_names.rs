//! An operator's own names are bounded for a process's life: in a file of its own, as it takes all places.

#![allow(missing_docs, reason = "a test")]

use offport_fingerprint::{NameError, Protocol};

#[test]
fn names_of_ones_own_are_bounded_and_keep_their_places() {
    let name = |number| format!("own-{number}");
    for number in 0..Protocol::MAX_OWN {
        Protocol::intern(&name(number)).unwrap();
    }
    assert_eq!(Protocol::intern("one-more"), Err(NameError::TooMany));
    assert_eq!(Protocol::own().count(), Protocol::MAX_OWN);
    for (number, own) in Protocol::own().enumerate() {
        assert_eq!((own.name(), Protocol::intern(&name(number))), (&*name(number), Ok(own)));
    }
}
