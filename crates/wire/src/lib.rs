//! Bytes to a borrowed packet view.
//!
//! [`parse`] takes one frame as a link delivered it, walks link headers, tags and tunnels down to the
//! innermost IP packet and answers with a [`Parsed`] view that borrows the frame, or with the [`Drop`]
//! reason that is also the label of the metric which counts it. Nothing here allocates (but for the
//! reassembly buffers of [`fragment`]), does I/O or reads a clock.

pub mod flow_id;
pub mod fragment;
#[doc(hidden)]
pub mod fuzz;
pub mod key;
pub mod packet;
pub mod reason;
pub mod steer;
pub mod time;

mod glance;
mod ip;
mod link;
mod parse;
mod transport;
mod tunnel;
mod view;
mod walk;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;

pub use flow_id::{BadFlowId, FlowId};
pub use fragment::Fragment;
pub use glance::{Plain, Sight, glance, glance_with};
pub use key::Transport;
pub use key::{Direction, Domain, FlowKey, Key4, Key6};
pub use packet::{
    Frame, LinkInfo, LinkType, Packet, Parsed, TcpFlags, TcpHeader, TransportHeader, Tunnel, TunnelKind,
};
pub use parse::parse;
pub use reason::Drop;
pub use time::Timestamp;
pub use walk::{MAX_EXTENSIONS, MAX_LABELS, MAX_TAGS, MAX_TUNNELS};
