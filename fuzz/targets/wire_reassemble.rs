//! Any bytes as a sequence of hostile fragments.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_wire::fuzz::reassemble(data));
