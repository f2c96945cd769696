//! Where a target keeps its files.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A folder of this process; `scripts/fuzz` says where, and removes it.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("offport-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        folder
    })
}
