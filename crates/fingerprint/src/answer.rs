//! What identification can say.

use crate::name::Protocol;

/// How strong an identification is. Ordered: later is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// The first bytes could be nobody else's, but what follows breaks the rules: not of this protocol, or broken.
    Attempt,
    /// Plausible field values; other protocols could look alike.
    Heuristic,
    /// A banner, command or magic number that the specification fixes.
    Banner,
    /// Lengths, counts and types that agree with one another through the message.
    Structure,
}

impl Proof {
    /// Every strength, the weakest first.
    pub const ALL: [Self; 4] = [Self::Attempt, Self::Heuristic, Self::Banner, Self::Structure];

    /// Whether this is a guess.
    pub const fn is_weak(self) -> bool {
        matches!(self, Self::Attempt | Self::Heuristic)
    }

    /// Lower-case name for records and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Heuristic => "heuristic",
            Self::Banner => "banner",
            Self::Structure => "structure",
        }
    }
}

/// The answer to "what do these first payloads speak?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This protocol, proven this well.
    Identified(Protocol, Proof),
    /// At least one protocol is still possible and could be proven by more bytes.
    NeedMore,
    /// No known protocol starts like this.
    NotRecognised,
}
