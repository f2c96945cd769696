//! What stays on disk: packets, flow records as columns, and lines in files that rotate.

pub mod flows;
mod frame;
mod lock;
pub mod packets;
mod refusal;
mod rotating_file;
mod seldom;
mod thread;
#[cfg(feature = "upload")]
pub mod upload;

pub use refusal::Refusal;
pub use rotating_file::RotatingFile;
pub use seldom::Seldom;
