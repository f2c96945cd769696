//! Any frame through the XDP program, by `BPF_PROG_TEST_RUN`, and through the parser: they come to the same flow, hash, worker and
//! decision, and to the same account of what could be shunted. Needs root.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use offport_capture::xdp::fuzz::Programs;

/// Programs are called from one thread only, but libFuzzer cannot say so.
struct Loaded(Programs);

fuzz_target!(|data: &[u8]| {
    static PROGRAMS: OnceLock<Loaded> = OnceLock::new();
    let load = || Loaded(Programs::load().expect("the kernel takes the program: root is needed"));
    PROGRAMS.get_or_init(load).0.any(data);
});
