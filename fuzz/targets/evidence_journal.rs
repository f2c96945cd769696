//! A journal of flow records, cut and with bytes changed: what is whole before the damage is read, and nothing else.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

/// A folder of this process; `scripts/fuzz` says where, and removes it.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("offport-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        folder
    })
}

fuzz_target!(|data: &[u8]| offport_evidence::flows::fuzz::damage_and_read(folder(), data));
