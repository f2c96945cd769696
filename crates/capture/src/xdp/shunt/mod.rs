//! The shunt table: flows whose packets the XDP program counts and drops.
//!
//! Two arrays of bpf/maps.h lie in this process's memory, so flows are entered and removed, and their numbers read,
//! without a system call. Nothing that was counted is lost: numbers of a CPU's own only grow, those of several are
//! taken away by an atomic exchange, and an entry that was released lies idle for [`GRACE`] before it is looked at for the last time and given to another flow, by
//! when no CPU can be still at counting a packet to it.
//!
//! Several workers may enter flows at once; each flow belongs to the worker that entered it.

mod memory;
mod table;

pub use table::{Shunt, ShuntCount};

pub(crate) use memory::{Memory, WAYS};
pub(crate) use table::{ShuntCounters, key_of, sets_for};
