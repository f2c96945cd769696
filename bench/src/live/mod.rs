//! Live, on a veth pair in a network namespace of its own: generator, two baselines, and `offportd`.
//!
//! ```text
//! generator (bpf/generate.bpf.c, one core) ─ wire ═ tap ─→ drop | receive and drop | offportd (the other core)
//! ```

pub mod baseline;
pub mod cases;
pub mod generator;
pub mod namespace;
mod peer;
pub mod sensor;
mod skeleton;
pub mod socket;
