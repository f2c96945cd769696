//! The worker: the stages of the data path in order, its counters, and what leaves it.
//!
//! One [`FlowRecord`] per flow end and active timeout, one [`Event`] per flagged flow and its end. Both are plain
//! values of fixed size: they cross a bounded ring to the thread that formats and writes them.

pub mod community_id;
mod config;
mod counters;
mod data_ports;
mod describe;
mod early_errors;
mod events;
mod flows;
#[doc(hidden)]
pub mod fuzz;
mod moves;
mod opening;
mod outcome;
mod output;
mod record;
mod shunting;
mod stages;
mod steering;
mod sum;
mod watches;
mod worker;

pub use config::Config;
pub use counters::{Counters, DECIDED_AFTER_BOUNDS, VERDICT_TRANSPORTS};
pub use data_ports::DataPorts;
pub use describe::exchange;
pub use offport_flow::{Beginning, Keep, Session, Shunted};
pub use opening::{FlowName, Opening};
pub use output::{HandOver, Output};
pub use record::{
    Action, EndReason, Endpoint, Event, EventPhase, FlowRecord, HEAD_BYTES, Head, TcpState, TcpSummary,
};
pub use shunting::Shunting;
pub use steering::{Slots, Steering};
pub use worker::Worker;
