//! Any signatures over any exchange.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_fingerprint::fuzz::signatures(data));
