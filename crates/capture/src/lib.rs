//! Where packets come from: AF_XDP and capture files.

#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "live")]
pub mod xdp;
