//! A folder, as of a mounted file system.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

pub(super) fn size(path: &Path) -> Result<Option<u64>, String> {
    match fs::metadata(path) {
        Ok(file) => Ok(Some(file.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(said(path, &error)),
    }
}

/// To a temporary name first, so that no reader sees half a file.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let Some(folder) = path.parent() else { return Err(format!("{}: no folder", path.display())) };
    let temporary = path.with_extension("tmp");
    let put = || {
        fs::create_dir_all(folder)?;
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    };
    put().map_err(|error| said(path, &error))
}

fn said(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
