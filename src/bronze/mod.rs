//! Bronze: every received event, its bytes untouched, and what was read in them.
//!
//! Promises that an event is there once, well-formed or not. Knows nothing of what is made of it later.

pub mod rows;
pub mod schema;
pub mod high_water_marks;

use crate::event::received::ReceivedBatch;
use crate::lake::LakeError;
use crate::lake::append::{Appended, Appender};
use crate::lineage;
use rows::Rows;
use std::sync::Arc;

/// Appends the rows of `batch` that are not there yet.
pub async fn write(appender: &Appender, batch: &ReceivedBatch, rows: Rows) -> Result<Appended, Arc<LakeError>> {
    let positions = batch.events.iter().map(lineage::position).collect();
    appender.append(lineage::append(schema::LAYER, &batch.source, rows.stamp, rows.rows, positions)).await
}
