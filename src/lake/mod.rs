//! Delta tables on an object store: open, append, replace, checkpoint, check.
//!
//! What this module promises:
//! - A commit is one put-if-absent of one JSON file. It happens completely or not at all, whatever is killed when.
//! - An appended batch is in the table exactly once, however often and by however many writers it is tried.
//! - A rewrite that was planned on a state that is gone is refused.
//! - A table that is not what this version writes is refused, and nothing is written to it.
//!
//! What it does not know: the name of any table, any word of the business, who calls it and why.
//!
//! Reading order. Each file uses only those before it:
//! 1. `action` (what a Delta log consists of), [`error`] (what can go wrong, and who has to act), [`store`] (where the
//!    lake is), [`workers`] (where work that occupies a core runs), `features` (what is switched on in a table and cannot be
//!    kept here).
//! 2. `decode` (a data file of any writer as rows of the table), [`mod@file`] (rows as Parquet), [`log`] (reads
//!    commits), [`commit`] (adds one, by the one PUT), `checkpoint` and [`snapshot`] (from the log to the state of the
//!    table).
//! 3. [`table`] (one table: create, open, follow, rewrite), `stream` (reads its data files), `dedup` and [`append`]
//!    (many writers, every row exactly once: the heart of the module).
//! 4. [`integrity`] (checks a log) and [`inspection`] (checks data files) for the audit.
//!
//! The promises are tested on memory, on a disk and on Azurite by `tests/it/lake_promises/`.

mod action;
pub mod error;
pub mod store;
pub mod workers;
mod features;
mod decode;
pub mod file;
pub mod log;
pub mod commit;
mod checkpoint;
pub mod snapshot;
pub mod table;
mod stream;
mod dedup;
pub mod append;
pub mod integrity;
pub mod inspection;

pub use deltalake::arrow;
pub use error::LakeError;
