//! The generated skeleton of bpf/steer.bpf.c.
#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused
)] // not written by hand

include!(concat!(env!("OUT_DIR"), "/steer.skel.rs"));
