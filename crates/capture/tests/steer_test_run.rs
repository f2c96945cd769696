//! The XDP program, run by the kernel on frames from memory (`BPF_PROG_RUN`).
#![cfg(feature = "live")]

mod common;

use offport_capture::xdp::{DryRun, Options};

#[test]
fn loads() {
    if !common::root() {
        return;
    }
    let dry = DryRun::new(&Options { workers: 2.try_into().unwrap(), ..Options::default() }, 2).unwrap();
    let mut frame = vec![0u8; 64];
    frame[12] = 8;
    frame[14] = 0x45;
    frame[23] = 6;
    println!("{:?}", dry.run(&frame).unwrap());
    println!("{:?}", dry.counters().unwrap());
    println!("verified {}", dry.verified_instructions().unwrap());
    println!("{} ns", dry.time(&frame, 1_000_000).unwrap());
}
