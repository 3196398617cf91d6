//! Tables as lists of declared columns, and rows of them as Arrow batches.
//!
//! A column is declared once ([`declare!`](crate::columns::declare)): its name, its type, what it means, whether it may be
//! null, whether the log keeps its minimum and maximum, and the function that reads its value from a row. The schema of a
//! table, the batches written to it and the tables of the README all come from that one list.
//!
//! Reading order: [`declaration`] (a column, a table), [`build`] (rows become a batch), [`read`] (a batch becomes values,
//! JSON, a list of differences), [`Append`] (a batch on its way to a table, with everything that exactly-once needs to
//! know). Knows Arrow and the value types of [`event`](crate::event); knows no table, no store and no log.

pub mod declaration;
pub mod build;
pub mod read;

pub(crate) use declaration::declare;
pub use declaration::{Column, Lists, TableSpec};
pub use read::Rows;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// A batch that is not what its table declares.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {attempt} of table `{table}`: {detail}")]
pub struct ColumnError {
    pub attempt: &'static str,
    pub table: &'static str,
    pub detail: String,
}

impl From<ColumnError> for ArrowError {
    fn from(error: ColumnError) -> Self {
        ArrowError::SchemaError(error.to_string())
    }
}

/// Place of a row in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourcePosition {
    pub sequence: i64,
    /// When the source accepted it, in milliseconds since the epoch; tells a source that numbers its rows from the start
    /// again from one that repeats them.
    pub enqueued_ms: i64,
}

/// Rows of one source, by growing sequence number.
#[derive(Debug, Clone)]
pub struct Append {
    /// The name under which the table records how far it got with the source.
    pub app_id: String,
    /// Value of the table's partition column for all rows.
    pub partition: Option<String>,
    pub rows: RecordBatch,
    /// Where each row comes from; several rows may come from one position.
    pub positions: Vec<SourcePosition>,
    /// Time of the append, in milliseconds since the epoch.
    pub now_ms: i64,
    /// What the commit of the rows says of them. Appends with different notes do not share a commit.
    pub note: Option<CommitNote>,
    /// What the commit says of those rows that it adds.
    pub details: Option<CommitDetails>,
}

/// A member of `commitInfo` whose value depends on which of the rows the commit adds.
#[derive(Clone)]
pub struct CommitDetails {
    pub name: &'static str,
    /// What to say of the row at this index and all after it. Called for each attempt to commit them.
    pub of: Arc<dyn Fn(usize) -> Value + Send + Sync>,
    /// The value of a commit, from those of its appends. All appends to a table have the same function.
    pub merge: fn(Vec<Value>) -> Value,
}

impl fmt::Debug for CommitDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitDetails").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A member of `commitInfo`, the same for all rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitNote {
    pub name: &'static str,
    pub value: String,
}
