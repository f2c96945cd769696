//! Which captures to read.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::Read;
use crate::run::Misuse;

/// The captures of the command line, then those of `--files0-from`.
pub(super) fn all(args: &Read) -> anyhow::Result<Vec<PathBuf>> {
    let mut names = args.files.clone();
    if let Some(list) = &args.files0_from {
        let stdin = list == Path::new("-");
        let listed = separated(list, stdin)?;
        names.extend(listed);
        if stdin && names.iter().any(|name| name == Path::new("-")) {
            return Err(
                Misuse("standard input cannot be both a capture and the list of captures".into()).into()
            );
        }
    }
    if names.iter().filter(|name| *name == Path::new("-")).count() > 1 {
        return Err(Misuse("standard input can be read only once".into()).into());
    }
    if names.is_empty() {
        return Err(Misuse("the list of captures is empty".into()).into());
    }
    Ok(names)
}

fn separated(list: &Path, stdin: bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    if stdin {
        std::io::stdin().read_to_end(&mut bytes).context("cannot read the list of captures")?;
    } else {
        bytes = std::fs::read(list).with_context(|| format!("cannot read {}", list.display()))?;
    }
    let names = bytes.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}
