//! The parts of the benchmark. Each gives rows of the table.

pub mod endurance;
pub mod established;
pub mod identification;
pub mod instructions;
pub mod memory;
pub mod mix;
pub mod new_flows;
pub mod peers;
pub mod size;
