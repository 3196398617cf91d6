//! Counters of the quality of data, as commits carry them in `commitInfo`.
//!
//! A commit counts the rows that it adds, so the counters are committed exactly when the rows are. Promises values that add
//! up: what two commits count is the sum of what each counts. Pure; knows no table, no store and no clock.

pub mod histogram;
pub mod hour;

pub use histogram::Histogram;
pub use hour::HourCounts;
