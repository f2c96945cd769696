//! Landlock (landlock(7)): the folders that may be written to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use landlock::{
    ABI, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetStatus,
};
use offport_config::Config;

/// The kernel's interface as far as it is used: truncating (Linux 6.2) is the last right that concerns writing.
const ABI_USED: ABI = ABI::V3;

/// What the kernel had to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landlock {
    /// Nothing.
    Off,
    /// Most of it.
    Partly,
    /// All that was asked for.
    Whole,
}

impl Landlock {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Partly => "partly",
            Self::Whole => "on",
        }
    }
}

/// From now on only the configuration's own folders are written to, and nothing is executed. Folders that are missing are made.
pub(super) fn restrict(config: &Config) -> anyhow::Result<Landlock> {
    let folders = written(config);
    for folder in &folders {
        std::fs::create_dir_all(folder).with_context(|| {
            format!("{}: cannot be created; name another place in the configuration", folder.display())
        })?;
    }
    restrict_to(&folders)
}

/// As [`restrict`], to folders that are there.
pub(super) fn restrict_to(folders: &BTreeSet<PathBuf>) -> anyhow::Result<Landlock> {
    let refused = AccessFs::from_write(ABI_USED) | AccessFs::Execute;
    let mut rules = Ruleset::default().handle_access(refused)?.create()?;
    for folder in folders {
        let place = PathFd::new(folder)?;
        rules = rules.add_rule(PathBeneath::new(place, granted()))?;
    }
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Landlock::Off,
        RulesetStatus::PartiallyEnforced => Landlock::Partly,
        RulesetStatus::FullyEnforced => Landlock::Whole,
    })
}

/// Files and folders, made, changed, renamed and removed; no devices, pipes, sockets, links.
fn granted() -> BitFlags<AccessFs> {
    AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}

/// The folders of all that the configuration has written.
fn written(config: &Config) -> BTreeSet<PathBuf> {
    let Config { events, records, store, nats, alertmanager, syslog, .. } = config;
    let parent = |path: &Path| match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => path.to_owned(),
    };
    let mut folders = BTreeSet::new();
    folders.extend(events.enabled.then(|| parent(&events.path)));
    folders.extend(records.enabled.then(|| parent(&records.path)));
    let stored = store.packets.enabled || store.flows.enabled;
    folders.extend(stored.then(|| store.path.clone()));
    let uploads = store.upload.enabled.then(|| store.upload.url.strip_prefix("file://").map(PathBuf::from));
    folders.extend(uploads.flatten());
    for (enabled, spool) in [
        (nats.enabled, &nats.spool),
        (alertmanager.enabled, &alertmanager.spool),
        (syslog.enabled, &syslog.spool),
    ] {
        folders.extend(spool.clone().filter(|_| enabled));
    }
    folders
}
