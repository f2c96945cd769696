//! `[fingerprint]`: what protocols are told apart by.

use std::path::PathBuf;

use crate::parse::optional_path;
use crate::section::section;

section! {
    /// Signatures beside what is built in.
    Fingerprint ("fingerprint") {
        /// Folder of signature files; `None`: only what is built in.
        signatures: Option<PathBuf> = None, optional_path;
    }
}
