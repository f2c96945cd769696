//! Protocols that an operator describes: fixed bytes, a regular expression, lengths.
//!
//! A [`Signature`] holds for one side's first payload, under the same terms as a built-in probe: over a stream a
//! contradiction is final, and a doubt lasts only while the bytes are a beginning of what would fit. A [`Draft`] is a
//! set of them whose names nobody has seen yet, so that it can be tried; [`Draft::adopt`] makes it [`Signatures`].

mod bits;
mod condition;
pub(crate) mod fuzz;
mod length;
mod pattern;
mod set;
#[allow(clippy::module_inception, reason = "the signature of the signatures")]
mod signature;

pub use condition::{Condition, ConditionError};
pub use length::{ByteOrder, Counts, Length, LengthError, LengthField};
pub use pattern::{MAX_PATTERN, Pattern, PatternError};
pub use set::{Draft, DraftError, Signatures};
pub(crate) use set::{Finding, Rank};
pub use signature::{Flaw, Parts, Signature, Spoken};

/// Payload bytes of a side that signatures look at.
pub const WINDOW: usize = 512;
