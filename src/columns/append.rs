//! Rows on their way to a table, and where each of them comes from.
//!
//! Says everything that exactly-once needs to know: which source the rows are of, and at which number each one stands.

use arrow::array::RecordBatch;

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
    /// When this is, in milliseconds since the epoch.
    pub now_ms: i64,
}
