//! Man pages and completions, from the command line's own definition.

use std::io;
use std::path::Path;

use clap::Command;

/// Writes `name.1` and one page per subcommand into `folder`.
///
/// # Errors
/// What the file system says.
pub(crate) fn man_pages(command: Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}

/// Writes the completion script for `shell`.
pub(crate) fn completions(shell: clap_complete::Shell, mut command: Command, out: &mut dyn io::Write) {
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, out);
}
