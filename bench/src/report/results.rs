//! The results file: the machine, the command, the table, the plots.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::machine::Fact;
use super::row::Row;
use super::{machine, plot, table};

/// Writes `<date>-<machine>.md` and its plots; returns the path. A run of some `parts` only has them in its name, and so
/// leaves the file of a whole run alone. `facts` are the machine's, taken before anything was measured or written.
///
/// # Errors
/// A file cannot be written.
pub fn write(
    rows: &[Row],
    folder: &Path,
    parts: &[String],
    facts: &[Fact],
    modes: &[String],
) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut stem = format!("{}-{}", machine::date(), machine::name());
    for part in parts {
        stem = format!("{stem}-{part}");
    }
    let plots = plot::write(rows, folder, &stem)?;
    let mut text = format!("# {}, {}\n\n", machine::date(), machine::name());
    let command: Vec<_> = std::env::args().skip(1).collect();
    let _ = writeln!(text, "- command: `bench/run {}`", command.join(" "));
    for (name, value) in facts {
        let _ = writeln!(text, "- {name}: {value}");
    }
    for mode in modes {
        let _ = writeln!(text, "- {mode}");
    }
    let _ = writeln!(text, "\n{}", table::markdown(rows));
    for path in &plots {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(text, "\n![{name}]({name})");
    }
    let path = folder.join(format!("{stem}.md"));
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
