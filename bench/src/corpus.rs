//! The mixed capture of the labelled corpora, unpacked into memory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// The capture as a plain file in memory, unpacked once per machine. `OFFPORT_CORPORA` names the folder of
/// `mix.pcap.xz`; without it, `../shared/corpora` beside the workspace.
///
/// # Errors
/// It is not there, or cannot be unpacked.
pub fn mix() -> anyhow::Result<PathBuf> {
    let folder = std::env::var_os("OFFPORT_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"), PathBuf::from);
    let packed = folder.join("mix.pcap.xz");
    if !packed.exists() {
        bail!("no mix.pcap.xz in {} (set OFFPORT_CORPORA)", folder.display());
    }
    let unpacked = scratch()?.join("mix.pcap");
    if !unpacked.exists() {
        let part = unpacked.with_extension(format!("part{}", std::process::id()));
        let file = File::create(&part).with_context(|| format!("cannot create {}", part.display()))?;
        let status = Command::new("xz").arg("-dc").arg(&packed).stdout(Stdio::from(file)).status();
        ensure!(status.context("xz does not start")?.success(), "xz failed on {}", packed.display());
        std::fs::rename(&part, &unpacked)?;
    }
    Ok(unpacked)
}

/// A folder in memory for what is read again and again.
///
/// # Errors
/// It cannot be created.
pub fn scratch() -> anyhow::Result<PathBuf> {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = base.join("offport-bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}
