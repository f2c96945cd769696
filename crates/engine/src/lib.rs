//! The worker: the stages of the data path in order, its counters, and what leaves it.
//!
//! One [`FlowRecord`] per flow end and active timeout, one [`Event`] per flagged flow and its end. Both are plain
//! values of fixed size: they cross a bounded ring to the thread that formats and writes them.

mod record;

pub use record::{
    Action, EndReason, Endpoint, Event, EventPhase, FlowRecord, HEAD_BYTES, Head, TcpState, TcpSummary,
};
