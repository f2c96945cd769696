//! What is wrong with a configuration file, where, and what to do about it.

use std::fmt;

/// Whether the file can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It can: something in it has no effect, or an effect that is rarely wanted.
    Warning,
    /// It cannot.
    Error,
}

impl Level {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong. `Display` is `line:column: level: key: message; remedy`: put the path and a colon before
/// it and editors can jump there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub level: Level,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key with its tables, as `policy.port[2].expects`; empty where the file is not TOML.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, line, column, key, message, remedy } = self;
        write!(f, "{line}:{column}: {}: ", level.name())?;
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        write!(f, "{message}; {remedy}")
    }
}
