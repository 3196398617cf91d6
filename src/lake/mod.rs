//! Delta tables on an object store: open, append, replace, checkpoint.
//!
//! What this module promises: a commit is one put-if-absent of one JSON file, so it happens completely or not at
//! all, whatever is killed when; an appended batch is there once, however often and by however many writers it is
//! tried; a rewrite that was planned on a state that is gone is refused. What it refuses to know: any table's name,
//! any business word, who calls it and why.
//!
//! Reading order: [`store`] (where the lake is), `schema` (how far a stored table may differ: not at all), [`log`] (the files of the Delta log and the actions in them), [`table`] (create, verify, follow), [`snapshot`] and
//! [`replay`] (what the log says the table is), [`commit`] (the one PUT), [`dedup`] and [`append`] (many writers, exactly
//! once), [`rewrite`] (remove and add in one commit), [`file`] (Parquet in and out),
//! [`checkpoint`], and for who does not believe any of it [`integrity`] (the log) and [`inspection`] (the data files).

pub mod error;
pub mod store;
mod schema;
pub mod log;
pub mod workers;
pub mod random;
pub mod table;
pub mod snapshot;
mod replay;
pub mod commit;
pub mod file;
mod dedup;
pub mod append;
pub mod rewrite;
pub mod checkpoint;
pub mod integrity;
pub mod inspection;

pub use deltalake::arrow;
pub use error::LakeError;
