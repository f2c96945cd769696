//! First payloads to protocol.
//!
//! [`identify`] looks at the first bytes that each side of a flow sent and answers with the protocol, with
//! "need more", or with "not recognised". One file per protocol under [`protocols`], same skeleton in each:
//! a doc comment that names the specification, a `PROBE`, a `check`, its tests. Ports never decide; they may only
//! break a tie between candidates of equal proof. What an operator describes in files is a [`signature`].

mod answer;
mod ber;
mod catalogue;
#[doc(hidden)]
pub mod cost;
mod cotp;
mod description;
mod dispatch;
mod dns_message;
mod encrypted;
mod exchange;
#[doc(hidden)]
pub mod fuzz;
mod gquic;
mod identify;
mod name;
mod probe;
mod protocols;
mod proxy;
mod quic_frames;
mod quic_initial;
mod reader;
mod recent;
mod reply;
mod scan;
pub mod signature;
mod start_line;
#[cfg(test)]
mod talk;
mod text;
#[cfg(test)]
mod trial;
mod watch;

pub use answer::{Answer, Proof};
pub use catalogue::{Known, Sides, catalogue};
pub use description::{DESCRIPTION_MAX, Description, Field, Kind, VALUE_MAX, Value, describe, is_described};
pub use encrypted::looks_encrypted;
pub use exchange::{Exchange, Side, Speaker};
pub use identify::{Stage, candidates, identify, is_probed};
pub use name::{NameError, Protocol, ProtocolSet};
pub use recent::Identifier;
pub use signature::Signatures;
pub use watch::{Breach, Broken, DataPort, Heard, Piece, ROOM_LINE, Room, Watch};
