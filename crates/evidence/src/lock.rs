//! One process writes to a store.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

const LOCK: &str = "lock";

/// Held as long as it lives; the system releases it when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the folder, if it is missing, and takes it.
    pub(crate) fn take(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = File::create(folder.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process writes to this store"))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
