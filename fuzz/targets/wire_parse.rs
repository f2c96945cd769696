//! Any bytes as a frame of any link type.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_wire::fuzz::parse_any(data));
