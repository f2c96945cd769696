//! Any text as a configuration, and the default file with lines changed: it is taken, or what is wrong with it is named, with a place
//! in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_config::fuzz::any(data));
