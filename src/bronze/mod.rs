//! Bronze: every received event, its bytes untouched, and what was read in them.
//!
//! Promises that an event is there once, well-formed or not. Knows nothing of what is made of it later.

pub mod rows;
pub mod schema;

use crate::event::received::ReceivedBatch;
use crate::lake::LakeError;
use crate::lake::append::{Append, Appended, Appender};
use crate::lineage;
use rows::Rows;
use std::sync::Arc;

/// Appends the rows of `batch` that are not there yet.
pub async fn write(appender: &Appender, batch: &ReceivedBatch, rows: Rows) -> Result<Appended, Arc<LakeError>> {
    let append = Append {
        app_id: lineage::app_id(schema::LAYER, &batch.source, rows.stamp.source_epoch),
        partition: Some(rows.stamp.ingested_at.date().to_string()),
        rows: rows.rows,
        positions: batch.events.iter().map(lineage::position).collect(),
        now_ms: rows.stamp.ingested_at.millis(),
    };
    appender.append(append).await
}
