//! What a packet costs: in memory, on a live interface against baselines, and against peers on the same capture.
//!
//! `bench/run` builds and starts this; README.md says what each case is and how to read it.

pub mod cli;
pub mod clock;
pub mod corpus;
pub mod in_memory;
pub mod live;
pub mod memory;
pub mod parts;
pub mod report;
pub mod rounds;
pub mod run;
pub mod workload;
