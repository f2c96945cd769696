//! Why a disk takes no more.

use std::io;

/// Why the disk did not take something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No space is left, or a quota is reached.
    Full,
    /// It is mounted read-only.
    ReadOnly,
    /// Anything else.
    Io,
}

impl Refusal {
    /// Each, in the order of what counts them.
    pub const ALL: [Self; 3] = [Self::Full, Self::ReadOnly, Self::Io];

    /// The metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "disk_full",
            Self::ReadOnly => "disk_read_only",
            Self::Io => "disk_error",
        }
    }

    pub(crate) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io,
        }
    }
}
