//! How `offport` ends.

use std::io;
use std::process::ExitCode;

/// The exit codes: a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; nothing was flagged. Also when whoever read standard output has seen enough and closed it.
    Clean,
    /// 1: done; something was flagged (`read`), or there is no such flow (`explain`).
    Flagged,
    /// 2: wrong usage.
    Usage,
    /// 3: nothing could be read, or output could not be written, or the configuration has errors.
    Failed,
    /// 4: some files could not be read, or not to their end; the others were. Goes before 1.
    Partial,
}

impl Exit {
    /// The code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Flagged => 1,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::Partial => 4,
        }
    }

    /// Prints what clap has to say: help and version are no errors.
    pub fn of_usage(error: &clap::Error) -> Self {
        match error.print() {
            _ if error.use_stderr() => Self::Usage,
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Self::Failed,
            _ => Self::Clean,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
