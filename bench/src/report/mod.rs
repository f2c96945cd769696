//! From rows to table, results file and plots.

pub mod machine;
pub mod plot;
pub mod results;
pub mod row;
pub mod table;
