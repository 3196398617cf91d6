//! Silver: what well-formed events say, one row for each event and product; and quarantine: why the others were
//! rejected.
//!
//! Promises that an event lands in exactly one of the two, once. Knows nothing of sessions.

pub mod quarantine;
pub mod rows;
pub mod schema;

use crate::event::received::ReceivedBatch;
use crate::lake::LakeError;
use crate::lake::append::{Appended, Appender, SourcePosition};
use crate::lake::arrow::array::RecordBatch;
use crate::lineage::{self, Stamp};
use std::sync::Arc;

/// Rows of silver or quarantine with the positions they come from.
#[derive(Debug, Clone)]
pub struct Rows {
    pub layer: &'static str,
    pub stamp: Stamp,
    pub rows: RecordBatch,
    pub positions: Vec<SourcePosition>,
}

/// Appends the rows that are not there yet.
pub async fn write(appender: &Appender, batch: &ReceivedBatch, rows: Rows) -> Result<Appended, Arc<LakeError>> {
    appender.append(lineage::append(rows.layer, &batch.source, rows.stamp, rows.rows, rows.positions)).await
}
