//! What stays on disk: packets, and flow records and events as lines in files that rotate.

pub mod packets;
mod rotating_file;

pub use rotating_file::RotatingFile;
