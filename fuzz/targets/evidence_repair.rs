//! A segment of the packet store, cut, with bytes changed, with frames of its index that lie: it is repaired, once, and what was whole
//! is read back.
#![no_main]

mod folder;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_evidence::packets::fuzz::damage_and_repair(folder::folder(), data));
