//! Any bytes as a hostile packet sequence through the flow table.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_flow::fuzz::segments(data));
