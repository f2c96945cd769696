//! Any bytes as the packet store's index, with the right sums or without, and as blocks of its capture files: nothing is read that is
//! not in there.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_evidence::packets::fuzz::read_index(data));
