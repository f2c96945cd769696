//! The configuration file and the signature files that it names, from disk.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use offport_fingerprint::{Protocol, Signatures};
use offport_wire::Timestamp;

use crate::config::{Checked, Config};
use crate::problem::Level;
use crate::signatures::{CheckedSignatures, FileProblem, SignatureFile, check_signatures};

/// Files of a folder of signatures at most, and bytes of each.
const MAX_FILES: usize = 256;
const MAX_FILE: u64 = 1 << 20;

/// What came of reading the configuration with all that it names.
#[derive(Clone, Debug)]
pub struct Files {
    /// The settings, and the signatures that they name, their names interned; `None` if there is an error among the problems.
    pub usable: Option<(Config, Signatures)>,
    /// Errors and warnings: the signature files', then the configuration's.
    pub problems: Vec<FileProblem>,
}

/// A file or folder that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: cannot be read", self.path.display())
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Files {
    /// Reads the configuration at `path`. A relative folder of signatures is looked for beside it. `now` tells which
    /// allow-list entries have expired.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(path: &Path, now: Timestamp) -> Result<Self, Unreadable> {
        Self::read_if(path, now, |_| true)
    }

    /// As [`Files::read`], for a process that goes on without them: signatures with errors take none of the places for names, and
    /// nothing is said of a policy that may name them.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read_again(path: &Path, now: Timestamp) -> Result<Self, Unreadable> {
        Self::read_if(path, now, |signatures| signatures.draft.is_some())
    }

    fn read_if(
        path: &Path,
        now: Timestamp,
        suits: impl FnOnce(&CheckedSignatures) -> bool,
    ) -> Result<Self, Unreadable> {
        let text = fs::read_to_string(path).map_err(|error| Unreadable { path: path.into(), error })?;
        let folder =
            Config::signature_folder(&text).map(|folder| path.parent().unwrap_or(Path::new("")).join(folder));
        let files = folder.as_deref().map_or(Ok(Vec::new()), read_signatures)?;
        let signatures = check_signatures(&files);
        if !suits(&signatures) {
            return Ok(Self { usable: None, problems: signatures.problems });
        }
        let CheckedSignatures { draft, names, mut problems } = signatures;
        // In the order in which the signatures would be put in force.
        let own: Vec<Protocol> = names.iter().filter_map(|name| Protocol::intern(name).ok()).collect();
        let Checked { config, problems: of_config } = Config::check_with(&text, now, &own);
        problems.extend(of_config.into_iter().map(|problem| FileProblem { path: path.into(), problem }));
        let signatures = draft.and_then(|draft| draft.adopt().ok());
        let usable = config.zip(signatures).map(|(mut config, signatures)| {
            config.fingerprint.signatures = folder;
            (config, signatures)
        });
        Ok(Self { usable, problems })
    }

    /// How many problems are errors.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.problem.level == Level::Error).count()
    }
}

/// The signature files of a folder, by name: those that end in `.toml` and do not begin with a dot. Folders in it are
/// not looked into.
///
/// # Errors
/// [`Unreadable`]: also more than 256 files, one of more than 1 MiB, or one that is not UTF-8.
pub fn read_signatures(folder: &Path) -> Result<Vec<SignatureFile>, Unreadable> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| Unreadable { path, error }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            paths.push(path);
        }
    }
    if paths.len() > MAX_FILES {
        return Err(unreadable(folder)(io::Error::other(format!("more than {MAX_FILES} files"))));
    }
    paths.sort();
    let read = |path: PathBuf| match fs::metadata(&path).map(|metadata| metadata.len()) {
        Ok(len) if len > MAX_FILE => Err(unreadable(&path)(io::Error::other("more than 1 MiB"))),
        _ => match fs::read_to_string(&path) {
            Ok(text) => Ok(SignatureFile { path, text }),
            Err(error) => Err(unreadable(&path)(error)),
        },
    };
    paths.into_iter().map(read).collect()
}
