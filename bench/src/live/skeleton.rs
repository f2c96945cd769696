//! The generated skeletons of bpf/*.bpf.c.
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

pub(super) mod generate {
    include!(concat!(env!("OUT_DIR"), "/generate.skel.rs"));
}

pub(super) mod baseline {
    include!(concat!(env!("OUT_DIR"), "/baseline.skel.rs"));
}
