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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_what_to_do() {
        // ENOSPC, EDQUOT, EROFS, EIO, EACCES.
        let names =
            [28, 122, 30, 5, 13].map(|errno| Refusal::of(&io::Error::from_raw_os_error(errno)).name());
        assert_eq!(names, ["disk_full", "disk_full", "disk_read_only", "disk_error", "disk_error"]);
    }
}
