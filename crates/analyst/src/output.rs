//! Where output goes: standard output or a file.

use std::fs::File;
use std::io::{self, BufWriter, Stdout as Handle, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Standard output, block buffered: `println!` would flush after every line.
pub(crate) struct Stdout(BufWriter<Handle>);

impl Stdout {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 << 10, io::stdout()))
    }

    /// Hands on what is left.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush().context("standard output")
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One output of a command that has several.
pub(crate) enum Target {
    /// `-`
    Stdout,
    /// A file, truncated.
    File(PathBuf, BufWriter<File>),
}

impl Target {
    /// Opens what was named on the command line.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self::File(path.to_owned(), BufWriter::with_capacity(256 << 10, file)))
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8], stdout: &mut Stdout) -> anyhow::Result<()> {
        match self {
            Self::Stdout => stdout.write_all(bytes).context("standard output"),
            Self::File(path, file) => {
                file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))
            }
        }
    }

    pub(crate) fn flush(&mut self, stdout: &mut Stdout) -> anyhow::Result<()> {
        match self {
            Self::Stdout => stdout.flush().context("standard output"),
            Self::File(path, file) => {
                file.flush().with_context(|| format!("cannot write {}", path.display()))
            }
        }
    }
}
