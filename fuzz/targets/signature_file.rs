//! Any text as a signature file: it is taken, or what is wrong with it is named.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offport_config::{SignatureFile, check_signatures};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data).into_owned();
    let checked = check_signatures(&[SignatureFile { path: "a.toml".into(), text }]);
    assert_eq!(checked.draft.is_none(), !checked.problems.is_empty());
});
