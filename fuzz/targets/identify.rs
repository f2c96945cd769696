//! Any bytes as both sides of an exchange, asked of every probe.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_fingerprint::fuzz::identify_any(data));
