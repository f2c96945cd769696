//! The flow table: who talks to whom, for how long, how much, and how it starts.
//!
//! [`Tracker`] takes packets and counts them to their flows. It puts the first payload of each direction together
//! and lets an [`Observer`] (the stages after it) look at it whenever there is more to see, until that settles
//! the flow. Flows end by their own packets, by silence, or to make room; the observer is told. Memory is reserved
//! at start and never grows; nothing here does I/O or reads a clock.

mod assembly;
mod class;
mod config;
mod connection;
mod count;
mod counters;
mod entry;
mod extra;
mod family;
#[doc(hidden)]
pub mod fuzz;
mod index;
mod intern;
mod keep;
mod key;
mod memory;
mod observer;
mod path;
mod pool;
mod quick;
mod role;
mod shared;
mod shunt;
mod state;
mod stream;
mod table;
mod tracker;
mod view;

pub use config::{Config, MAX_PAYLOAD_PACKETS, PAYLOAD_BOUND, Timeouts};
pub use counters::Counters;
pub use intern::Interner;
pub use keep::{Beginning, Keep, Quick, Session};
pub use memory::{prefetch, prefetch_whole};
pub use observer::{Followed, Observer, Payload, Settlement, Shunted};
pub use path::Path;
pub use quick::{Brief, Briefs, CHUNK, Hint, Moment, Push};
pub use role::ServicePorts;
pub use state::{End, TcpState};
pub use tracker::{Outcome, Place, Tracker};
pub use view::{FirstPayload, Flow, FlowIndex, Label, Side, Tcp, Watch};
