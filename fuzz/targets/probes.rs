//! Any bytes as both sides of an exchange, asked of the probe that the first byte picks.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_fingerprint::fuzz::any_probe(data));
