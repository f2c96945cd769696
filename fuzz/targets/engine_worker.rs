//! Any bytes as a hostile packet sequence through a whole worker.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_engine::fuzz::segments(data));
