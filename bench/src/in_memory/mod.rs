//! In memory, on one core: from frames in packet memory to counted, judged flows, without a NIC.
//!
//! ```text
//! traffic (established | opening) ─ packet ─→ area ─ ring ─→ stage (stages | bare)
//! ```

pub mod area;
pub mod bare;
pub mod established;
pub mod keys;
pub mod mix;
pub mod opening;
pub mod packet;
pub mod ring;
pub mod stages;
