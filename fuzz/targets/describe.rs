//! Any bytes as both sides of an exchange, described as every protocol that has a description.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_fingerprint::fuzz::describe_any(data));
