//! The running sensor, by what its listener says.

pub(crate) mod exposition;
pub(crate) mod scrape;
