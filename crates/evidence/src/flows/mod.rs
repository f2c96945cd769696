//! Flow records as columns on disk: Parquet files in partitions, which other engines read too.

mod archive;
mod cells;
mod columns;
mod document;
mod file;
mod filter;
pub mod fuzz;
mod journal;
pub(crate) mod partition;
mod rows;
mod scan;
pub(crate) mod uploaded;
mod writer;

pub use cells::{Cells, Memo};
pub use columns::{Names, fields};
pub use document::{document, rfc3339};
pub use file::{FILE_ROWS, ParquetFile};
#[doc(hidden)]
pub use file::{schema, write_made_up};
pub use filter::Filter;
pub use scan::{FlowQuery, FlowStore};
pub use writer::{FLUSH, FlowCounts, FlowSettings, FlowWriter};

#[cfg(test)]
mod tests;
