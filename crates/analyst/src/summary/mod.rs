//! What was found, as a [`Document`] for machines and as text for people.

mod document;
mod flagged;
mod hosts;
mod incidents;
mod tally;
mod text;

pub use document::{
    Document, DroppedPackets, Flows, ProtocolRow, Unreadable, Unsupported, Verdicts, WarningRow,
};
pub use flagged::{End, FirstBytes, FlaggedFlow};
pub use hosts::{Host, Talkers};
pub use tally::Tally;
