//! A journal of flow records, cut and with bytes changed: what is whole before the damage is read, and nothing else.
#![no_main]

mod folder;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| offport_evidence::flows::fuzz::damage_and_read(folder::folder(), data));
