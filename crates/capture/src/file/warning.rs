//! What was wrong with a file that could be read nevertheless.

/// Each occurs at most once for a file; [`super::Counts`] has the numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The file ends within a record, as it does when the capture was killed or the disk was full.
    #[error(
        "the last record, at offset {offset}, is cut: {present} of {expected} bytes are there; all before it was read"
    )]
    CutRecord {
        /// Where the record starts, in the uncompressed stream.
        offset: u64,
        /// Bytes that are there.
        present: u64,
        /// Bytes that the record claims.
        expected: u64,
    },
    /// The compressed data stop in the middle.
    #[error("the {codec} data end early; all before that was read")]
    CutCompression {
        /// Name of the compression.
        codec: &'static str,
    },
    /// Bytes that are no compressed data follow the last compressed member.
    #[error("what follows the end of the {codec} data was ignored")]
    TrailingData {
        /// Name of the compression.
        codec: &'static str,
    },
    /// A packet names an interface that its section does not describe; such packets are passed over.
    #[error(
        "the packet at offset {offset} names interface {interface}, which the file does not describe; such packets are passed over"
    )]
    UnknownInterface {
        /// Where the first such packet is.
        offset: u64,
        /// The number that it gives.
        interface: u32,
    },
    /// Simple packet blocks have no time; such packets get the time of the packet before.
    #[error("the packet at offset {offset} has no time; such packets get the time of the one before")]
    NoTime {
        /// Where the first such packet is.
        offset: u64,
    },
}
