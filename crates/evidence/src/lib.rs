//! What stays on disk: flow records and events as lines in files that rotate.

mod rotating_file;

pub use rotating_file::RotatingFile;
