//! `offport sample`: a capture of made-up, well-formed conversations; [`Scene`] makes such captures for tests, too.

mod packet;
mod payload;
mod scene;
mod story;

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

pub use payload::random;
pub use scene::{Scene, Side, Tcp};
pub use story::story;

use crate::exit::Exit;
use crate::output::{Stdout, Target};

pub(crate) fn run(file: &Path, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let mut bytes = Vec::new();
    story().write(&mut bytes).context("the sample")?;
    let mut target = Target::open(file)?;
    target.write_all(&bytes, stdout)?;
    target.flush(stdout)?;
    stdout.flush().context("standard output")?;
    Ok(Exit::Clean)
}
