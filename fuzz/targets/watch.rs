//! Any bytes as the messages of a flow that is held to the rules of one protocol, cut and in disorder.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_fingerprint::fuzz::watch(data));
