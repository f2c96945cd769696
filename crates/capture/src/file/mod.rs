//! Capture files: pcap and pcapng, plain, gzip or zstd compressed, from a path or from stdin.
//!
//! [`CaptureFile`] is a stream: memory does not grow with the file. It fills a [`Batch`] that the caller
//! keeps, so that reading allocates nothing per packet, and it accounts for every record ([`Counts`]).
//! What it cannot read it names: [`FileError`] for what ends the reading, [`Warning`] for what was
//! survived, [`UnsupportedLinkType`] for interfaces whose packets are passed over.
//!
//! The containers are read by own code. Of the published crates, one refuses a twentieth of some 2,400
//! collected captures, for lengths above the snap length and fractions above a second that other tools
//! take; the other allocates a vector of options per packet and must hold every block whole. Neither says
//! where in the file it failed.

mod batch;
mod buffered;
mod bytes;
mod capture_file;
mod error;
mod input;
mod interface;
mod link_type;
mod magic;
mod pcap;
mod pcapng;
mod state;
mod warning;
mod write;

#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;

pub use batch::{Batch, MAX_FRAME};
pub use capture_file::{CaptureFile, Progress};
pub use error::{FileError, Malformed};
pub use interface::{Interface, UnsupportedLinkType};
pub use state::Counts;
pub use warning::Warning;
pub use write::Writer;
